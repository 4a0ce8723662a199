/**
 * @file What was asked of whom, fixed before the first answer: a run goes on only where model, sampling, judges and
 * prompts are the very same, so that no result ever mixes two models.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { writeJsonDurably } from "../core/files.js";
import { hashJson, type Json } from "../core/hash.js";
import { readJsonFile, requireMembers } from "../core/read-back.js";
import type { Judge } from "../text/judge.js";
import type { EvaluationJudge, EvaluationManifest, EvaluationSampling } from "./results.js";

/** Name of the manifest in an evaluation's folder. */
export const MANIFEST_FILE = "evaluation.json";

const MANIFEST_MEMBERS = {
  target: "object",
  modelHash: "string",
  sampling: "object",
  tasks: "object",
  judges: "object",
};

/** A judge as the manifest records it. */
export function recordJudge(judge: Judge): EvaluationJudge {
  return { name: judge.name, kind: judge.kind, hash: judge.hash, validation: judge.validation ?? null };
}

/**
 * Writes the manifest of a new evaluation, or checks it against the one that is there and takes over the judges' validations.
 * @param isResumable false refuses a folder that already holds an evaluation
 * @throws ConfigError naming what differs
 */
export async function claimFolder(
  folder: string,
  manifest: EvaluationManifest,
  isResumable: boolean,
): Promise<void> {
  const path = join(folder, MANIFEST_FILE);
  if (!existsSync(path)) return writeJsonDurably(path, manifest);
  if (!isResumable)
    throw new ConfigError(`${folder}: expected a folder without an evaluation, got one that holds one`, {
      hint: "name another folder, or leave out --no-resume to go on where it stopped",
    });
  const begun = readManifest(folder);
  const different = manifestDifferences(begun, manifest);
  if (different.length > 0)
    throw new ConfigError(
      `${folder}: expected the evaluation that was begun there, got another: ${different.join("; ")}`,
      { hint: "name another folder with --out, or repeat the command that began it" },
    );
  // How well a judge was measured changes no verdict; what is known now is what counts.
  if (JSON.stringify(begun.judges) !== JSON.stringify(manifest.judges))
    await writeJsonDurably(path, { ...begun, judges: manifest.judges });
}

/** Reads the manifest. @throws ConfigError when the folder holds no evaluation */
export function readManifest(folder: string): EvaluationManifest {
  const path = join(folder, MANIFEST_FILE);
  if (!existsSync(path))
    throw new ConfigError(
      `${folder}: expected the folder of an evaluation, got one without ${MANIFEST_FILE}`,
      {
        hint: "give the folder that `evaluate --out` wrote",
      },
    );
  const manifest = readJsonFile<Partial<EvaluationManifest>>(path, "what an evaluation asked");
  requireMembers(manifest, path, MANIFEST_MEMBERS);
  return manifest as EvaluationManifest;
}

/** What keeps two evaluations from being one, each in a few words; empty when nothing does. */
export function manifestDifferences(begun: EvaluationManifest, asked: EvaluationManifest): string[] {
  const short = (hash: string): string => hash.slice(0, 12);
  const differences = [...samplingDifferences(begun, asked), ...judgeDifferences(begun, asked)];
  if (begun.schemaVersion !== asked.schemaVersion)
    differences.push(`file version ${begun.schemaVersion} and ${asked.schemaVersion}`);
  if (begun.modelHash !== asked.modelHash)
    differences.push(
      `model ${begun.target.model} (${short(begun.modelHash)}) and ${asked.target.model} (${short(asked.modelHash)})`,
    );
  const begunTasks = begun.tasks.map((task) => task.name).join(", ");
  const askedTasks = asked.tasks.map((task) => task.name).join(", ");
  if (begunTasks !== askedTasks) differences.push(`tasks [${begunTasks}] and [${askedTasks}]`);
  else differences.push(...promptDifferences(begun, asked));
  return differences;
}

/** Sampling settings, seed and repeats that differ, as `name a and b`. */
export function samplingDifferences(
  a: Pick<EvaluationManifest, "sampling" | "seed" | "repeats">,
  b: Pick<EvaluationManifest, "sampling" | "seed" | "repeats">,
): string[] {
  const names = Object.keys(b.sampling) as (keyof EvaluationSampling)[];
  const differences = names
    .filter((name) => JSON.stringify(a.sampling[name]) !== JSON.stringify(b.sampling[name]))
    .map((name) => `${name} ${JSON.stringify(a.sampling[name])} and ${JSON.stringify(b.sampling[name])}`);
  if (a.seed !== b.seed) differences.push(`seed ${a.seed} and ${b.seed}`);
  const [repeatsA, repeatsB] = [a.repeats ?? 1, b.repeats ?? 1];
  if (repeatsA !== repeatsB) differences.push(`repeats ${repeatsA} and ${repeatsB}`);
  return differences;
}

/** Judges that only one of two evaluations has, or that have another hash. */
export function judgeDifferences(
  a: Pick<EvaluationManifest, "judges">,
  b: Pick<EvaluationManifest, "judges">,
): string[] {
  const list = (judges: readonly EvaluationJudge[]): string =>
    judges.map((judge) => `${judge.name} ${judge.hash.slice(0, 12)}`).join(", ") || "none";
  return list(a.judges) === list(b.judges) ? [] : [`judges ${list(a.judges)} and ${list(b.judges)}`];
}

function promptDifferences(begun: EvaluationManifest, asked: EvaluationManifest): string[] {
  return asked.tasks.flatMap((task, i) => {
    const other = begun.tasks[i];
    if (other?.promptsHash === task.promptsHash) return [];
    return [`prompts of ${task.name} (${other?.prompts} and ${task.prompts})`];
  });
}

/** sha256 of a part of the manifest. */
export function hashPart(part: EvaluationSampling | EvaluationManifest["tasks"]): string {
  return hashJson(JSON.parse(JSON.stringify(part)) as Json);
}
