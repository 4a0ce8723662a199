import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { GenerationError } from "../../core/errors.js";
import { inParallel } from "./in-parallel.js";

test("begins no more than it may while nobody takes what has finished", async () => {
  let begun = 0;
  const work = async (item: number): Promise<number> => {
    begun++;
    return item * 2;
  };
  const results: number[] = [];
  for await (const result of inParallel([1, 2, 3, 4, 5, 6, 7], 3, work)) {
    await turn();
    results.push(result);
    // Three waiting, and those taken so far.
    expect(begun).toBeLessThanOrEqual(results.length + 3);
  }
  expect(results.sort((a, b) => a - b)).toEqual([2, 4, 6, 8, 10, 12, 14]);
});

test("aborts the rest when the caller stops early", async () => {
  const aborted: number[] = [];
  const work = (item: number, signal: AbortSignal): Promise<number> =>
    item === 0
      ? Promise.resolve(item)
      : new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            aborted.push(item);
            reject(signal.reason);
          }),
        );
  for await (const result of inParallel([0, 1, 2], 3, work)) {
    expect(result).toBe(0);
    break;
  }
  expect(aborted).toEqual([1, 2]);
});

test("gives what has finished before it throws, and begins nothing new", async () => {
  const begun: number[] = [];
  const work = async (item: number): Promise<number> => {
    begun.push(item);
    if (item === 1) throw new GenerationError("broken");
    return item;
  };
  const seen: number[] = [];
  const run = async (): Promise<void> => {
    for await (const result of inParallel([0, 1, 2, 3, 4, 5, 6], 3, work)) seen.push(result);
  };
  await expect(run()).rejects.toThrow("broken");
  expect([begun, seen]).toEqual([
    [0, 1, 2],
    [0, 2],
  ]);
});
