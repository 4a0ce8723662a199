/**
 * @file A recipe: base model, what is evaluated, and how SIT and DPO are fed and trained. It is data (YAML), read
 * strictly, so that a mistyped key never silently trains something else.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  flag,
  listOf,
  number,
  oneOf,
  type Place,
  pattern,
  type Reader,
  type Readers,
  record,
  text,
  wrong,
} from "../core/fields.js";
import { parseYaml, readYaml } from "../core/yaml.js";
import { OWN_TRIES } from "../data/pairs.js";
import {
  SUITE_NAMES,
  suite,
  suiteSettings,
  TASKS,
  type TaskSelection,
  taskNamed,
} from "../evaluate/tasks/suites.js";
import type { WeightScheme } from "../models/loaded-model.js";
import { DPO_LOSSES } from "../train/losses/dpo-options.js";
import type { DpoOptions, LoraSettings, TrainingSettings } from "../train/options.js";
import { SCHEDULERS } from "../train/schedule.js";

/** Version of the recipe's shape, recorded with every study. */
export const RECIPE_VERSION = 1;

/** Rows of a data set: how many (default all), and which are fit. */
export interface RowSelection {
  /** Catalogue name or path. */
  readonly name: string;
  readonly rows?: number;
  readonly maxAnswerCharacters?: number;
  /** Keep only rows whose prompt matches this regular expression, whatever its case. */
  readonly promptMatches?: string;
  /** Keep only rows whose answer matches this regular expression, whatever its case. */
  readonly answerMatches?: string;
  /** Keep only rows whose answer the refusal matcher counts as a refusal or an objection. */
  readonly mustRefuse?: boolean;
  /** SIT: answers of these rows are cut after so many tokens, whatever the training settings say. */
  readonly maxCompletionLength?: number;
  /**
   * SIT: the base's own answers take the place of the data's, so that harmless prompts are answered as before. Needs
   * `maxCompletionLength`: no more of them is drawn. Rows that the base refuses are left out.
   */
  readonly ownAnswers?: boolean;
}

/** A task by name, with the most prompts that are asked. */
export interface TaskLimit {
  readonly task: string;
  readonly limit?: number;
}

/** Name of a suite, or tasks. */
export type SuiteChoice = string | readonly TaskLimit[];

/** What is asked of base, SIT and DPO. */
export interface EvaluateRecipe {
  readonly suite: SuiteChoice;
  /** Asked of the final model only. */
  readonly finalSuite?: SuiteChoice;
  readonly maxNewTokens: number;
  /** How the base's weights are held while answering; default f32. Training and pairs are float32 in any case. */
  readonly weights?: WeightScheme;
}

/** Settings of training that a recipe may name; the rest take the method's defaults. */
type RecipeSettings = Omit<TrainingSettings, "seed" | "tokenBudget" | "saveSteps">;

/** Settings of SIT. */
export type SitTrainRecipe = Partial<RecipeSettings & LoraSettings>;

/** Settings of DPO; the starting adapter fixes the shape of its own. */
export type DpoTrainRecipe = Partial<
  RecipeSettings &
    Pick<LoraSettings, "loraDropout"> &
    Required<Pick<DpoOptions, "beta" | "loss" | "labelSmoothing" | "nllWeight">> & {
      readonly reference: "start" | "base";
    }
>;

/** Safety instruction tuning: instruction rows, safety rows, settings. */
export interface SitRecipe {
  readonly data: readonly RowSelection[];
  /** Drawn in order; a prompt belongs to the first selection that it fits. */
  readonly safety: readonly RowSelection[];
  readonly train: SitTrainRecipe;
}

/** Preference pairs: how many, from which rows, with whose answers. */
export interface PairsRecipe {
  readonly count: number;
  /** Share of pairs with an unsafe prompt; the rest have a harmless one. */
  readonly share: number;
  /** Taken in turn. */
  readonly safety: readonly RowSelection[];
  readonly harmless: readonly RowSelection[];
  /** The model whose own answers are used. */
  readonly answersFrom: "sit" | "base";
  /** `chosen` of harmless prompts: that model's answer unless unfit, the base's first tokens, or the data's. */
  readonly harmlessChosen: "own" | "base" | "reference";
  /** `rejected` of harmless prompts: a refusal from the safety rows, or that model's own where it refuses. */
  readonly harmlessRejected: "pool" | "own";
  /** For "own": harmless prompts asked at most for each harmless pair. */
  readonly ownTries: number;
  readonly maxNewTokens: number;
}

/** A recipe with its defaults filled in. */
export interface Recipe {
  readonly model: string;
  readonly seed: number;
  readonly evaluate: EvaluateRecipe;
  readonly sit: SitRecipe;
  readonly dpo: { readonly pairs: PairsRecipe; readonly train: DpoTrainRecipe };
}

/** The recipes that come with the package. */
export type RecipeName = "demo" | "demo-full";

/** Path of a recipe that comes with the package. */
export function bundledRecipe(name: RecipeName): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, "recipes", `${name}.yaml`);
}

/** Reads a recipe file. @throws ConfigError in one line: file, line, key, what was expected */
export function loadRecipe(path: string): Recipe {
  return readYaml(path, RECIPE, "a recipe");
}

/** Reads a recipe's text; `file` names it in errors. @throws ConfigError */
export function parseRecipe(content: string, file: string): Recipe {
  return parseYaml(content, file, RECIPE);
}

/** The tasks of a suite or a list. */
export function selectionOf(choice: SuiteChoice): readonly TaskSelection[] {
  if (typeof choice === "string") return suite(choice);
  return choice.map(({ task, limit }) => ({ task: taskNamed(task), limit: limit ?? null }));
}

const count = number({ min: 1, isInteger: true });
const countOrZero = number({ min: 0, isInteger: true });
const share = number({ min: 0, max: 1 });
const taskName = oneOf(TASKS.map(({ name }) => name));

const rowSelection: Reader<RowSelection> = (value, place) =>
  typeof value === "string" ? { name: text(value, place) } : withLimit(selectionRecord(value, place), place);

function withLimit(selection: RowSelection, place: Place): RowSelection {
  if (selection.ownAnswers === true && selection.maxCompletionLength === undefined)
    throw wrong(
      place,
      "maxCompletionLength beside ownAnswers",
      "none",
      "how many tokens of its own answers are trained",
    );
  return selection;
}

const selectionRecord = record<Pick<RowSelection, "name">, Required<Omit<RowSelection, "name">>>(
  { name: text },
  {
    rows: count,
    maxAnswerCharacters: count,
    promptMatches: pattern,
    answerMatches: pattern,
    mustRefuse: flag,
    maxCompletionLength: count,
    ownAnswers: flag,
  },
);

/** A key that would change nothing is a mistake. */
function refuseKeys(
  selection: RowSelection,
  keys: readonly (keyof RowSelection)[],
  place: Place,
  where: string,
): void {
  const given = keys.find((key) => selection[key] !== undefined);
  if (given !== undefined) throw wrong(place, `no ${given} for ${where}`, `that of ${selection.name}`);
}

/** One selection, or a list of them. */
const selections: Reader<readonly RowSelection[]> = (value, place) =>
  Array.isArray(value) ? listOf(rowSelection)(value, place) : [rowSelection(value, place)];

const safetyRows: Reader<readonly RowSelection[]> = (value, place) => {
  const given = selections(value, place);
  for (const selection of given)
    refuseKeys(selection, ["ownAnswers"], place, "safety rows, whose answers are to be learned");
  return given;
};

const taskRecord = record<Pick<TaskLimit, "task">, Required<Omit<TaskLimit, "task">>>(
  { task: taskName },
  { limit: count },
);

const taskLimit: Reader<TaskLimit> = (value, place) =>
  typeof value === "string" ? { task: taskName(value, place) } : taskRecord(value, place);

/** A recipe sets how answers are drawn, so a suite that fixes it has no place there. */
const RECIPE_SUITES = SUITE_NAMES.filter((name) => suiteSettings(name) === null);

const suiteChoice: Reader<SuiteChoice> = (value, place) =>
  Array.isArray(value)
    ? listOf(taskLimit)(value, place)
    : oneOf(RECIPE_SUITES, "a suite or a list of tasks")(value, place);

const SETTINGS: Readers<RecipeSettings> = {
  epochs: number({ above: 0 }),
  maxSteps: countOrZero,
  batchSize: count,
  gradientAccumulation: count,
  learningRate: number({ above: 0 }),
  scheduler: oneOf(SCHEDULERS),
  warmupSteps: countOrZero,
  maxLength: number({ min: 2, isInteger: true }),
  maxCompletionLength: countOrZero,
  overLength: oneOf(["truncate", "drop", "refuse"]),
  maxGradNorm: number({ min: 0 }),
  weightDecay: number({ min: 0 }),
  shuffle: flag,
  evalSteps: countOrZero,
};

const loraDropout = number({ min: 0, max: 0.99 });

const sitTrain: Reader<SitTrainRecipe> = record<object, RecipeSettings & LoraSettings>(
  {},
  { ...SETTINGS, loraRank: count, loraAlpha: number({ above: 0 }), loraDropout, loraTargets: listOf(text) },
);

const dpoTrain: Reader<DpoTrainRecipe> = record<object, Required<DpoTrainRecipe>>(
  {},
  {
    ...SETTINGS,
    loraDropout,
    beta: number({ above: 0 }),
    loss: oneOf(DPO_LOSSES),
    labelSmoothing: number({ min: 0, max: 0.5 }),
    nllWeight: number({ min: 0 }),
    reference: oneOf(["start", "base"]),
  },
);

type PairDefaults = Pick<
  PairsRecipe,
  "answersFrom" | "harmlessChosen" | "harmlessRejected" | "ownTries" | "maxNewTokens"
>;

const PAIR_DEFAULTS: PairDefaults = {
  answersFrom: "sit",
  harmlessChosen: "own",
  harmlessRejected: "pool",
  ownTries: OWN_TRIES,
  maxNewTokens: 128,
};

const pairsRecord = record<Omit<PairsRecipe, keyof PairDefaults>, PairDefaults>(
  { count, share, safety: selections, harmless: listOf(rowSelection) },
  {
    answersFrom: oneOf(["sit", "base"]),
    harmlessChosen: oneOf(["own", "base", "reference"]),
    harmlessRejected: oneOf(["pool", "own"]),
    ownTries: count,
    maxNewTokens: count,
  },
);

const pairs: Reader<PairsRecipe> = (value, place) => {
  const given = pairsRecord(value, place);
  for (const selection of [...given.safety, ...given.harmless]) {
    if (selection.rows !== undefined)
      throw wrong(place, "no rows for pairs: their count decides", `rows of ${selection.name}`);
    refuseKeys(
      selection,
      ["maxCompletionLength", "ownAnswers"],
      place,
      "pairs, which train.maxCompletionLength cuts",
    );
  }
  return { ...PAIR_DEFAULTS, ...given };
};

const evaluateRecipe: Reader<EvaluateRecipe> = (value, place) => ({
  maxNewTokens: 128,
  ...record<Pick<EvaluateRecipe, "suite">, Required<Omit<EvaluateRecipe, "suite">>>(
    { suite: suiteChoice },
    { finalSuite: suiteChoice, maxNewTokens: count, weights: oneOf(["f32", "int8", "int4"]) },
  )(value, place),
});

/** An answer that was cut where it was drawn must not be trained on as if it ended there. */
const dpo: Reader<Recipe["dpo"]> = (value, place) => {
  const given = record<Recipe["dpo"], object>({ pairs, train: dpoTrain }, {})(value, place);
  const { harmlessChosen, maxNewTokens } = given.pairs;
  const { maxCompletionLength = Number.POSITIVE_INFINITY } = given.train;
  if (harmlessChosen === "base" && maxCompletionLength > maxNewTokens)
    throw wrong(
      place,
      `train.maxCompletionLength of at most pairs.maxNewTokens, ${maxNewTokens}, with harmlessChosen: base`,
      given.train.maxCompletionLength === undefined ? "none" : `${maxCompletionLength}`,
    );
  return given;
};

const RECIPE: Reader<Recipe> = record<Recipe, object>(
  {
    model: text,
    seed: number({ min: 0, max: 4294967295, isInteger: true }),
    evaluate: evaluateRecipe,
    sit: record<SitRecipe, object>({ data: listOf(rowSelection), safety: safetyRows, train: sitTrain }, {}),
    dpo,
  },
  {},
);
