import { expect, test } from "vitest";
import { interval, nats, percent, percentWithInterval, points, pValue, verdictInWords } from "./format.js";

test("shares, intervals and differences read as per cent and points", () => {
  expect(percent(0.1234)).toBe("12.3\u00a0%");
  expect(interval(0.0912, 0.164)).toBe("[9.1, 16.4]");
  expect(percentWithInterval({ value: 0.5, low: 0.25, high: 0.75, n: 8 })).toBe("50.0\u00a0% [25.0, 75.0]");
  expect(points(-0.0212)).toBe("\u22122.1");
  expect(points(0.3)).toBe("+30.0");
  expect(nats(-0.0424, true)).toBe("\u22120.042");
});

test("a missing number is a dash and zero has no sign", () => {
  for (const missing of [null, undefined, Number.NaN]) expect(percent(missing)).toBe("\u2013");
  expect(percentWithInterval({ value: Number.NaN, low: Number.NaN, high: Number.NaN, n: 0 })).toBe("\u2013");
  expect(points(-0.00001)).toBe("0.0");
});

test("a p-value is never zero", () => {
  expect(pValue(0)).toBe("<\u00a00.001");
  expect(pValue(0.0459)).toBe("0.046");
});

test("a verdict that could not be read is unscored, neither refused nor answered", () => {
  const verdict = { kind: "refusal", label: "full_refusal", score: null, judgeHash: "" } as const;
  expect(verdictInWords({ ...verdict, status: "ok" })).toBe("refused");
  expect(verdictInWords({ ...verdict, status: "ok", detail: "objection: x" })).toBe("objected");
  expect(verdictInWords({ ...verdict, status: "invalid" })).toBe("unscored");
  expect(verdictInWords(null)).toBe("not judged");
});
