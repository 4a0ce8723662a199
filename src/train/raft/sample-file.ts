/**
 * @file The samples of one stage on disk. Answers are appended as they finish, then their scores, part by part; when all
 * are there the file is written anew, in order, each sample with its scores. A kill at any moment loses what was in the
 * making and nothing else.
 */
import { rmSync } from "node:fs";
import { Journal, writeFileDurably } from "../../core/files.js";
import type { Completion, GenerationRequest } from "../../text/chat-model.js";
import type { RaftPrompt } from "./prompts.js";
import type { Answered, DrawnSample, SampleScores, ScoredSample } from "./sample.js";

/** What is to be drawn and scored. */
export interface SampleTask {
  /** A `.jsonl` file; scores lie beside it until they are joined. */
  readonly path: string;
  readonly prompts: readonly RaftPrompt[];
  /** Of each prompt. */
  readonly samples: number;
  /** Draws the samples that are lacking. @param done how many are known */
  readonly draw: (requests: readonly GenerationRequest[], done: number) => AsyncIterable<Completion>;
  /** Scores in the order of the answers. */
  readonly score: (answers: readonly Answered[]) => Promise<readonly SampleScores[]>;
  /** So many are scored, of all. */
  readonly onScored?: (done: number, total: number) => void;
}

/** Samples that are scored together. A part does not depend on what is known: a resumed run gets the same bits. */
const PART = 64;

type StoredSample = DrawnSample & Partial<SampleScores>;

/** One line of the scores' journal. */
type ScoreLine = SampleScores & Pick<DrawnSample, "id" | "sample">;

/** All samples with their scores, by prompt and sample; what the files hold is taken from there. */
export async function sampleAndScore(task: SampleTask): Promise<ScoredSample[]> {
  const drawn = await drawMissing(task);
  if (drawn.every(isScored)) return drawn.filter(isScored);
  const path = task.path.replace(/\.jsonl$/, ".scores.jsonl");
  const scored = await scoreMissing(path, answersOf(drawn, task.prompts), task);
  await writeFileDurably(task.path, scored.map((each) => `${JSON.stringify(each)}\n`).join(""));
  rmSync(path, { force: true });
  return scored;
}

async function drawMissing({ path, prompts, samples, draw }: SampleTask): Promise<StoredSample[]> {
  const journal = new Journal<StoredSample>(path);
  try {
    const known = new Map(journal.rows.map((row) => [keyOf(row), row]));
    const all = Array.from({ length: samples }, (_, sample) => sample);
    const requests = prompts.map(({ id, messages }) => ({
      id,
      messages,
      sampleIndices: all.filter((sample) => !known.has(keyOf({ id, sample }))),
    }));
    const lacking = requests.filter(({ sampleIndices }) => sampleIndices.length > 0);
    if (lacking.length > 0) {
      for await (const completion of draw(lacking, known.size)) journal.append(toSample(completion));
    }
    return inOrder(journal.rows, prompts);
  } finally {
    journal.close();
  }
}

async function scoreMissing(
  path: string,
  answers: readonly Answered[],
  { score, onScored }: SampleTask,
): Promise<ScoredSample[]> {
  const journal = new Journal<ScoreLine>(path);
  try {
    const known = new Map(journal.rows.map((line) => [keyOf(line), line]));
    for (let first = 0; first < answers.length; first += PART) {
      onScored?.(first, answers.length);
      const part = answers.slice(first, first + PART);
      if (part.every(({ drawn }) => known.has(keyOf(drawn)))) continue;
      const scores = await score(part);
      const lines = part.flatMap(({ drawn: { id, sample } }, i) => {
        const own = scores[i];
        return own === undefined ? [] : [{ id, sample, ...own }];
      });
      journal.append(...lines.filter((line) => !known.has(keyOf(line))));
    }
    const lines = new Map(journal.rows.map((line) => [keyOf(line), line]));
    return answers.flatMap(({ drawn }) => {
      const line = lines.get(keyOf(drawn));
      return line === undefined ? [] : [{ ...drawn, ...line }];
    });
  } finally {
    journal.close();
  }
}

function answersOf(samples: readonly DrawnSample[], prompts: readonly RaftPrompt[]): Answered[] {
  const byId = new Map(prompts.map((prompt) => [prompt.id, prompt]));
  return samples.flatMap((drawn) => {
    const prompt = byId.get(drawn.id);
    return prompt === undefined ? [] : [{ prompt, drawn }];
  });
}

function toSample({ id, sample, response, tokenIds, finishReason }: Completion): DrawnSample {
  return { id, sample, response, token_ids: tokenIds, finish_reason: finishReason };
}

function inOrder(rows: readonly StoredSample[], prompts: readonly RaftPrompt[]): StoredSample[] {
  const place = new Map(prompts.map(({ id }, i) => [id, i]));
  const placeOf = ({ id }: StoredSample) => place.get(id) ?? 0;
  return [...rows].sort((a, b) => placeOf(a) - placeOf(b) || a.sample - b.sample);
}

function isScored(row: StoredSample): row is ScoredSample {
  return row.rewards !== undefined;
}

function keyOf({ id, sample }: Pick<DrawnSample, "id" | "sample">): string {
  return JSON.stringify([id, sample]);
}
