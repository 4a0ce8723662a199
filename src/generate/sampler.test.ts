import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError, GenerationError } from "../core/errors.js";
import { uniformAt } from "../core/random.js";
import { type DrawOptions, drawToken, tokenProbabilities } from "./sampler.js";
import { resolveSampling } from "./sampling-options.js";

const PLAIN: DrawOptions = { temperature: 1, topK: 0, topP: 1, frequencyPenalty: 0, minNewTokens: 0 };
const EMPTY = { counts: new Map<number, number>(), length: 0 };
const LOGITS = Float32Array.from([1.5, -0.5, 3, 0, 2.25, -4, 0.75, 3]);

function draw(options: Partial<DrawOptions>, uniform: number, history = EMPTY, logits = LOGITS) {
  return drawToken(logits, history, { ...PLAIN, ...options }, [2], () => uniform);
}

/** Softmax, then top-k and top-p by sorting everything: the definition, slow. */
function expectedProbabilities(logits: Float32Array, options: DrawOptions): number[] {
  const weights = Array.from(logits, (logit) => Math.exp(logit / options.temperature));
  const order = Array.from(logits.keys()).sort(
    (a, b) => (weights[b] as number) - (weights[a] as number) || a - b,
  );
  const least = options.topK === 0 ? -Infinity : (logits[order[options.topK - 1] ?? -1] ?? -Infinity);
  const kept = order.filter((i) => (logits[i] as number) >= least);
  const total = kept.reduce((sum, i) => sum + (weights[i] as number), 0);
  const nucleus = new Set<number>();
  let reached = 0;
  for (const i of kept) {
    if (reached >= options.topP * total) break;
    nucleus.add(i);
    reached += weights[i] as number;
  }
  return weights.map((weight, i) => (nucleus.has(i) ? weight / reached : 0));
}

test("greedy takes the first of the largest logits and says that it was near", () => {
  expect(draw({ temperature: 0 }, 0.5)).toEqual({ token: 2, isNearTie: true });
  expect(draw({ temperature: 0 }, 0.5, EMPTY, Float32Array.of(1, 1.0011)).isNearTie).toBe(false);
  expect(draw({ temperature: 0 }, 0.5, EMPTY, Float32Array.of(1, 1.0009)).isNearTie).toBe(true);
});

test("probabilities equal the definition by sorting", () => {
  const logits = fc.array(fc.integer({ min: -64, max: 64 }), { minLength: 2, maxLength: 60 });
  const property = fc.property(
    logits,
    fc.integer({ min: 0, max: 70 }),
    fc.double({ min: 0.05, max: 1, noNaN: true }),
    fc.double({ min: 0.3, max: 3, noNaN: true }),
    (values, topK, topP, temperature) => {
      const row = Float32Array.from(values, (value) => value / 8);
      const options = { ...PLAIN, topK, topP, temperature };
      const got = tokenProbabilities(row, options);
      const expected = expectedProbabilities(row, options);
      for (let i = 0; i < row.length; i++) expect(got[i]).toBeCloseTo(expected[i] as number, 10);
    },
  );
  fc.assert(property, { numRuns: 300, seed: 11 });
});

test.each([
  ["temperature", { temperature: 0.7 }],
  ["top-k", { topK: 3 }],
  ["top-p", { topP: 0.6 }],
  ["all of them", { temperature: 1.4, topK: 6, topP: 0.9 }],
])("draws follow the distribution under %s (chi-square)", (_, options) => {
  const expected = tokenProbabilities(LOGITS, { ...PLAIN, ...options });
  const n = 6_000;
  const seen = new Float64Array(LOGITS.length);
  for (let i = 0; i < n; i++) {
    const { token } = draw(options, uniformAt([5, "prompt", i % 7, i]));
    seen[token] = (seen[token] as number) + 1;
  }
  let chiSquare = 0;
  expected.forEach((p, i) => {
    if (p === 0) expect(seen[i]).toBe(0);
    else chiSquare += ((seen[i] as number) - n * p) ** 2 / (n * p);
  });
  expect(chiSquare).toBeLessThan(24.3); // 0.999 quantile with 7 degrees of freedom
});

test("the uniform number runs through the vocabulary in order", () => {
  const tokens = [0, 0.2, 0.5, 0.9, 0.999999].map((uniform) => draw({}, uniform).token);
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
  expect(draw({}, 0).token).toBe(0);
  expect(draw({}, 1 - 2 ** -32).token).toBe(7);
});

test("a draw is a near tie exactly when it lies close to the edge of its token", () => {
  const first = tokenProbabilities(LOGITS, PLAIN)[0] as number;
  expect(draw({}, first - 1e-6).isNearTie).toBe(true);
  expect(draw({}, first / 2).isNearTie).toBe(false);
  expect(draw({}, 0).isNearTie).toBe(false);
});

test("the frequency penalty is subtracted once for each earlier draw", () => {
  const history = {
    counts: new Map([
      [2, 2],
      [7, 1],
    ]),
    length: 3,
  };
  expect(draw({ temperature: 0, frequencyPenalty: 0.5 }, 0, history).token).toBe(7);
  expect(draw({ temperature: 0, frequencyPenalty: 0.8 }, 0, history).token).toBe(4);
  expect(draw({ temperature: 0 }, 0, history).token).toBe(2);
});

test("stop tokens cannot be drawn before the minimum", () => {
  const history = { counts: new Map<number, number>(), length: 4 };
  expect(draw({ temperature: 0, minNewTokens: 5 }, 0, history).token).toBe(7);
  expect(draw({ temperature: 0, minNewTokens: 4 }, 0, history).token).toBe(2);
  expect(LOGITS[2]).toBe(3);
});

test("refuses logits that are not finite", () => {
  expect(() => draw({}, 0.5, EMPTY, Float32Array.of(Number.NaN, Number.NaN))).toThrow(GenerationError);
  expect(() => draw({}, 0.5, EMPTY, Float32Array.of(1, Infinity))).toThrow(GenerationError);
});

test("refuses options out of range and fills in the rest", () => {
  expect(resolveSampling({ topP: 0.5 })).toMatchObject({ topP: 0.5, maxNewTokens: 128, batchSize: 16 });
  for (const options of [
    { topP: 0 },
    { temperature: -1 },
    { maxNewTokens: 0 },
    { topK: 1.5 },
    { stop: [""] },
  ]) {
    expect(() => resolveSampling(options)).toThrow(ConfigError);
  }
  expect(() => resolveSampling({ temperature: Number.NaN })).toThrow(ConfigError);
});
