/** @file The step and score graphs behind the loop's {@link StepRunner}: packed rows and factors in, figures out. */
import { InternalError } from "../core/errors.js";
import { SeededRandom } from "../core/random.js";
import type { PackedRows } from "../data/packing.js";
import type { EmittedModel, Engine, Session, TensorData } from "../engine/types.js";
import { packedFeeds } from "../generate/score.js";
import type { Factor } from "./lora-init.js";
import type { NamedArrays } from "./optimizer.js";
import type { StepRequest, StepResult, StepRunner, TokenOutputs } from "./runner.js";

/** What a runner is made of. Sessions are opened when first used. */
export interface SessionRunnerOptions {
  readonly engine: Engine;
  /** Null for a runner that only scores. */
  readonly stepGraph: (() => EmittedModel) | null;
  readonly scoreGraph: () => EmittedModel;
  /** Shapes of the factors by PEFT name. */
  readonly shapes: ReadonlyMap<string, Pick<Factor, "shape">>;
  /** Width of the dropout noise: the widest input of an adapted layer. */
  readonly noiseWidth: number;
}

/** Prefix of the step graph's gradient outputs. */
const GRADIENT = "grad.";

/** Runs the two graphs of one model and adapter shape. */
export class SessionRunner implements StepRunner {
  private readonly options: SessionRunnerOptions;
  private stepSession: Promise<Session> | null = null;
  private scoreSession: Promise<Session> | null = null;

  constructor(options: SessionRunnerOptions) {
    this.options = options;
  }

  async step({ packed, factors, inputs, noiseKey }: StepRequest): Promise<StepResult> {
    const { engine, stepGraph } = this.options;
    if (stepGraph === null)
      throw new InternalError("runner: expected a step graph, got one that only scores");
    this.stepSession ??= engine.open(stepGraph());
    const session = await this.stepSession;
    const feeds = { ...this.feeds(packed, factors), ...inputs, ...this.noise(session, packed, noiseKey) };
    const outputs = await session.run(onlyKnown(session, feeds));
    const gradients = new Map(
      Array.from(factors.keys(), (name) => [name, floats(outputs, GRADIENT + name)] as const),
    );
    return { loss: floats(outputs, "loss")[0] ?? Number.NaN, tokens: tokenOutputs(outputs), gradients };
  }

  async score(packed: PackedRows, factors: NamedArrays): Promise<TokenOutputs> {
    this.scoreSession ??= this.options.engine.open(this.options.scoreGraph());
    const session = await this.scoreSession;
    return tokenOutputs(await session.run(onlyKnown(session, this.feeds(packed, factors))));
  }

  /** Frees both sessions; a later run opens them anew. */
  async close(): Promise<void> {
    const open = [this.stepSession, this.scoreSession];
    this.stepSession = null;
    this.scoreSession = null;
    for (const session of open) await (await session)?.close();
  }

  private feeds(packed: PackedRows, factors: NamedArrays): Record<string, TensorData> {
    const sequences = BigInt64Array.from(packed.sequenceOf, BigInt);
    const feeds: Record<string, TensorData> = {
      ...packedFeeds(packed),
      sequence_ids: { dtype: "int64", shape: [sequences.length], data: sequences },
      adapter_strength: { dtype: "float32", shape: [1], data: Float32Array.of(1) },
    };
    for (const [name, data] of factors) {
      const shape = this.options.shapes.get(name)?.shape;
      if (shape === undefined) throw new InternalError(`runner: expected a shape for ${name}, got none`);
      feeds[name] = { dtype: "float32", shape, data };
    }
    return feeds;
  }

  /** Two uniform fields [B·L, W] that all dropout masks of the step are made of. */
  private noise(
    session: Session,
    packed: PackedRows,
    key: StepRequest["noiseKey"],
  ): Record<string, TensorData> {
    if (!session.inputNames.includes("dropout_a")) return {};
    const shape = [packed.rows * packed.length, this.options.noiseWidth] as const;
    const field = (name: string) => {
      const random = new SeededRandom("dropout", name, ...key);
      const data = Float32Array.from({ length: shape[0] * shape[1] }, () => random.next());
      return { dtype: "float32" as const, shape, data };
    };
    return { dropout_a: field("a"), dropout_b: field("b") };
  }
}

/** A graph declares only what its outputs need. */
function onlyKnown(
  session: Session,
  feeds: Readonly<Record<string, TensorData>>,
): Record<string, TensorData> {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
}

function tokenOutputs(outputs: Readonly<Record<string, TensorData>>): TokenOutputs {
  if (outputs["scores"]) return { logProbs: new Float32Array(), scores: floats(outputs, "scores") };
  return {
    logProbs: floats(outputs, "log_probs"),
    ...(outputs["entropy"] && { entropy: floats(outputs, "entropy") }),
    ...(outputs["is_correct"] && { isCorrect: floats(outputs, "is_correct") }),
    ...(outputs["mean_logit"] && { meanLogit: floats(outputs, "mean_logit") }),
  };
}

function floats(outputs: Readonly<Record<string, TensorData>>, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new InternalError(
    `runner: expected a float32 output ${name}, got ${Object.keys(outputs).join(", ")}`,
  );
}
