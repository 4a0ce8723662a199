/** @file The work of `train raft`: opens the score models, runs the stages under a progress line, says how it went. */
import { join } from "node:path";
import { type OpenedScoreModel, openScoreModel } from "../../generate/open-score-model.js";
import { openModel } from "../../models/open.js";
import { type RaftResult, trainRaft } from "../../train/methods/raft.js";
import { resolveRaft } from "../../train/raft/options.js";
import type { MetricsLine } from "../../train/run-folder.js";
import type { TrainRaftFlags } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { printJson, printLine } from "../output.js";
import { TrainProgress } from "./train.js";

/** Reward rAnked FineTuning. */
export async function runTrainRaft(flags: TrainRaftFlags): Promise<void> {
  const { json: isSilent = false, model: id, reward, veto, secondReward: second, ...options } = flags;
  // A number out of range is said before a model is downloaded or hashed.
  resolveRaft(options);
  const lines = new TrainProgress(isSilent);
  const opened = new ScoreModels(flags);
  try {
    const rewards = [];
    for (const { path, number: weight } of reward) rewards.push({ model: await opened.open(path), weight });
    const vetoes = [];
    for (const { path, number: threshold } of veto)
      vetoes.push({ model: await opened.open(path), threshold });
    const secondReward = second === undefined ? undefined : await opened.open(second);
    const opening = openProgress(isSilent);
    const model = await openModel(id, { onProgress: opening.onProgress }).finally(() => opening.done());
    const scorers = { rewards, vetoes, ...(secondReward && { secondReward }) };
    const result = await trainRaft({ ...options, model, ...scorers, ...lines.hooks });
    lines.done();
    if (isSilent) printJson(result);
    else printSummary(result);
  } finally {
    lines.done();
    await opened.close();
  }
}

/** Score models by path, each opened once. */
class ScoreModels {
  private readonly flags: Pick<TrainRaftFlags, "threads" | "json">;
  private readonly models = new Map<string, OpenedScoreModel>();

  constructor(flags: Pick<TrainRaftFlags, "threads" | "json">) {
    this.flags = flags;
  }

  async open(path: string): Promise<OpenedScoreModel> {
    const known = this.models.get(path);
    if (known !== undefined) return known;
    const { threads, json: isSilent = false } = this.flags;
    const opening = openProgress(isSilent);
    const { onProgress } = opening;
    const model = await openScoreModel(path, { threads, onProgress }).finally(() => opening.done());
    this.models.set(path, model);
    return model;
  }

  async close(): Promise<void> {
    for (const model of this.models.values()) await model.close();
  }
}

function printSummary({ folder, adapter, stages, bestStage, history }: RaftResult): void {
  for (const line of history) printLine(stageLine(line));
  printLine(
    `${stages} stages; the adapter is that of stage ${bestStage}${bestStage === 0 ? ", the start" : ""}`,
  );
  printLine(`what was selected: ${join(folder, "stages", "*", "selected.jsonl")}`);
  printLine(`adapter: ${adapter}  what was trained: ${join(folder, "certificate.json")}`);
  printLine(
    `next: safe-to-serve evaluate --adapter ${adapter} --out ${join(folder, "evaluations", "first")}`,
  );
}

/** One stage in a line; what was not measured is left out. */
function stageLine(line: MetricsLine): string {
  const figure = (label: string, name: string, digits: number) =>
    typeof line[name] === "number" ? [`${label} ${line[name].toFixed(digits)}`] : [];
  return [
    `stage ${line["stage"]}`,
    ...figure("reward of all", "reward/all", 3),
    ...figure("of the selected", "reward/selected", 3),
    ...figure("held-out", "held_out/reward", 3),
    ...figure("second", "held_out/second_reward", 3),
    ...figure("vetoed", "samples/vetoed", 2),
    ...figure("filtered", "samples/filtered", 2),
    ...figure("distinct-2", "distinct_2/all", 2),
    ...figure("tokens", "length/all", 0),
    ...figure("KL", "kl", 2),
  ].join("  ");
}
