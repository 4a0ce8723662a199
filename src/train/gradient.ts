/**
 * @file The gradient of one optimiser step over its micro-batches. The normalisers span the whole step, so how rows are
 * split changes memory and nothing else. A loss or gradient that is not finite is refused here, with the rows.
 */
import { NonFiniteLossError } from "../core/errors.js";
import { type PackedRows, packSegments, segmentLength, splitByBudget } from "../data/packing.js";
import { globalNorm } from "./clip.js";
import { addSums, type Sums, type TrainingMethod, type TrainingRow } from "./method.js";
import type { NamedArrays } from "./optimizer.js";
import type { StepRunner, TokenOutputs } from "./runner.js";

/** How a step's rows are split and packed. */
export interface BatchLimits {
  /** Most rows of one micro-batch. */
  readonly batchSize: number;
  /** Most row positions of one micro-batch; a longer row stands alone. */
  readonly tokenBudget: number;
  /** Equal pieces that the output projection is computed in. */
  readonly chunks: number;
}

/** One optimiser step's gradient and figures. */
export interface StepGradient {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly sums: Sums;
  /** Row positions computed, padding included. */
  readonly computedTokens: number;
}

/** What a step is computed from. */
export interface StepTask<Row extends TrainingRow> {
  readonly method: TrainingMethod<Row>;
  readonly runner: StepRunner;
  readonly factors: NamedArrays;
  readonly limits: BatchLimits;
  readonly seed: number;
}

/**
 * Loss and gradient of one optimiser step.
 * @param step 0-based, for dropout noise and messages
 * @throws NonFiniteLossError naming step and rows
 */
export async function stepGradient<Row extends TrainingRow>(
  task: StepTask<Row>,
  rows: readonly Row[],
  step: number,
): Promise<StepGradient> {
  const { method, runner, factors, seed } = task;
  let total: StepGradient | null = null;
  for (const [i, part] of microBatches(rows, task.limits).entries()) {
    const packed = packRows(part, task.limits);
    const inputs = method.inputs(part, rows);
    const result = await runner.step({ packed, factors, inputs, noiseKey: [seed, step, i] });
    requireFinite(result.loss, result.gradients, { step, rows: part, packed, tokens: result.tokens });
    const own = {
      ...result,
      sums: method.measure(part, packed, result.tokens),
      computedTokens: packed.rows * packed.length,
    };
    total = total === null ? copyOf(own) : addTo(total, own);
  }
  return total ?? { loss: Number.NaN, gradients: new Map(), sums: {}, computedTokens: 0 };
}

/** Figures of rows without gradient, for held-out rows. */
export async function scoreRows<Row extends TrainingRow>(
  task: Omit<StepTask<Row>, "seed">,
  rows: readonly Row[],
): Promise<Sums> {
  let sums: Sums = {};
  for (const part of microBatches(rows, task.limits)) {
    const packed = packRows(part, task.limits);
    sums = addSums(sums, task.method.measure(part, packed, await task.runner.score(packed, task.factors)));
  }
  return sums;
}

/** The rows of a step in runs that fit the limits, in order. */
export function microBatches<Row extends TrainingRow>(rows: readonly Row[], limits: BatchLimits): Row[][] {
  return splitByBudget(rows, ({ segment }) => segmentLength(segment), limits.tokenBudget, limits.batchSize);
}

/** Packs the segments of rows. */
export function packRows(rows: readonly TrainingRow[], { chunks }: Pick<BatchLimits, "chunks">): PackedRows {
  return packSegments(
    rows.map(({ segment }) => segment),
    { chunks },
  );
}

interface RunContext {
  readonly step: number;
  readonly rows: readonly TrainingRow[];
  readonly packed: PackedRows;
  readonly tokens: TokenOutputs;
}

function requireFinite(loss: number, gradients: NamedArrays, context: RunContext): void {
  const norm = globalNorm(gradients);
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  const ids = suspects(context);
  throw new NonFiniteLossError(
    `step ${context.step + 1}: expected a finite loss and gradient, got loss ${loss}, gradient norm ${norm}, in rows ${ids.join(", ")}`,
    {
      hint: "look at these rows; then lower --learning-rate, or clip with --max-grad-norm. Nothing was updated",
    },
  );
}

/** Rows with a log-probability or score that is not finite; all rows when every one is finite. */
function suspects({ rows, packed, tokens }: RunContext): string[] {
  const perRow = Math.max(1, packed.sequences / Math.max(1, rows.length));
  const values = tokens.scores ?? tokens.logProbs;
  const width = values.length / packed.sequenceOf.length;
  const allFinite = (m: number) => values.subarray(m * width, (m + 1) * width).every(Number.isFinite);
  const found = new Set<string>();
  packed.sequenceOf.forEach((sequence, m) => {
    const row = sequence < 0 ? undefined : rows[Math.floor(sequence / perRow)];
    if (row !== undefined && !allFinite(m)) found.add(row.id);
  });
  return found.size > 0 ? [...found] : rows.map(({ id }) => id);
}

function copyOf(own: StepGradient): StepGradient {
  return { ...own, gradients: new Map(Array.from(own.gradients, ([name, data]) => [name, data.slice()])) };
}

function addTo(total: StepGradient, own: StepGradient): StepGradient {
  for (const [name, sum] of total.gradients) {
    const data = own.gradients.get(name);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (data?.[i] ?? Number.NaN);
  }
  return {
    loss: total.loss + own.loss,
    gradients: total.gradients,
    sums: addSums(total.sums, own.sums),
    computedTokens: total.computedTokens + own.computedTokens,
  };
}
