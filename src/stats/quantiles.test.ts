import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normalQuantile, tQuantile } from "./quantiles.js";

const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/statistics.json", import.meta.url), "utf8"),
) as Record<"normalQuantile" | "tQuantile", { rows: number[][] }>;

const probability = fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true });

test("agrees with scipy on normal quantiles to 1e-12", () => {
  expect(golden.normalQuantile.rows.length).toBeGreaterThan(10);
  for (const [p = NaN, z = NaN] of golden.normalQuantile.rows)
    expect(Math.abs(normalQuantile(p) - z)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(z)));
});

test("agrees with scipy on t quantiles to 1e-12", () => {
  expect(golden.tQuantile.rows.length).toBeGreaterThan(100);
  for (const [p = NaN, df = NaN, t = NaN] of golden.tQuantile.rows)
    expect(Math.abs(tQuantile(p, df) - t)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(t)));
});

test("meets the closed forms of one and two degrees of freedom", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), (p) => {
      expect(tQuantile(p, 1)).toBeCloseTo(Math.tan(Math.PI * (p - 0.5)), 9);
      expect(tQuantile(p, 2)).toBeCloseTo((2 * p - 1) * Math.sqrt(2 / (4 * p * (1 - p))), 10);
    }),
  );
});

test("is odd about one half and nears the normal with many degrees of freedom", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 0.49, noNaN: true }),
      fc.integer({ min: 1, max: 200 }),
      (p, df) => {
        expect(tQuantile(1 - p, df)).toBeCloseTo(-tQuantile(p, df), 8);
        expect(tQuantile(p, 1e9)).toBeCloseTo(normalQuantile(p), 8);
      },
    ),
  );
});

test("gives NaN outside [0, 1] and infinities at its ends", () => {
  expect([normalQuantile(-0.1), normalQuantile(NaN), tQuantile(1.1, 3), tQuantile(0.5, 0)]).toEqual(
    Array(4).fill(NaN),
  );
  expect([normalQuantile(0), normalQuantile(1), tQuantile(0, 3), tQuantile(1, 3)]).toEqual([
    -Infinity,
    Infinity,
    -Infinity,
    Infinity,
  ]);
  fc.assert(fc.property(probability, (p) => Number.isFinite(normalQuantile(p))));
});
