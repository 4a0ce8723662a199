/** @file What was journalled → `results.json`: the numbers of every set and pool, and the verdict. */
import { DEFAULT_LEVEL } from "../stats/intervals.js";
import { aggregate, type Group } from "./aggregate.js";
import type { BertScores } from "./bert-scores.js";
import { hashPart } from "./manifest.js";
import type { Policy } from "./policy.js";
import {
  EVALUATION_SCHEMA_VERSION,
  type EvaluationManifest,
  type EvaluationResults,
  type ReferenceRow,
  type SampleRow,
} from "./results.js";
import type { RunLabels } from "./run-labels.js";
import type { LoadedTask } from "./tasks/load.js";
import { poolsOf } from "./tasks/suites.js";
import { decide } from "./verdict.js";

/** What the numbers of an evaluation are made of. */
export interface Answers {
  readonly samples: readonly SampleRow[];
  readonly references: readonly ReferenceRow[];
  readonly labels: RunLabels | null;
  /** By task, then by prompt id. */
  readonly referenceTexts: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly bertScores?: BertScores;
  /** What BERTScores were made with, where there are any. */
  readonly bertScoring?: string;
}

export function referenceTextsOf(tasks: readonly LoadedTask[]): Answers["referenceTexts"] {
  return new Map(
    tasks.map(({ task, prompts }) => [
      task.name,
      new Map(prompts.flatMap(({ id, reference }) => (reference === undefined ? [] : [[id, reference]]))),
    ]),
  );
}

/** The numbers of an evaluation from what was journalled. */
export function summarise(
  manifest: EvaluationManifest,
  { samples, references, referenceTexts, labels, bertScores, bertScoring }: Answers,
  notes: readonly string[] = [],
  policy: Policy | null = null,
): EvaluationResults {
  const pools = poolsOf(manifest.tasks);
  const single = manifest.tasks.map((task) => ({
    ...task,
    tasks: [task.name],
    choiceMetrics: task.multipleChoice?.metrics ?? null,
  }));
  const groups = [...single, ...pools.map((pool) => ({ ...pool, choiceMetrics: null }))].map(
    ({ name, expectation, tasks, choiceMetrics }): Group => ({
      name,
      expectation,
      choiceMetrics,
      samples: samples.filter((row) => tasks.includes(row.task)),
      references: references.filter((row) => tasks.includes(row.task)).sort(byPrompt),
      referenceTexts: referenceTexts.get(name) ?? new Map(),
      ...(bertScores === undefined ? {} : { bertScores }),
    }),
  );
  return {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    target: manifest.target,
    hashes: {
      model: manifest.modelHash,
      sampling: hashPart(manifest.sampling),
      tasks: hashPart(manifest.tasks),
      judges: Object.fromEntries(manifest.judges.map((judge) => [judge.name, judge.hash])),
      ...(bertScoring === undefined ? {} : { bertScore: bertScoring }),
    },
    settings: {
      sampling: manifest.sampling,
      seed: manifest.seed,
      ...(manifest.repeats === undefined ? {} : { repeats: manifest.repeats }),
      limit: manifest.limit,
      level: DEFAULT_LEVEL,
      sets: manifest.tasks,
      pools,
      judges: manifest.judges,
    },
    tasks: groups.flatMap((group) => aggregate(group, manifest.judges, DEFAULT_LEVEL, labels)),
    verdict: decide(policy, { manifest, samples }),
    notes,
  };
}

/** Answers arrive in any order; a sum of floating-point numbers must not depend on it. */
function byPrompt(a: ReferenceRow, b: ReferenceRow): number {
  return a.promptId < b.promptId ? -1 : 1;
}
