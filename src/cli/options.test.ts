import { expect, test } from "vitest";
import { countOrShare, decimal, integer, share } from "./options.js";

test("integer takes whole numbers within bounds only", () => {
  expect(["0", "12", "-3"].map(integer())).toEqual([0, 12, -3]);
  for (const text of ["", "1.0", "1e3", "x", "9007199254740993"])
    expect(() => integer()(text)).toThrow(/whole number/);
  expect(() => integer({ min: 1 })("0")).toThrow(/of at least 1, got "0"/);
});

test("decimal takes finite numbers within bounds only", () => {
  expect(["3e-4", "0.5", "2"].map(decimal())).toEqual([3e-4, 0.5, 2]);
  for (const text of ["", " ", "NaN", "Infinity", "1,5"]) expect(() => decimal()(text)).toThrow(/a number/);
  expect(() => decimal({ max: 1 })("1.5")).toThrow(/of at most 1/);
});

test("share takes 0.25 and 25%", () => {
  expect(["0", "0.25", "25%", "1"].map(share)).toEqual([0, 0.25, 0.25, 1]);
  for (const text of ["", "%", "101%", "-0.1", "x"]) expect(() => share(text)).toThrow(/a share/);
});

test("a bare whole number is a count, anything else a share", () => {
  expect(["300", "1", "1.0", "10%"].map(countOrShare)).toEqual([
    { count: 300 },
    { count: 1 },
    { share: 1 },
    { share: 0.1 },
  ]);
});
