/**
 * @file Stages in order, each a folder with its own completeness. `study.json` says what is done; a study that was
 * interrupted goes on with the first stage that is not. A folder belongs to one recipe.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { writeJsonDurably } from "../core/files.js";
import { hashJson, type Json } from "../core/hash.js";
import { readJsonFile } from "../core/read-back.js";

/** Version of `study.json`. */
export const STUDY_SCHEMA_VERSION = 1;
/** Name of the file in a study's folder. */
export const STUDY_FILE = "study.json";
/** Differences that an error names. */
const NAMED = 4;

/** One step of a study. */
export interface Stage {
  /** Unique in the study, e.g. "train sit". */
  readonly name: string;
  /** What is about to be done, one line with an estimate; asked for only when the stage runs. */
  readonly plan: () => string | Promise<string>;
  /** Whether its output lies in its folder. */
  readonly isDone: () => boolean;
  /** Does the work, or what is left of it after an interruption, and says what is worth recording. */
  readonly run: () => Promise<Json>;
}

/** What a finished stage leaves in `study.json`. */
export interface StageRecord {
  readonly finishedAt: string;
  /** Wall-clock seconds of the call that finished it; more went before if it was interrupted. */
  readonly seconds: number;
  readonly result: Json;
}

/** Everything that determines a study's results; two studies with the same identity may share a folder. */
export type Identity = { readonly [key: string]: Json | undefined };

/** `study.json`. */
export interface StudyState {
  readonly schemaVersion: number;
  readonly identity: Identity;
  readonly identityHash: string;
  /** Versions, machine, threads: recorded, not compared. */
  readonly facts: Identity;
  readonly stages: Readonly<Record<string, StageRecord>>;
}

/** Told where a study stands. */
export interface StageObserver {
  readonly onStage?: (notice: StageNotice) => void;
}

/** A stage begins, ended, or was done before. */
export interface StageNotice {
  readonly name: string;
  /** 1-based place among `of` stages. */
  readonly index: number;
  readonly of: number;
  readonly state: "begins" | "ended" | "was-done";
  /** What is about to be done; "" unless it begins. */
  readonly plan: string;
  /** Seconds that it took; 0 when it begins. */
  readonly seconds: number;
}

/** The file of a study. */
export class StudyFile {
  readonly folder: string;
  private current: StudyState;

  private constructor(folder: string, state: StudyState) {
    this.folder = folder;
    this.current = state;
  }

  /**
   * Opens a folder for a study: new, or one that holds the same.
   * @throws ConfigError naming what differs
   */
  static async claim(folder: string, identity: Identity, facts: Identity): Promise<StudyFile> {
    const begun = readStudy(folder);
    if (begun !== null) return new StudyFile(folder, requireSame(folder, begun, identity));
    const state = {
      schemaVersion: STUDY_SCHEMA_VERSION,
      identity,
      identityHash: hashJson(identity),
      facts,
      stages: {},
    };
    await writeJsonDurably(join(folder, STUDY_FILE), state);
    return new StudyFile(folder, state);
  }

  get state(): StudyState {
    return this.current;
  }

  /** What a finished stage recorded. */
  record(name: string): StageRecord | undefined {
    return this.current.stages[name];
  }

  /** Writes a stage down as finished. */
  async finish(name: string, record: StageRecord): Promise<void> {
    this.current = { ...this.current, stages: { ...this.current.stages, [name]: record } };
    await writeJsonDurably(join(this.folder, STUDY_FILE), this.current);
  }
}

/**
 * Runs the stages that are not done, in order. Once one has run, those after it run as well, even if they were done
 * before: they go on from what is in their folders and refuse what no longer fits.
 * @param signal stops between stages; a stage looks at it too
 */
export async function runStages(
  stages: readonly Stage[],
  file: StudyFile,
  observer: StageObserver = {},
  signal?: AbortSignal,
): Promise<void> {
  let hasRun = false;
  for (const [i, stage] of stages.entries()) {
    signal?.throwIfAborted();
    const place = { name: stage.name, index: i + 1, of: stages.length };
    const before = file.record(stage.name);
    if (!hasRun && before !== undefined && stage.isDone()) {
      observer.onStage?.({ ...place, state: "was-done", plan: "", seconds: before.seconds });
      continue;
    }
    hasRun = true;
    const startedMs = Date.now();
    observer.onStage?.({ ...place, state: "begins", plan: await stage.plan(), seconds: 0 });
    const result = await stage.run();
    const seconds = (Date.now() - startedMs) / 1000;
    await file.finish(stage.name, { finishedAt: new Date().toISOString(), seconds, result });
    observer.onStage?.({ ...place, state: "ended", plan: "", seconds });
  }
}

/** What differs between two identities, each as `path a there, b asked`. */
export function identityDifferences(there: Identity, asked: Identity): string[] {
  const [a, b] = [leaves(there), leaves(asked)];
  const paths = [...new Set([...a.keys(), ...b.keys()])];
  const differing = paths.filter((path) => a.get(path) !== b.get(path));
  return differing.map(
    (path) => `${path} ${a.get(path) ?? "absent"} there, ${b.get(path) ?? "absent"} asked`,
  );
}

function requireSame(folder: string, state: StudyState, identity: Identity): StudyState {
  const differences = identityDifferences(state.identity, identity);
  if (differences.length === 0) return state;
  // Other prompts follow from another recipe: name the cause only.
  const causes = differences.filter((difference) => difference.startsWith("recipe."));
  const named = causes.length > 0 ? causes : differences;
  const more = named.length > NAMED ? `; and ${named.length - NAMED} more` : "";
  throw new ConfigError(
    `${folder}: expected the recipe that was begun there, got another: ${named.slice(0, NAMED).join("; ")}${more}`,
    { hint: "name another folder with --out, or repeat the command that began it" },
  );
}

/** The state of the study in a folder; null when it holds none. @throws DatasetError when the file does not parse */
export function readStudy(folder: string): StudyState | null {
  const path = join(folder, STUDY_FILE);
  if (!existsSync(path)) return null;
  return readJsonFile<StudyState>(path, "the state of a study");
}

/** Values by dotted path, as JSON text. */
function leaves(value: Json | undefined, path = ""): Map<string, string> {
  if (value === undefined) return new Map();
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  const members = Object.entries(value) as [string, Json | undefined][];
  return new Map(
    members.flatMap(([key, member]) => [...leaves(member, path === "" ? key : `${path}.${key}`)]),
  );
}
