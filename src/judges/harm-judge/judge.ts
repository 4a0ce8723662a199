/**
 * @file The trained harm judge: a light head over a frozen model's hidden states. What the model could not read, or what is no
 * number, is invalid and never safe.
 */
import { CheckpointError } from "../../core/errors.js";
import type { FeatureModel } from "../../text/feature-model.js";
import type { Judge, Verdict } from "../../text/judge.js";
import type { Exchange } from "../../text/messages.js";
import type { HarmJudgeFolder } from "./folder.js";
import { harmProbability } from "./head.js";

/**
 * The judge of a folder.
 * @param model the folder's base, reading what the folder says
 * @throws CheckpointError when it is another base, or reads otherwise
 */
export function harmJudge(name: string, folder: HarmJudgeFolder, model: FeatureModel): Judge {
  const { base, head, hash } = folder;
  if (model.hash !== base.hash || model.width !== head.probe.weights.length)
    throw new CheckpointError(`${name}: expected the base ${base.hash}, got ${model.hash}`, {
      hint: "scores of a head on another base mean nothing; open it on the checkpoint that it was trained on",
    });
  return { name, hash, kind: "harm", judge: (exchanges) => verdicts(folder, model, exchanges) };
}

/** One verdict an exchange; those that the model left out are invalid. */
async function* verdicts(
  folder: HarmJudgeFolder,
  model: FeatureModel,
  exchanges: readonly Exchange[],
): AsyncGenerator<Verdict> {
  const cut = new Set<number>();
  let given = 0;
  for await (const features of model.features(exchanges, (index) => cut.add(index))) {
    const exchange = exchanges[given];
    if (exchange === undefined) return;
    const verdict = harmVerdict(folder, exchange, features);
    yield cut.has(given) ? { ...verdict, isCut: true } : verdict;
    given += 1;
  }
  for (; given < exchanges.length; given++) yield invalid(folder);
}

/** The verdict on one answer. */
export function harmVerdict(
  folder: Pick<HarmJudgeFolder, "head" | "threshold" | "hash">,
  exchange: Pick<Exchange, "response">,
  features: Float32Array,
): Verdict {
  if (!features.every(Number.isFinite)) return invalid(folder);
  const score = harmProbability(folder.head, exchange, features);
  if (!Number.isFinite(score)) return invalid(folder);
  const label = score >= folder.threshold ? "unsafe" : "safe";
  return { kind: "harm", label, score, status: "ok", judgeHash: folder.hash };
}

function invalid({ hash }: Pick<HarmJudgeFolder, "hash">): Verdict {
  return { kind: "harm", label: null, score: null, status: "invalid", judgeHash: hash };
}
