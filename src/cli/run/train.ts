/** @file The work of `train sft | sit | dpo | reward`: progress lines around a run, and a summary that says what to do next. */
import { join } from "node:path";
import { ConfigError } from "../../core/errors.js";
import { openModel } from "../../models/open.js";
import { findLoop } from "../../stats/loops.js";
import { trainDpo } from "../../train/methods/dpo.js";
import { trainReward } from "../../train/methods/reward.js";
import { trainSft } from "../../train/methods/sft.js";
import { trainSit } from "../../train/methods/sit.js";
import { type MethodName, resolveSettings, type SftOptions, type TrainHooks } from "../../train/options.js";
import type { TrainResult } from "../../train/run.js";
import type { TrainDpoFlags, TrainFlags, TrainRewardFlags, TrainSitFlags } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { printJson, printLine, printMemory, printWarning } from "../output.js";
import { type Progress, progress } from "../progress.js";

/** Supervised fine-tuning. */
export async function runTrainSft(flags: TrainFlags): Promise<void> {
  await runMethod("sft", flags, trainSft);
}

/** Safety instruction tuning. */
export async function runTrainSit(flags: TrainSitFlags): Promise<void> {
  const { safetyData, safetyExamples } = flags;
  await runMethod("sit", flags, (options) => trainSit({ ...options, safetyData, safetyExamples }));
}

/** Direct Preference Optimization. */
export async function runTrainDpo(flags: TrainDpoFlags): Promise<void> {
  const { data, evalData, reference, beta, loss, labelSmoothing, nllWeight } = flags;
  await runMethod("dpo", flags, ({ data: _, evalData: __, ...options }) =>
    trainDpo({
      ...options,
      data,
      reference,
      ...(evalData !== undefined && { evalData }),
      ...(beta !== undefined && { beta }),
      ...(loss !== undefined && { loss }),
      ...(labelSmoothing !== undefined && { labelSmoothing }),
      ...(nllWeight !== undefined && { nllWeight }),
    }),
  );
}

/** A reward model, a cost model or a classifier. */
export async function runTrainReward(flags: TrainRewardFlags): Promise<void> {
  const { head, data, evalData, centerRewardsCoefficient, costRegularization } = flags;
  const { labels, labelField, classWeights } = flags;
  requireOwnFlags(flags);
  await runMethod("reward", flags, ({ data: _, evalData: __, ...options }) => {
    const common = { ...options, data, ...(evalData !== undefined && { evalData }) };
    if (head === "reward")
      return trainReward({
        ...common,
        head,
        ...(centerRewardsCoefficient !== undefined && { centerRewardsCoefficient }),
      });
    if (head === "cost")
      return trainReward({
        ...common,
        head,
        ...(costRegularization !== undefined && { costRegularization }),
      });
    return trainReward({
      ...common,
      head,
      ...(labels !== undefined && { labels }),
      ...(labelField !== undefined && { labelField }),
      ...(classWeights !== undefined && { classWeights }),
    });
  });
}

/** Options that one head alone has. */
const HEAD_FLAGS = [
  ["centerRewardsCoefficient", "--center-rewards-coefficient", "reward"],
  ["costRegularization", "--cost-regularization", "cost"],
  ["labels", "--labels", "classifier"],
  ["labelField", "--label-field", "classifier"],
  ["classWeights", "--class-weights", "classifier"],
] as const;

/** @throws ConfigError for an option of another head, which would change nothing */
function requireOwnFlags(flags: TrainRewardFlags): void {
  for (const [name, flag, head] of HEAD_FLAGS)
    if (flags[name] !== undefined && flags.head !== head)
      throw new ConfigError(`${flag}: expected --head ${head}, got --head ${flags.head}`);
}

async function runMethod(
  method: MethodName,
  flags: TrainFlags,
  train: (options: SftOptions & { readonly data: string }) => Promise<TrainResult>,
): Promise<void> {
  const { json: isSilent = false, model: id, ...options } = flags;
  // A number out of range is said before a model is downloaded or hashed.
  resolveSettings(method, options);
  const opening = openProgress(isSilent);
  const model = await openModel(id, { onProgress: opening.onProgress }).finally(() => opening.done());
  const lines = new TrainProgress(isSilent);
  try {
    const result = await train({
      ...options,
      model,
      ...lines.hooks,
      isLoop: (ids) => findLoop(ids) !== undefined,
    });
    lines.done();
    if (isSilent) printJson(result);
    else printSummary(method, result);
  } catch (error) {
    lines.done();
    throw error;
  }
}

/** The progress line of the phase that a run is in; training shows loss and tokens a second. */
export class TrainProgress {
  private readonly isSilent: boolean;
  private bar: Progress | null = null;
  private startedMs = 0;
  private tokensBefore: number | null = null;

  constructor(isSilent: boolean) {
    this.isSilent = isSilent;
  }

  get hooks(): TrainHooks {
    return {
      onPhase: (label, total, unit, done) => this.begin(label, total, unit, done),
      onPhaseProgress: (done) => this.bar?.reach(done),
      onStep: ({ step, metrics }) => this.bar?.reach(step, this.note(metrics)),
      onWarning: (message) => this.warn(message),
      onMemory: (plan, room) => this.isSilent || printMemory(plan, room),
    };
  }

  done(): void {
    this.bar?.done();
    this.bar = null;
  }

  private begin(label: string, total: number, unit: string, done: number): void {
    this.done();
    this.tokensBefore = null;
    this.bar = progress({ label, total, unit, initial: done, silent: this.isSilent });
  }

  private note(metrics: Readonly<Record<string, unknown>>): string {
    const [loss, tokens] = [Number(metrics["loss"]), Number(metrics["num_tokens"])];
    // The first step's tokens only set the mark: it holds the opening of the session, or a look at held-out prompts.
    if (this.tokensBefore === null) {
      this.tokensBefore = tokens;
      this.startedMs = Date.now();
      return `loss ${loss.toFixed(4)}`;
    }
    const rate = ((tokens - this.tokensBefore) * 1000) / Math.max(1, Date.now() - this.startedMs);
    return `loss ${loss.toFixed(4)}  ${rate.toFixed(0)} tokens/s`;
  }

  private warn(message: string): void {
    if (this.bar === null || this.isSilent) printWarning(message);
    else this.bar.log(`warning: ${message}`);
  }
}

function printSummary(method: MethodName, result: TrainResult): void {
  const { folder, adapter, steps, numTokens, lastMetrics, certificate } = result;
  const { train, contamination } = certificate;
  const dropped = Object.entries(train.dropped).map(([reason, { count }]) => `${count} ${reason}`);
  printLine(`${steps} steps, ${numTokens} tokens, last loss ${Number(lastMetrics?.["loss"]).toFixed(4)}`);
  printLine(
    `${train.rowsTrained} of ${train.rowsRead} rows trained, ${train.cut.count} cut${dropped.length > 0 ? `; dropped: ${dropped.join(", ")}` : ""}`,
  );
  printLine(
    contamination.checkedAgainst.length > 0
      ? `checked against ${contamination.checkedAgainst.length} evaluation sets`
      : "not checked against evaluation prompts",
  );
  printLine(`adapter: ${adapter}  what was trained: ${join(folder, "certificate.json")}`);
  printLine(
    method === "reward"
      ? `next: safe-to-serve judge score --judge ${folder} --data answers.jsonl --out verdicts.jsonl`
      : `next: safe-to-serve evaluate --adapter ${adapter} --out ${join(folder, "evaluations", "first")}`,
  );
}
