/** @file `validation.json` read back: what was measured of a judge goes with it into evaluations. */
import { existsSync } from "node:fs";
import { ConfigError } from "../core/errors.js";
import { readJsonObject } from "../models/weights/json-fields.js";
import type { Judge, JudgeValidation, Proportion } from "../text/judge.js";
import type { Validation } from "./validation.js";

/** Name of the file beside a trained judge. */
export const VALIDATION_FILE = "validation.json";

/** What a file says, and of which judge. */
export interface JudgeValidationFile {
  readonly path: string;
  readonly judge: { readonly name: string; readonly hash: string };
  /** null where labels are not people's, or the judge only stands in. */
  readonly validation: JudgeValidation | null;
}

/** Reads what `judge validate` wrote. @throws ConfigError | CheckpointError for a file that it did not write */
export function readValidationFile(path: string): JudgeValidationFile {
  const { judge, validation } = readJsonObject(path) as Partial<Validation>;
  const isWhole =
    typeof judge?.hash === "string" &&
    typeof judge.name === "string" &&
    (validation === null || (isRate(validation?.sensitivity) && isRate(validation?.specificity)));
  if (!isWhole || judge === undefined || validation === undefined)
    throw new ConfigError(`${path}: expected the validation.json of a judge, got another file`, {
      hint: "`judge validate --out FOLDER` writes one",
    });
  return { path, judge, validation };
}

/**
 * The judges, each with the validation that is of it.
 * @throws ConfigError for a validation of a judge that takes no part, and for one that says nothing about its judge
 */
export function withValidations(judges: readonly Judge[], files: readonly JudgeValidationFile[]): Judge[] {
  const stray = files.find(({ judge }) => judges.every(({ hash }) => hash !== judge.hash));
  if (stray !== undefined)
    throw new ConfigError(
      `${stray.path}: expected a validation of ${judges.map(named).join(" or ")}, got one of ${named(stray.judge)}`,
      { hint: "measure the judge as it is now with `judge validate`" },
    );
  return judges.map((judge) => {
    const file = files.find((each) => each.judge.hash === judge.hash);
    return file === undefined ? judge : { ...judge, validation: requirePeoples(file) };
  });
}

/** The judge with the validation that lies beside it, if that is of this judge as it is now. */
export function withOwnValidation(judge: Judge, path: string): Judge {
  if (!existsSync(path)) return judge;
  const { judge: measured, validation } = readValidationFile(path);
  return measured.hash === judge.hash && validation !== null ? { ...judge, validation } : judge;
}

function requirePeoples({ path, validation }: JudgeValidationFile): JudgeValidation {
  if (validation !== null) return validation;
  throw new ConfigError(
    `${path}: expected people's labels of what the judge judges, got a model's or of another kind`,
    {
      hint: "such a validation says nothing about the judge's error",
    },
  );
}

function isRate(rate: Partial<Proportion> | undefined): boolean {
  return typeof rate?.n === "number" && [rate.value, rate.low, rate.high].every(isShare);
}

/** Null is NaN: there was nothing to measure it on. */
function isShare(value: number | null | undefined): boolean {
  return value === null || (typeof value === "number" && value >= 0 && value <= 1);
}

function named({ name, hash }: Pick<Judge, "name" | "hash">): string {
  return `${name} ${hash.slice(0, 12)}`;
}
