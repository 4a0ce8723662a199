/** @file The recipe of a harm judge: what it learns from, what it is only measured on, what is read and how heads are fitted. */
import { listOf, number, oneOf, type Reader, record, text } from "../../core/fields.js";
import { readYaml } from "../../core/yaml.js";
import { MEMBERS, type Member } from "../../judges/harm-judge/head.js";
import { type FeatureSettings, POOLINGS } from "../../text/feature-model.js";

/** How a source's rows are read: labels of its own, answers that are all safe, or pairs of which the rejected answer is worse. */
export const SOURCE_LABELS = ["harm", "safe", "pairs"] as const;

/** A data set that a judge learns from. */
export interface JudgeSource {
  /** Catalogue name or path. */
  readonly name: string;
  readonly labels: (typeof SOURCE_LABELS)[number];
  /** A seeded draw of so many rows, or pairs; default all. */
  readonly rows?: number;
  /** Of the whole source beside the others, whatever its rows; default 1. */
  readonly weight?: number;
}

/** What a probe may read, and the penalty of its weights. */
export interface Candidate extends Pick<FeatureSettings, "layers" | "pooling"> {
  readonly l2: number;
}

/** What scores of the members the stack is fitted on: prompts that they were not fitted on, whole sources, or both. */
export const STACK_GROUPS = ["prompts", "sources", "both"] as const;

/** A recipe of `judge train`. */
export interface JudgeRecipe {
  readonly model: string;
  readonly seed: number;
  /** What is read of every row, once: the candidates choose from it. */
  readonly features: FeatureSettings;
  readonly sources: readonly JudgeSource[];
  /** Labelled sets of the catalogue: measured whole, never learnt from. */
  readonly neverSeen: readonly string[];
  readonly candidates: readonly Candidate[];
  readonly members: readonly Member[];
  /** Penalty of the bag of words. */
  readonly wordsL2: number;
  readonly folds: number;
  readonly innerFolds: number;
  readonly stackOn: (typeof STACK_GROUPS)[number];
}

const count = number({ min: 1, isInteger: true });
const folds = number({ min: 2, isInteger: true });
const layers = listOf(number({ min: 0, isInteger: true }));
const pooling = listOf(oneOf(POOLINGS));

const readRecipe: Reader<JudgeRecipe> = record<JudgeRecipe, object>(
  {
    model: text,
    seed: number({ min: 0, isInteger: true }),
    features: record<FeatureSettings, object>({ layers, pooling, maxTokens: count }, {}),
    sources: listOf(
      record<Pick<JudgeSource, "name" | "labels">, Required<Pick<JudgeSource, "rows" | "weight">>>(
        { name: text, labels: oneOf(SOURCE_LABELS) },
        { rows: count, weight: number({ above: 0 }) },
      ),
    ),
    neverSeen: listOf(text),
    candidates: listOf(record<Candidate, object>({ layers, pooling, l2: number({ above: 0 }) }, {})),
    members: listOf(oneOf(MEMBERS)),
    wordsL2: number({ above: 0 }),
    folds,
    innerFolds: folds,
    stackOn: oneOf(STACK_GROUPS),
  },
  {},
);

/** Reads a recipe. @throws ConfigError naming file, line and key */
export function readJudgeRecipe(path: string): JudgeRecipe {
  return readYaml(path, readRecipe, "the recipe of a judge");
}
