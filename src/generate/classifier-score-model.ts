/**
 * @file A classifier on this machine as a {@link ScoreModel}: conversations and answers to texts, texts to ids, rows of
 * like length through the graph. A text's score depends on nothing else in its batch, up to rounding.
 */
import { hashJson } from "../core/hash.js";
import { splitByBudget } from "../data/packing.js";
import { emitModel } from "../engine/onnx/emit.js";
import type { Engine, Session, TensorData } from "../engine/types.js";
import { type Classifier, classifierGraph } from "../models/classifier/classifier.js";
import type { OnCut, ScoreModel } from "../text/chat-model.js";
import type { DialogueFormat } from "../text/dialogue-format.js";
import type { Exchange } from "../text/messages.js";
import { Tokenizer } from "../text/tokenizer.js";
import { floatOutput } from "./decode-graph-run.js";

/** Texts that are sorted by length together; their scores come in the order of the texts. */
const WINDOW = 64;
/** Tokens of a run, padding left out. */
const RUN_TOKENS = 1024;

/** What a {@link ClassifierScoreModel} is made of. */
export interface ClassifierScoreModelParts {
  readonly engine: Engine;
  readonly classifier: Classifier;
  readonly format: DialogueFormat;
  /** Close the engine with the model; default false. */
  readonly ownsEngine?: boolean;
}

/** A GPT-2 or DeBERTa-v3 with a class head. */
export class ClassifierScoreModel implements ScoreModel {
  readonly id: string;
  /** Of weights, tokenizer and text format. */
  readonly hash: string;
  readonly labels: readonly string[];
  readonly format: DialogueFormat;
  private readonly parts: ClassifierScoreModelParts;
  private readonly tokenizer: Tokenizer;
  private session: Promise<Session> | null = null;

  /** @throws TokenizerError when the tokenizer's files are not understood */
  constructor(parts: ClassifierScoreModelParts) {
    const { classifier, format } = parts;
    this.parts = parts;
    this.id = classifier.id;
    this.labels = classifier.layout.labels;
    this.format = format;
    this.tokenizer = new Tokenizer(classifier.text);
    this.hash = hashJson({
      model: classifier.hash,
      tokenizer: this.tokenizer.hash,
      format: format.name,
    });
  }

  /** Scores as the head gives them, one list an exchange, in order; a text's end is cut where it does not fit. */
  async *scores(exchanges: readonly Exchange[], onCut?: OnCut): AsyncGenerator<readonly number[]> {
    this.session ??= this.parts.engine.open(emitModel(classifierGraph(this.parts.classifier)));
    const session = await this.session;
    for (let start = 0; start < exchanges.length; start += WINDOW) {
      const window = exchanges.slice(start, start + WINDOW);
      yield* await scoreRows(
        session,
        window.map((exchange, i) => this.encode(exchange, () => onCut?.(start + i))),
      );
    }
  }

  /** Closes the session; closes the engine if it is the model's own. */
  async close(): Promise<void> {
    const session = this.session;
    this.session = null;
    await (await session)?.close();
    if (this.parts.ownsEngine === true) await this.parts.engine.close();
  }

  /** What the tokenizer puts around a text stays whole; nothing in the text becomes a control token. */
  private encode(exchange: Exchange, onCut: () => void): readonly number[] {
    const { prefixIds, suffixIds } = this.tokenizer;
    const ids = this.format.parts(exchange).flatMap((part) => this.tokenizer.encodeText(part));
    const room = this.parts.classifier.layout.maxLength - prefixIds.length - suffixIds.length;
    if (ids.length > room) onCut();
    return [...prefixIds, ...ids.slice(0, room), ...suffixIds];
  }
}

/** Scores of rows of ids, in their order. */
async function scoreRows(session: Session, rows: readonly (readonly number[])[]): Promise<number[][]> {
  const longestFirst = [...rows.keys()].sort((a, b) => lengthOf(rows, b) - lengthOf(rows, a));
  const scores: number[][] = rows.map(() => []);
  for (const run of splitByBudget(longestFirst, (i) => lengthOf(rows, i), RUN_TOKENS, rows.length)) {
    const outputs = await session.run(paddedFeeds(run.map((i) => rows[i] ?? [])));
    const values = floatOutput(outputs, "scores");
    const labels = values.length / run.length;
    for (const [b, i] of run.entries()) scores[i] = Array.from(values.subarray(b * labels, (b + 1) * labels));
  }
  return scores;
}

function lengthOf(rows: readonly (readonly number[])[], index: number): number {
  return rows[index]?.length ?? 0;
}

/** `input_ids` [B,T], zeros after a row's end, and `lengths` [B]. */
export function paddedFeeds(rows: readonly (readonly number[])[]): Record<string, TensorData> {
  const lengths = rows.map(({ length }) => length);
  const longest = Math.max(...lengths);
  const inputIds = new BigInt64Array(rows.length * longest);
  for (const [b, ids] of rows.entries()) inputIds.set(BigInt64Array.from(ids, BigInt), b * longest);
  return {
    input_ids: { dtype: "int64", shape: [rows.length, longest], data: inputIds },
    lengths: { dtype: "int64", shape: [rows.length], data: BigInt64Array.from(lengths, BigInt) },
  };
}
