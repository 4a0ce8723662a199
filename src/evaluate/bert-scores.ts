/**
 * @file BERTScore of answers that have a reference, in a journal of its own (`bertscores.jsonl`): it may be asked for after
 * the answers were drawn, and a line counts only for the encoder, weights, answer and reference that it was made from.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GenerationError } from "../core/errors.js";
import { Journal } from "../core/files.js";
import { hashJson } from "../core/hash.js";
import type { TextEmbedder } from "../generate/text-embedder.js";
import { type BertScore, bertScore, inverseDocumentFrequencies } from "../stats/bert-score.js";
import type { Estimate } from "../stats/intervals.js";
import { meanOfAnswers } from "./repeats.js";
import type { BertScoreMetric, SampleRow } from "./results.js";
import { requestId } from "./sample-ids.js";

const BERT_SCORES_FILE = "bertscores.jsonl";

/** How answers are set against references. */
export interface BertScoring {
  readonly embedder: Pick<TextEmbedder, "hash" | "encode" | "embed" | "specialIds">;
  /** Weigh tokens by how few references of the evaluation have them; default false. */
  readonly idf?: boolean;
}

/** Scores by id of the sample. */
export type BertScores = ReadonlyMap<string, BertScore>;

interface BertScoreRow extends BertScore {
  readonly id: string;
  /** {@link scoringHash}; lines of earlier versions lack it and are not compared. */
  readonly scoring?: string;
  /** sha256 over everything that the score depends on. */
  readonly hash: string;
}

interface Pair {
  readonly id: string;
  readonly scoring: string;
  readonly hash: string;
  readonly answer: string;
  readonly reference: string;
}

/** Pairs handed to the encoder at once: enough to batch, few enough to lose little. */
const SCORED_AT_ONCE = 32;

/** What collecting needs. */
export interface CollectOptions extends BertScoring {
  readonly out: string;
  readonly samples: readonly SampleRow[];
  /** By task, then by prompt id. */
  readonly references: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Scores the answers that the journal lacks; those that failed have none. @throws GenerationError when stopped */
export async function collectBertScores(options: CollectOptions): Promise<BertScores> {
  const weights = tokenWeights(options);
  const pairs = pairsOf(options, weights.hash);
  const journal = new Journal<BertScoreRow>(join(options.out, BERT_SCORES_FILE));
  try {
    const known = new Set(journal.rows.map(({ hash }) => hash));
    const open = pairs.filter(({ hash }) => !known.has(hash));
    for (let start = 0; start < open.length; start += SCORED_AT_ONCE) {
      options.onProgress?.(pairs.length - open.length + start, pairs.length);
      if (options.signal?.aborted === true)
        throw new GenerationError("bertscore: stopped", {
          hint: "run the same command again: scores are kept",
        });
      const piece = open.slice(start, start + SCORED_AT_ONCE);
      for (const row of await scorePairs(piece, options.embedder, weights.of)) journal.append(row);
    }
    const byHash = new Map(journal.rows.map((row) => [row.hash, row]));
    return new Map(
      pairs.flatMap(({ id, hash }) => (byHash.has(hash) ? [[id, byHash.get(hash) as BertScore]] : [])),
    );
  } finally {
    journal.close();
  }
}

/**
 * sha256 over the encoder and the weights of tokens: scores with the same one may be compared.
 * @param references of the evaluation, by task, then by prompt id; with idf they are what tokens are weighed by
 */
export function scoringHash(scoring: BertScoring, references: CollectOptions["references"]): string {
  const { hash: weights } = tokenWeights({ ...scoring, references });
  return hashJson({ encoder: scoring.embedder.hash, weights });
}

/** Scores of an evaluation's folder that one encoder gave; the last one of each answer. */
export function readBertScores(folder: string, scoring: string | undefined): BertScores {
  const path = join(folder, BERT_SCORES_FILE);
  if (scoring === undefined || !existsSync(path)) return new Map();
  const journal = new Journal<BertScoreRow>(path);
  journal.close();
  return new Map(journal.rows.filter((row) => row.scoring === scoring).map((row) => [row.id, row]));
}

/** F1; null where there is no score. */
export function f1Of(score: BertScore | undefined): number | null {
  return scoreOf(score, "f1");
}

/** Means over answers, with intervals. */
export function bertScoreEstimates(
  samples: readonly SampleRow[],
  scores: BertScores,
  level: number,
): [BertScoreMetric, Estimate & { readonly unscored: number }][] {
  return (["precision", "recall", "f1"] as const).map((part) => [
    `bertscore-${part}`,
    meanOfAnswers(samples, ({ id }) => scoreOf(scores.get(id), part), level),
  ]);
}

/** Null where idf leaves a text without weight: its averages are NaN, which JSON reads back as null. */
function scoreOf(score: BertScore | undefined, part: keyof BertScore): number | null {
  const isWhole = Number.isFinite(score?.precision) && Number.isFinite(score?.recall);
  return isWhole ? (score?.[part] ?? null) : null;
}

function tokenWeights({
  embedder,
  idf = false,
  references,
}: BertScoring & Pick<CollectOptions, "references">): {
  readonly of: (id: number) => number;
  readonly hash: string;
} {
  if (!idf) return { of: (id) => (embedder.specialIds.has(id) ? 0 : 1), hash: "" };
  const texts = [...references.values()].flatMap((byPrompt) => [...byPrompt.values()]);
  return {
    of: inverseDocumentFrequencies(texts.map((text) => embedder.encode(text))),
    hash: hashJson({ idf: [...texts].sort() }),
  };
}

function pairsOf({ samples, references, embedder }: CollectOptions, weights: string): Pair[] {
  const scoring = hashJson({ encoder: embedder.hash, weights });
  return samples.flatMap(({ id, task, promptId, response: answer, finishReason }) => {
    const reference = references.get(task)?.get(promptId);
    if (reference === undefined || finishReason === "error") return [];
    const of = { prompt: requestId(task, promptId), encoder: embedder.hash, weights, answer, reference };
    return [{ id, scoring, hash: hashJson(of), answer, reference }];
  });
}

async function scorePairs(
  pairs: readonly Pair[],
  embedder: BertScoring["embedder"],
  weightOf: (id: number) => number,
): Promise<BertScoreRow[]> {
  const answers = await embedder.embed(pairs.map(({ answer }) => answer));
  const references = await embedder.embed(pairs.map(({ reference }) => reference));
  return pairs.flatMap(({ id, scoring, hash }, i) => {
    const [answer, reference] = [answers[i], references[i]];
    if (answer === undefined || reference === undefined) return [];
    return [{ id, scoring, hash, ...bertScore(answer, reference, weightOf) }];
  });
}
