import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import {
  type PackedRows,
  packSegments,
  ROW_CAPACITY,
  type Segment,
  SHARED_HEAD,
  segmentLength,
  splitByBudget,
} from "./packing.js";

const PAIR: Segment = {
  id: "pair",
  prompt: [1, 2, 3],
  branches: [
    [10, 11, 12],
    [20, 21],
  ],
};
const SINGLE: Segment = { id: "single", prompt: [5, 6], branches: [[7]] };

const numbers = (array: BigInt64Array) => Array.from(array, Number);

const tokens = fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 12 });
const head = fc.array(fc.integer({ min: 0, max: 999 }), { maxLength: 6 });
const segmentList = fc
  .tuple(
    head,
    fc.array(fc.record({ prompt: tokens, branches: fc.array(tokens, { minLength: 1, maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 12,
    }),
  )
  .map(([shared, list]) =>
    list.map((s, i): Segment => ({ id: `s${i}`, ...s, prompt: [...shared, ...s.prompt] })),
  );

/** Rebuilds the segments from the arrays alone, following the labels. */
function unpack(packed: PackedRows, count: number): { prompt: number[]; branches: number[][] }[] {
  const at = (segment: number, branch: number) =>
    numbers(packed.inputIds).filter(
      (_, i) => packed.segmentIds[i] === BigInt(segment) && packed.branchIds[i] === BigInt(branch),
    );
  const bySequence = new Map<number, number[]>();
  packed.sequenceOf.forEach((sequence, m) => {
    if (sequence < 0) return;
    bySequence.set(sequence, [...(bySequence.get(sequence) ?? []), Number(packed.labels[m])]);
  });
  const segmentOf = new Map<number, number>();
  packed.sequenceOf.forEach((sequence, m) => {
    if (sequence >= 0) segmentOf.set(sequence, Number(packed.segmentIds[Number(packed.targetIndex[m])]));
  });
  const head = numbers(packed.inputIds.slice(0, headLength(packed)));
  return Array.from({ length: count }, (_, s) => {
    const sequences = [...bySequence.keys()].filter((q) => segmentOf.get(q) === s).sort((a, b) => a - b);
    return { prompt: [...head, ...at(s, 0)], branches: sequences.map((q) => bySequence.get(q) ?? []) };
  });
}

/** Tokens at the head of a row. */
const headLength = (packed: PackedRows) =>
  numbers(packed.segmentIds.slice(0, packed.length)).filter((id) => id === SHARED_HEAD).length;

describe("packSegments", () => {
  test("lays out a pair and a single by hand", () => {
    const packed = packSegments([PAIR, SINGLE], { rowCapacity: 8, chunks: 4 });
    expect([packed.rows, packed.length, packed.sequences, packed.filled]).toEqual([1, 8, 3, 8]);
    expect(numbers(packed.inputIds)).toEqual([1, 2, 3, 10, 11, 20, 5, 6]);
    expect(numbers(packed.positionIds)).toEqual([0, 1, 2, 3, 4, 3, 0, 1]);
    expect(numbers(packed.segmentIds)).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
    expect(numbers(packed.branchIds)).toEqual([0, 0, 0, 1, 1, 2, 0, 0]);
    expect(numbers(packed.targetIndex)).toEqual([2, 3, 4, 2, 5, 7, 0, 0]);
    expect(numbers(packed.labels)).toEqual([10, 11, 12, 20, 21, 7, 0, 0]);
    expect(Array.from(packed.sequenceOf)).toEqual([0, 0, 0, 1, 1, 2, -1, -1]);
  });

  test("puts what all prompts begin with at the head of every row", () => {
    const twin: Segment = { id: "twin", prompt: [1, 2, 9], branches: [[30, 31]] };
    const packed = packSegments([PAIR, twin, { ...twin, id: "other" }], { rowCapacity: 8 });
    expect([packed.rows, packed.length, packed.filled]).toEqual([2, 8, 12]);
    expect(numbers(packed.inputIds)).toEqual([1, 2, 3, 10, 11, 20, 9, 30, 1, 2, 9, 30, 0, 0, 0, 0]);
    expect(numbers(packed.positionIds)).toEqual([0, 1, 2, 3, 4, 3, 2, 3, 0, 1, 2, 3, 0, 0, 0, 0]);
    expect(numbers(packed.segmentIds)).toEqual([-2, -2, 0, 0, 0, 0, 1, 1, -2, -2, 2, 2, -1, -1, -1, -1]);
    expect(numbers(packed.targetIndex)).toEqual([2, 3, 4, 2, 5, 6, 7, 10, 11]);
  });

  test("keeps the last token of every prompt out of the head: it predicts", () => {
    const packed = packSegments([SINGLE, { ...SINGLE, branches: [[8]] }]);
    expect(numbers(packed.segmentIds)).toEqual([-2, 0, 1]);
  });

  test("marks padding of short rows with segment -1", () => {
    const packed = packSegments([PAIR, SINGLE], { rowCapacity: 6 });
    expect([packed.rows, packed.length]).toEqual([2, 6]);
    expect(numbers(packed.segmentIds)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, -1, -1, -1, -1]);
  });

  test("refuses a segment longer than the row", () => {
    expect(() => packSegments([PAIR], { rowCapacity: 5 })).toThrow(ConfigError);
  });

  test("unpacks to what was packed", () => {
    fc.assert(
      fc.property(segmentList, (segments) => {
        const expected = segments.map(({ prompt, branches }) => ({ prompt: [...prompt], branches }));
        expect(unpack(packSegments(segments), segments.length)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test("predicts every label from the position before it in its own sequence", () => {
    fc.assert(
      fc.property(segmentList, (segments) => {
        const packed = packSegments(segments, { chunks: 8 });
        const seen = new Map<number, number>();
        packed.sequenceOf.forEach((sequence, m) => {
          if (sequence < 0) return;
          const from = Number(packed.targetIndex[m]);
          const step = seen.get(sequence) ?? 0;
          const segment = segments[Number(packed.segmentIds[from])];
          expect(Number(packed.positionIds[from])).toBe((segment?.prompt.length ?? 0) - 1 + step);
          seen.set(sequence, step + 1);
        });
        expect(packed.labels.length % 8).toBe(0);
      }),
    );
  });

  test("obeys the capacity and keeps every segment in one row", () => {
    fc.assert(
      fc.property(segmentList, fc.integer({ min: 0, max: 60 }), (segments, slack) => {
        const longest = Math.max(...segments.map(segmentLength));
        const packed = packSegments(segments, { rowCapacity: longest + slack });
        expect(packed.length).toBeLessThanOrEqual(longest + slack);
        const rowsOf = new Map<bigint, Set<number>>();
        packed.segmentIds.forEach((s, i) => {
          if (s >= 0n) rowsOf.set(s, (rowsOf.get(s) ?? new Set()).add(Math.floor(i / packed.length)));
        });
        for (const rows of rowsOf.values()) expect(rows.size).toBe(1);
        const saved = headLength(packed) * (segments.length - packed.rows);
        expect(packed.filled).toBe(segments.reduce((sum, s) => sum + segmentLength(s), 0) - saved);
        expect(packSegments(segments).length).toBeLessThanOrEqual(Math.max(longest, ROW_CAPACITY));
      }),
    );
  });
});

describe("splitByBudget", () => {
  test("keeps order, obeys both limits and lets an oversized item stand alone", () => {
    expect(splitByBudget([3, 3, 9, 1, 1, 1], (n) => n, 6, 2)).toEqual([[3, 3], [9], [1, 1], [1]]);
    expect(splitByBudget([], (n: number) => n, 6, 2)).toEqual([]);
  });
});

test("where only the end is read, a branch takes all its places and has one target, its last token", () => {
  const ends = [PAIR, SINGLE].map((segment) => ({ ...segment, readsEnd: true }));
  const packed = packSegments(ends);
  const at = (index: bigint) => Number(packed.inputIds[Number(index)]);
  expect(Array.from(packed.targetIndex, at)).toEqual([12, 21, 7]);
  expect(Array.from(packed.sequenceOf)).toEqual([0, 1, 2]);
  expect(packed.filled).toBe(ends.reduce((sum, segment) => sum + segmentLength(segment), 0));
  expect(ends.map(segmentLength)).toEqual([8, 3]);
});
