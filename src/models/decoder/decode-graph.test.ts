import { expect, test } from "vitest";
import { scratchEngine } from "../../../test/support/scratch-engine.js";
import {
  bySequence,
  logSoftmax,
  openRandom,
  packed,
  runPacked,
  worstDifference,
} from "../../../test/support/tiny-model.js";
import type { Session, TensorData } from "../../engine/types.js";
import type { LoadedModel } from "../loaded-model.js";
import { buildDecodeGraph } from "./decode-graph.js";
import { buildScoreGraph } from "./score-graph.js";

// The logits of transformers are compared in generate/local-chat-model.test.ts, over caches and chunks.

const { root, engine } = await scratchEngine("decode");
interface Row {
  readonly ids: readonly number[];
  readonly past?: number;
}
type Cache = Record<string, TensorData>;

const int64 = (shape: readonly number[], values: readonly number[]): TensorData => ({
  dtype: "int64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Runs rows of unlike length over a cache (none: one hidden position of junk, which must not matter). */
function decode(model: LoadedModel, session: Session, rows: readonly Row[], cache: Cache | null) {
  const { numHiddenLayers, numKeyValueHeads, headDim } = model.config;
  const length = Math.max(...rows.map(({ ids }) => ids.length));
  const shape = [rows.length, numKeyValueHeads, 1, headDim];
  const junk: TensorData = {
    dtype: "float32",
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1e4),
  };
  const names = Array.from({ length: numHiddenLayers }, (_, l) => [`${l}.key`, `${l}.value`]).flat();
  const padded = (row: Row, value: (i: number) => number) =>
    Array.from({ length }, (_, i) => (i < row.ids.length ? value(i) : 0));
  return session.run({
    input_ids: int64(
      [rows.length, length],
      rows.flatMap((row) => padded(row, (i) => row.ids[i] as number)),
    ),
    position_ids: int64(
      [rows.length, length],
      rows.flatMap((row) => padded(row, (i) => (row.past ?? 0) + i)),
    ),
    past_lengths: int64(
      [rows.length],
      rows.map(({ past = 0 }) => past),
    ),
    last_index: int64(
      [rows.length],
      rows.map(({ ids }) => ids.length - 1),
    ),
    ...Object.fromEntries(names.map((name) => [`past.${name}`, cache?.[`present.${name}`] ?? junk])),
  });
}

const floatsOf = (tensor: TensorData | undefined) => tensor?.data as Float32Array;
const sequence = [3, 1, 4, 1, 5, 9, 2, 6];

test.each([
  { tie_word_embeddings: true },
  { tie_word_embeddings: false, num_key_value_heads: 4 },
  { tie_word_embeddings: false, num_key_value_heads: 1, head_dim: 16 },
])("cached = uncached = scored: %o", async (changes) => {
  const model = await openRandom(root, changes);
  const [session, scorer] = [
    await engine.open(buildDecodeGraph(model, null)),
    await engine.open(buildScoreGraph(model, null)),
  ];
  const whole = await decode(model, session, [{ ids: sequence }], null);
  for (const cut of [1, 4, 7]) {
    const first = await decode(model, session, [{ ids: sequence.slice(0, cut) }], null);
    const rest = await decode(model, session, [{ ids: sequence.slice(cut), past: cut }], first);
    expect(worstDifference(floatsOf(rest["logits"]), floatsOf(whole["logits"]))).toBeLessThan(1e-5);
  }
  const rows = packed([{ id: "s", prompt: sequence, branches: [[7]] }]);
  const scored = bySequence(rows, (await runPacked(scorer, rows))["log_probs"] as Float32Array).flat();
  expect(worstDifference(scored, [logSoftmax(floatsOf(whole["logits"]))[7] as number])).toBeLessThan(1e-5);
  await session.close();
  await scorer.close();
});

test("a batch of unlike lengths gives what each row gives alone", async () => {
  const model = await openRandom(root);
  const session = await engine.open(buildDecodeGraph(model, null));
  const rows = [{ ids: sequence }, { ids: [8] }, { ids: [2, 7, 1] }];
  const together = await decode(model, session, rows, null);
  const logits = floatsOf(together["logits"]);
  const vocabulary = model.config.vocabSize;
  expect(together["logits"]?.shape).toEqual([3, vocabulary]);
  for (const [b, row] of rows.entries()) {
    const alone = await decode(model, session, [row], null);
    const own = logits.subarray(b * vocabulary, (b + 1) * vocabulary);
    expect(worstDifference(own, floatsOf(alone["logits"]))).toBeLessThan(1e-5);
  }
  await session.close();
});
