/**
 * @file Log-probabilities of given answers: prompts that several answers share are computed once, and rows are packed
 * with little padding. Runs the graphs of `models/decoder/score-graph.ts`.
 */
import {
  type PackedRows,
  packSegments,
  ROW_CAPACITY,
  type Segment,
  segmentLength,
  splitByBudget,
} from "../data/packing.js";
import type { Session, TensorData } from "../engine/types.js";
import { LOGIT_CHUNKS } from "../models/decoder/token-log-probs.js";
import { type AdapterFeeds, floatOutput } from "./decode-graph-run.js";

/** A prompt with an answer, as token ids, each at least one. */
export interface ScoreRequest {
  readonly id: string;
  readonly promptIds: readonly number[];
  readonly answerIds: readonly number[];
}

/** Log-probabilities of an answer's tokens, nats. */
export interface ScoredAnswer {
  readonly id: string;
  readonly tokenLogProbs: readonly number[];
}

/** Tokens of a run, so that other users of the engine are not kept waiting. */
export const RUN_TOKENS = 1024;

/** Requests that share a prompt, and the segment that holds their answers as branches in the same order. */
export interface SharedPrompt {
  readonly segment: Segment;
  readonly requests: readonly ScoreRequest[];
}

/**
 * Scores answers; they come run by run, not in the order of the requests.
 * @param shared as {@link sharePrompts} gives them
 */
export async function* scoreAnswers(
  session: Session,
  adapterFeeds: AdapterFeeds,
  shared: readonly SharedPrompt[],
): AsyncGenerator<ScoredAnswer> {
  for (const run of runsOf(shared)) {
    const segments = run.map(({ segment }) => segment);
    const packed = packTightly(segments);
    const outputs = await session.run({ ...adapterFeeds, ...packedFeeds(packed) }, { fetch: ["log_probs"] });
    yield* unpack(run, packed, floatOutput(outputs, "log_probs"));
  }
}

/** Prompts that are computed in one run, {@link RUN_TOKENS} at most where one alone does not have more. */
export function runsOf(shared: readonly SharedPrompt[]): readonly (readonly SharedPrompt[])[] {
  return splitByBudget(shared, ({ segment }) => segmentLength(segment), RUN_TOKENS, shared.length);
}

/** The prompt with the last token of each answer read, not its log-probabilities. */
export function readAtEnd({ segment, requests }: SharedPrompt): SharedPrompt {
  return { segment: { ...segment, readsEnd: true }, requests };
}

/** Steps in which lengths of rows are tried. */
const ROW_STEP = 8;

/** Positions whose pairs with one position cost as much as that position does in the linear layers; see decision 0084. */
const PAIRS_OF_A_POSITION = 2000;

/** Of rows from the longest segment's length up to the usual one, the ones that cost least: padding is computed too. */
export function packTightly(segments: readonly Segment[]): PackedRows {
  const longest = Math.max(...segments.map(segmentLength));
  let best = packSegments(segments, { chunks: LOGIT_CHUNKS });
  for (let rowCapacity = longest; rowCapacity < ROW_CAPACITY; rowCapacity += ROW_STEP) {
    const packed = packSegments(segments, { chunks: LOGIT_CHUNKS, rowCapacity });
    if (costOf(packed) < costOf(best)) best = packed;
  }
  return best;
}

/** In positions. */
function costOf({ rows, length }: PackedRows): number {
  return rows * length * (1 + length / PAIRS_OF_A_POSITION);
}

/** Answers to equal prompts become branches of one segment, as many as a row takes; the longest segments first. */
export function sharePrompts(requests: readonly ScoreRequest[]): SharedPrompt[] {
  const byPrompt = new Map<string, ScoreRequest[]>();
  for (const request of requests) {
    const key = request.promptIds.join(" ");
    byPrompt.set(key, [...(byPrompt.get(key) ?? []), request]);
  }
  const shared = [...byPrompt.values()].flatMap((group) => {
    const promptLength = group[0]?.promptIds.length ?? 0;
    // Computing a prompt twice costs more than a row that its answers make twice as long.
    const room = Math.max(promptLength, ROW_CAPACITY - promptLength);
    return splitByBudget(group, ({ answerIds }) => answerIds.length - 1, room, group.length).map(toSegment);
  });
  return shared.sort((a, b) => segmentLength(b.segment) - segmentLength(a.segment));
}

function toSegment(requests: readonly ScoreRequest[]): SharedPrompt {
  const [first] = requests;
  return {
    requests,
    segment: {
      id: first?.id ?? "",
      prompt: first?.promptIds ?? [],
      branches: requests.map(({ answerIds }) => answerIds),
    },
  };
}

/** The score graph's inputs: [B, L] matrices and [M] targets. */
export function packedFeeds(packed: PackedRows): Record<string, TensorData> {
  const matrix = (data: BigInt64Array): TensorData => ({
    dtype: "int64",
    shape: [packed.rows, packed.length],
    data,
  });
  const vector = (data: BigInt64Array): TensorData => ({ dtype: "int64", shape: [data.length], data });
  return {
    input_ids: matrix(packed.inputIds),
    position_ids: matrix(packed.positionIds),
    segment_ids: matrix(packed.segmentIds),
    branch_ids: matrix(packed.branchIds),
    target_index: vector(packed.targetIndex),
    labels: vector(packed.labels),
  };
}

/** Labels lie in the order of segments and branches, without gaps. */
function* unpack(
  run: readonly SharedPrompt[],
  packed: PackedRows,
  logProbs: Float32Array,
): Generator<ScoredAnswer> {
  const answers = run.flatMap(({ requests }) => requests);
  const values: number[][] = answers.map(() => []);
  packed.sequenceOf.forEach((sequence, m) => {
    if (sequence >= 0) values[sequence]?.push(logProbs[m] as number);
  });
  for (const [i, { id }] of answers.entries()) yield { id, tokenLogProbs: values[i] ?? [] };
}
