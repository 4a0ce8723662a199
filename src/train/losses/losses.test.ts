import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../core/errors.js";
import { createEngine } from "../../engine/engine.js";
import { constant, gradients, input, symbol, type Value } from "../../engine/graph/ops.js";
import { emitModel } from "../../engine/onnx/emit.js";
import type { Engine, TensorData } from "../../engine/types.js";
import { dpoLoss } from "./dpo.js";
import { checkDpoOptions, type DpoLossName, type DpoLossOptions } from "./dpo-options.js";
import { dpoLossValue } from "./dpo-value.js";
import { sftLoss } from "./sft.js";

interface Golden {
  logps: Record<"policyChosen" | "policyRejected" | "referenceChosen" | "referenceRejected", number[]> &
    Record<"chosenLength" | "rejectedLength", number[]>;
  dpo: {
    loss: DpoLossName;
    beta: number;
    labelSmoothing: number;
    perPair: number[];
    mean: number;
    gradientChosen: number[];
    gradientRejected: number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../../test/golden/losses.json", import.meta.url), "utf8"),
) as Golden;
const { logps } = golden;
const pairs = logps.policyChosen.length;

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ threads: 1, inProcess: true });
});
afterAll(() => engine.close());

const tensor = (values: readonly number[]): TensorData => ({
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});

async function run(
  outputs: Record<string, Value>,
  feeds: Record<string, TensorData>,
): Promise<Record<string, number[]>> {
  const session = await engine.open(emitModel({ name: "loss", outputs }));
  const used = Object.fromEntries(
    Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)),
  );
  const results = await session.run(used);
  await session.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

function runDpo(options: DpoLossOptions): Promise<Record<string, number[]>> {
  const p = symbol("P");
  const vector = (name: string) => input(name, "float32", [p]);
  const inputs = {
    policyChosen: vector("policyChosen"),
    policyRejected: vector("policyRejected"),
    referenceChosen: vector("referenceChosen"),
    referenceRejected: vector("referenceRejected"),
    chosenLengths: vector("chosenLength"),
    rejectedLengths: vector("rejectedLength"),
    isPair: vector("isPair"),
    normaliser: input("normaliser", "float32", [1]),
    chosenTokens: input("chosenTokens", "float32", [1]),
  };
  const { loss, metrics } = dpoLoss(inputs, options);
  const [chosen, rejected] = gradients(
    [{ value: loss, cotangent: constant(Float32Array.of(1)) }],
    [inputs.policyChosen, inputs.policyRejected],
  );
  const feeds = Object.fromEntries(Object.entries(logps).map(([name, values]) => [name, tensor(values)]));
  const tokens = logps.chosenLength.reduce((a, b) => a + b, 0);
  return run(
    { loss, losses: metrics["losses"] as Value, chosen: chosen as Value, rejected: rejected as Value },
    {
      ...feeds,
      isPair: tensor(new Array<number>(pairs).fill(1)),
      normaliser: tensor([pairs]),
      chosenTokens: tensor([tokens]),
    },
  );
}

function expectClose(got: readonly number[] | undefined, expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs((got?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(value));
  });
}

describe("dpoLoss", () => {
  test.each(golden.dpo)("equals TRL: $loss, beta $beta, smoothing $labelSmoothing", async (known) => {
    const got = await runDpo({ ...known, nllWeight: 0 });
    expectClose(got["losses"], known.perPair);
    expectClose(got["loss"], [known.mean]);
    expectClose(got["chosen"], known.gradientChosen);
    expectClose(got["rejected"], known.gradientRejected);
  });

  test.each(golden.dpo)(
    "has the same value on the host: $loss, beta $beta, smoothing $labelSmoothing",
    (known) => {
      const values = logps.policyChosen.map((policyChosen, i) =>
        dpoLossValue(
          {
            policyChosen,
            policyRejected: logps.policyRejected[i] ?? 0,
            referenceChosen: logps.referenceChosen[i] ?? 0,
            referenceRejected: logps.referenceRejected[i] ?? 0,
            chosenLength: logps.chosenLength[i] ?? 0,
            rejectedLength: logps.rejectedLength[i] ?? 0,
          },
          known,
        ),
      );
      expectClose(values, known.perPair);
    },
  );

  test("adds the token-mean cross-entropy on chosen answers", async () => {
    const known = golden.dpo[0];
    if (known === undefined) throw new RangeError("golden has cases");
    const got = await runDpo({ ...known, nllWeight: 0.2 });
    const tokens = logps.chosenLength.reduce((a, b) => a + b, 0);
    const nll = -logps.policyChosen.reduce((a, b) => a + b, 0) / tokens;
    expectClose(got["loss"], [known.mean + 0.2 * nll]);
    expectClose(
      got["chosen"],
      known.gradientChosen.map((g) => g - 0.2 / tokens),
    );
  });

  test.each([
    { beta: 0 },
    { labelSmoothing: 0.5 },
    { nllWeight: -1 },
    { loss: "ipo" as const, labelSmoothing: 0.1 },
  ])("refuses %o", (over) => {
    const options = { loss: "sigmoid" as const, beta: 0.1, labelSmoothing: 0, nllWeight: 0, ...over };
    expect(() => checkDpoOptions(options)).toThrow(ConfigError);
  });
});

describe("sftLoss", () => {
  test("divides by the normaliser and leaves padding without gradient", async () => {
    const m = symbol("M");
    const [logProbs, isTrained] = [input("logProbs", "float32", [m]), input("isTrained", "float32", [m])];
    const { loss } = sftLoss({ logProbs, isTrained, normaliser: input("normaliser", "float32", [1]) });
    const [gradient] = gradients([{ value: loss, cotangent: constant(Float32Array.of(1)) }], [logProbs]);
    const got = await run(
      { loss, gradient: gradient as Value },
      { logProbs: tensor([-1, -2, -9]), isTrained: tensor([1, 1, 0]), normaliser: tensor([4]) },
    );
    expect(got["loss"]).toEqual([0.75]);
    expectClose(got["gradient"], [-0.25, -0.25, 0]);
  });
});
