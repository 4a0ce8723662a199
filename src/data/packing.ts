/**
 * @file Rows without padding: segments (a prompt computed once and its answers) are packed side by side into rows, kept
 * apart by segment ids and restarted positions. An answer's last token is only ever a label, so it takes no place; under
 * a class head it is what is read, and takes one. What all prompts begin with (the template's system turn) stands once at the head of every row.
 * Query i sees key j iff j ≤ i in the row, and j lies in the head, or in the same segment and there in the prompt
 * (branch 0) or in i's own branch.
 */
import { ConfigError, InternalError } from "../core/errors.js";

/** A prompt and the answers that continue it: one for SFT, chosen and rejected for DPO. Token ids. */
export interface Segment {
  readonly id: string;
  /** At least one token: the last one predicts the first token of every branch. */
  readonly prompt: readonly number[];
  /** Each at least one token; all of its tokens are labels. */
  readonly branches: readonly (readonly number[])[];
  /** True for a class head: the one target of a branch is the position of its last token, with label 0. */
  readonly readsEnd?: boolean;
}

/** How rows are filled. */
export interface PackingOptions {
  /** Most tokens a row may hold; default {@link ROW_CAPACITY}, or the longest segment where that is longer. */
  readonly rowCapacity?: number;
  /** M is padded to a multiple of this, so that the output projection splits into equal chunks; default 1. */
  readonly chunks?: number;
}

/** Packed rows as the graphs take them; matrices are [B·L] row major. */
export interface PackedRows {
  /** B */
  readonly rows: number;
  /** L: the fullest row. */
  readonly length: number;
  readonly inputIds: BigInt64Array;
  /** Restart at 0 with every segment; every branch starts at the prompt's length. */
  readonly positionIds: BigInt64Array;
  /** Index of the segment; −1 for padding, {@link SHARED_HEAD} for what all segments begin with. */
  readonly segmentIds: BigInt64Array;
  /** 0 for prompt and padding; 1, 2, … for branches. */
  readonly branchIds: BigInt64Array;
  /** [M] flattened position whose logits predict the label. */
  readonly targetIndex: BigInt64Array;
  /** [M] */
  readonly labels: BigInt64Array;
  /** [M] running number of the (segment, branch) that the label belongs to; −1 for padding of M. */
  readonly sequenceOf: Int32Array;
  /** Number of (segment, branch) pairs. */
  readonly sequences: number;
  /** Positions of the rows that hold a token. */
  readonly filled: number;
}

/**
 * Tokens of a row unless a segment is longer: a longer row saves copies of the head, and its attention grows with the
 * square of its length; at this length both are small.
 */
export const ROW_CAPACITY = 256;

/** Segment id of the tokens at the head of a row that all its segments begin with. */
export const SHARED_HEAD = -2;

/** Row positions that a segment takes: its prompt and every branch, without its last token unless that is read. */
export function segmentLength(segment: Segment): number {
  return segment.branches.reduce(
    (sum, branch) => sum + placed(segment, branch).length,
    segment.prompt.length,
  );
}

/** Targets of a segment: every token of its branches, or one a branch where only the end is read. */
export function targetCount({ branches, readsEnd }: Segment): number {
  return readsEnd === true ? branches.length : branches.reduce((sum, branch) => sum + branch.length, 0);
}

/** The tokens of a branch that take a place. */
function placed({ readsEnd }: Segment, branch: readonly number[]): readonly number[] {
  return readsEnd === true ? branch : branch.slice(0, -1);
}

/**
 * Packs segments into rows, first-fit decreasing; deterministic.
 * @throws ConfigError when a segment is longer than a given row capacity
 * @throws InternalError for an empty prompt or branch, which data preparation drops
 */
export function packSegments(segments: readonly Segment[], options: PackingOptions = {}): PackedRows {
  for (const segment of segments) requireTokens(segment);
  const head = commonHead(segments);
  const bins = fillRows(segments, head.length, options.rowCapacity);
  const length = Math.max(0, ...bins.map((bin) => bin.used));
  const labels = segments.reduce((sum, segment) => sum + targetCount(segment), 0);
  const packed = emptyRows(bins.length, length, roundUp(labels, options.chunks ?? 1));
  const writer = { packed, head: head.length, target: 0, sequence: 0 };
  bins.forEach((_, row) => {
    writeTokens(writer, head, { offset: row * length, position: 0, segment: SHARED_HEAD, branch: 0 });
  });
  const offsets = new Map(
    bins.flatMap((bin, row) => bin.members.map((m) => [m.index, row * length + m.start])),
  );
  segments.forEach((segment, index) => {
    writeSegment(writer, segment, index, offsets.get(index) ?? 0);
  });
  return { ...packed, sequences: writer.sequence, filled: bins.reduce((sum, bin) => sum + bin.used, 0) };
}

/**
 * Splits a list into runs of at most `limit` items and at most `tokenBudget` tokens (an item beyond the budget stands
 * alone), in order: the micro-batches of an optimiser step.
 */
export function splitByBudget<T>(
  items: readonly T[],
  lengthOf: (item: T) => number,
  tokenBudget: number,
  limit: number,
): T[][] {
  const parts: T[][] = [];
  let used = 0;
  for (const item of items) {
    const length = lengthOf(item);
    const last = parts.at(-1);
    if (last === undefined || used + length > tokenBudget || last.length >= limit) {
      parts.push([item]);
      used = length;
    } else {
      last.push(item);
      used += length;
    }
  }
  return parts;
}

interface Bin {
  used: number;
  readonly members: { readonly index: number; readonly start: number }[];
}

/** What all prompts begin with; the last token of each stays its own, since it predicts its answers. */
function commonHead(segments: readonly Segment[]): readonly number[] {
  const [first, ...others] = segments.map(({ prompt }) => prompt);
  if (first === undefined) return [];
  const limit = Math.min(...segments.map(({ prompt }) => prompt.length - 1));
  let length = 0;
  while (length < limit && others.every((prompt) => prompt[length] === first[length])) length++;
  return first.slice(0, length);
}

function fillRows(segments: readonly Segment[], head: number, rowCapacity: number | undefined): Bin[] {
  const lengths = segments.map(segmentLength);
  const longest = Math.max(0, ...lengths);
  const capacity = rowCapacity ?? Math.max(longest, ROW_CAPACITY);
  if (longest > capacity) {
    const id = segments[lengths.indexOf(longest)]?.id ?? "";
    throw new ConfigError(`packing: expected rows of at most ${capacity} tokens, got ${longest} in ${id}`, {
      hint: "raise the row capacity or lower --max-length",
    });
  }
  const order = lengths
    .map((length, index) => ({ length, index }))
    .sort((a, b) => b.length - a.length || a.index - b.index);
  const bins: Bin[] = [];
  for (const { length, index } of order) {
    const own = length - head;
    let bin = bins.find((candidate) => candidate.used + own <= capacity);
    if (bin === undefined) {
      bin = { used: head, members: [] };
      bins.push(bin);
    }
    bin.members.push({ index, start: bin.used });
    bin.used += own;
  }
  return bins;
}

function emptyRows(rows: number, length: number, targets: number): Omit<PackedRows, "sequences" | "filled"> {
  const size = rows * length;
  return {
    rows,
    length,
    inputIds: new BigInt64Array(size),
    positionIds: new BigInt64Array(size),
    segmentIds: new BigInt64Array(size).fill(-1n),
    branchIds: new BigInt64Array(size),
    targetIndex: new BigInt64Array(targets),
    labels: new BigInt64Array(targets),
    sequenceOf: new Int32Array(targets).fill(-1),
  };
}

interface RowWriter {
  readonly packed: Omit<PackedRows, "sequences" | "filled">;
  /** Tokens at the head of every row. */
  readonly head: number;
  target: number;
  sequence: number;
}

function writeSegment(writer: RowWriter, segment: Segment, index: number, offset: number): void {
  const promptLength = segment.prompt.length;
  const own = segment.prompt.slice(writer.head);
  writeTokens(writer, own, { offset, position: writer.head, segment: index, branch: 0 });
  const predicting = offset + own.length - 1;
  let cursor = offset + own.length;
  segment.branches.forEach((branch, b) => {
    const tokens = placed(segment, branch);
    writeTokens(writer, tokens, { offset: cursor, position: promptLength, segment: index, branch: b + 1 });
    if (segment.readsEnd === true) writeTarget(writer, cursor + branch.length - 1, 0);
    else
      branch.forEach((label, t) => {
        writeTarget(writer, t === 0 ? predicting : cursor + t - 1, label);
      });
    cursor += tokens.length;
    writer.sequence += 1;
  });
}

interface TokenPlace {
  readonly offset: number;
  readonly position: number;
  readonly segment: number;
  readonly branch: number;
}

function writeTokens(writer: RowWriter, ids: readonly number[], place: TokenPlace): void {
  const { inputIds, positionIds, segmentIds, branchIds } = writer.packed;
  ids.forEach((id, t) => {
    const at = place.offset + t;
    inputIds[at] = BigInt(id);
    positionIds[at] = BigInt(place.position + t);
    segmentIds[at] = BigInt(place.segment);
    branchIds[at] = BigInt(place.branch);
  });
}

function writeTarget(writer: RowWriter, from: number, label: number): void {
  writer.packed.targetIndex[writer.target] = BigInt(from);
  writer.packed.labels[writer.target] = BigInt(label);
  writer.packed.sequenceOf[writer.target] = writer.sequence;
  writer.target += 1;
}

function requireTokens(segment: Segment): void {
  if (segment.prompt.length > 0 && segment.branches.every((branch) => branch.length > 0)) return;
  throw new InternalError(
    `packing: expected a prompt and answers of at least one token, got an empty one in ${segment.id}`,
  );
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
