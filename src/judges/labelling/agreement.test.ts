import { expect, test } from "vitest";
import { measureLabelAgreement, ratersOf } from "./agreement.js";
import type { LabelRow } from "./label-file.js";

function rows(labeller: string, labels: readonly string[], responseHash = "r"): LabelRow[] {
  return labels.map((label, i) => ({
    id: `a${i}`,
    promptHash: `p${i}`,
    responseHash,
    label,
    labeller,
    seconds: null,
  }));
}

// Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example A: binary, two observers, no gaps.
const FIRST = rows("ann", ["0", "1", "0", "0", "0", "0", "0", "0", "1", "0"]);
const SECOND = rows("bob", ["1", "1", "1", "0", "0", "1", "0", "0", "0", "0"]);

test("equals the published alpha of two observers, from one file or from two", () => {
  const one = ratersOf([{ path: "x.jsonl", rows: [...FIRST, ...SECOND] }]);
  const two = ratersOf([
    { path: "x.jsonl", rows: FIRST },
    { path: "y.jsonl", rows: SECOND },
  ]);
  for (const raters of [one, two]) {
    const { alpha, raw, n, disagreements } = measureLabelAgreement(raters, { seed: 0 });
    expect(alpha.value).toBeCloseTo(0.095, 3);
    expect([raw.value, n]).toEqual([0.6, 10]);
    expect(raw.low).toBeLessThan(0.6);
    expect(alpha.low).toBeLessThan(alpha.value);
    expect(disagreements).toEqual(["a0", "a2", "a5", "a8"]);
  }
});

test("the same name in two files is two people; labels of other answers are no pair", () => {
  const raters = ratersOf([
    { path: "x.jsonl", rows: rows("me", ["safe", "unsafe"]) },
    { path: "y.jsonl", rows: rows("me", ["safe", "unsafe"], "of another answer") },
  ]);
  expect(raters.map(({ name }) => name)).toEqual(["me (x.jsonl)", "me (y.jsonl)"]);
  const { n, alpha } = measureLabelAgreement(raters, { seed: 0 });
  expect(n).toBe(0);
  expect(alpha.value).toBeNaN();
});

test("labels taken back do not count", () => {
  const back = { ...(FIRST[1] as LabelRow), label: null };
  const raters = ratersOf([{ path: "x.jsonl", rows: [...FIRST, back, ...SECOND] }]);
  expect(measureLabelAgreement(raters, { seed: 0 }).n).toBe(9);
});

test("answers to one prompt are drawn together", () => {
  const few = (labels: readonly LabelRow[]) => labels.map((row, i) => ({ ...row, promptHash: `p${i % 2}` }));
  const drawn = (labels: LabelRow[]) => {
    const { alpha } = measureLabelAgreement(ratersOf([{ path: "x", rows: labels }]), { seed: 0 });
    return alpha.n;
  };
  expect(drawn([...FIRST, ...SECOND])).toBe(10);
  expect(drawn([...few(FIRST), ...few(SECOND)])).toBe(2);
});
