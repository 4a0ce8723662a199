/**
 * @file `score.json` beside a trained adapter with a class head: which base it stands on, how an exchange becomes text and
 * what the scores are, so that the folder alone opens again and scores the same.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../core/errors.js";
import { writeJsonDurably } from "../../core/files.js";
import type { TemplateName } from "../../text/messages.js";
import {
  isJsonObject,
  type JsonObject,
  readJsonObject,
  readOptionalJsonObject,
  shown,
} from "../weights/json-fields.js";

const RECORD_FILE = "score.json";
const CALIBRATION_FILE = "calibration.json";
const HEADS: readonly unknown[] = ["reward", "cost", "classifier"];
const TEMPLATES: readonly unknown[] = ["chat", "alpaca", "none"];

/** Content of score.json. */
export interface ScoreRecord {
  readonly schemaVersion: 1;
  /** What the scores are: a reward, a cost whose zero is the threshold of harm, or one logit a class. */
  readonly head: "reward" | "cost" | "classifier";
  readonly labels: readonly string[];
  readonly base: { readonly id: string; readonly hash: string };
  readonly template: TemplateName;
  /** Put before conversations without a system message. */
  readonly system: string | null;
  /** Hash of tokenizer, template and system prompt. */
  readonly encoder: string;
}

/** The folder of the trained adapter that a path means, a run's or the adapter's own; null when it is neither. */
export function trainedHeadFolder(path: string): string | null {
  return [path, join(path, "adapter")].find((folder) => existsSync(join(folder, RECORD_FILE))) ?? null;
}

/** Writes `<adapter>/score.json`. */
export async function writeScoreRecord(adapter: string, record: ScoreRecord): Promise<void> {
  await writeJsonDurably(join(adapter, RECORD_FILE), record);
}

/** Reads `<adapter>/score.json`. @throws CheckpointError naming what is wrong with it */
export function readScoreRecord(adapter: string): ScoreRecord {
  const where = join(adapter, RECORD_FILE);
  const json = readJsonObject(where);
  const { schemaVersion, head, labels, base, template, system, encoder } = json;
  require(schemaVersion === 1, where, "schemaVersion", "1", json);
  require(HEADS.includes(head), where, "head", HEADS.join(", "), json);
  require(Array.isArray(labels) && labels.length > 0 && labels.every(isText), where, "labels", "names", json);
  require(isJsonObject(base) &&
    isText(base["id"]) &&
    isText(base["hash"]), where, "base", "id and hash", json);
  require(TEMPLATES.includes(template), where, "template", TEMPLATES.join(", "), json);
  require(system === null || isText(system), where, "system", "text or null", json);
  require(isText(encoder), where, "encoder", "a hash", json);
  return json as JsonObject & ScoreRecord;
}

/**
 * The share of harm from which an answer is unsafe, from `calibration.json` beside score.json; null where there is none.
 * @throws CheckpointError for a threshold outside (0, 1)
 */
export function readThreshold(adapter: string): number | null {
  const where = join(adapter, CALIBRATION_FILE);
  const json = readOptionalJsonObject(where);
  if (json === null) return null;
  const threshold = json["threshold"];
  if (typeof threshold === "number" && threshold > 0 && threshold < 1) return threshold;
  throw new CheckpointError(`${where}: expected threshold in (0, 1), got ${shown(threshold)}`);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function require(holds: boolean, where: string, field: string, expected: string, json: JsonObject): void {
  if (holds) return;
  throw new CheckpointError(`${where}: expected ${field} to be ${expected}, got ${shown(json[field])}`);
}
