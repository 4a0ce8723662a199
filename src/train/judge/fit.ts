/**
 * @file Fits the heads of a judge on features that are already there: probe and bag of words, each balanced over sources and
 * classes, and stacks over their scores on rows that they were not fitted on. A pair is one example, a difference of two rows.
 */
import { BagOfWords } from "../../judges/harm-judge/bag-of-words.js";
import {
  type HarmHead,
  type HeadMembers,
  harmProbability,
  type LinearHead,
  logOdds,
  type Member,
  memberScore,
} from "../../judges/harm-judge/head.js";
import { balancedAccuracy, countConfusion } from "../../stats/binary-metrics.js";
import {
  type Design,
  denseDesign,
  fitLogistic,
  type LogisticModel,
  type SparseRow,
  sigmoid,
  sparseDesign,
} from "../../stats/logistic-regression.js";
import { foldsOf } from "./folds.js";
import type { JudgeRecipe } from "./recipe.js";
import type { JudgeRow } from "./rows.js";

/** Rows with their features. */
export interface FitData {
  readonly rows: readonly JudgeRow[];
  /** Of the same number, all of one width. */
  readonly features: readonly Float32Array[];
}

/** How heads are fitted. */
export interface FitSettings
  extends Pick<JudgeRecipe, "wordsL2" | "innerFolds" | "stackOn" | "seed" | "members"> {
  readonly l2: number;
  /** Weight of each source by name; default 1. */
  readonly sourceWeights: ReadonlyMap<string, number>;
}

/** A head with the P(harmful) from which an answer is unsafe. */
export interface FittedHead {
  readonly head: HarmHead;
  readonly threshold: number;
}

/** The shipped head, and heads of single members on the same rows. */
export interface FittedHeads {
  readonly judge: FittedHead;
  readonly words: FittedHead;
  readonly probe: FittedHead;
}

/** One labelled row, or a pair: `row` is worse than `minus`. Places in {@link FitData.rows}. */
interface Example {
  readonly row: number;
  readonly minus: number | null;
  readonly label: boolean;
  readonly weight: number;
}

/** Gradient that counts as zero, for each example. */
const TOLERANCE = 1e-5;
const MOST_ITERATIONS = 300;
const STACK_L2 = 1;
/** Variance beside the squared mean, below which a feature varies by rounding only. */
const CONSTANT = 1e-12;

/** Fits all heads on some rows. @param places of rows to learn from */
export function fitHeads(data: FitData, places: readonly number[], settings: FitSettings): FittedHeads {
  const held = heldOutScores(data, places, settings);
  const members = fitMembers(data, places, settings);
  const head = (joined: readonly Member[], stackOn: FitSettings["stackOn"]): FittedHead =>
    joinMembers(data, places, { ...settings, stackOn }, held, members, joined);
  return {
    judge: head(settings.members, settings.stackOn),
    words: head(["words"], "prompts"),
    probe: head(["probe"], "prompts"),
  };
}

/** Fits probe and bag of words. */
function fitMembers(data: FitData, places: readonly number[], settings: FitSettings): HeadMembers {
  const examples = examplesOf(data.rows, places, settings.sourceWeights);
  const bag = BagOfWords.of(places.map((place) => (data.rows[place] as JudgeRow).response));
  const words = fitWords(data, examples, bag, settings.wordsL2);
  return { probe: probeOn(data, examples, settings.l2), bag, words };
}

/** Fits a probe alone. @param places of rows to learn from */
export function fitProbe(
  data: FitData,
  places: readonly number[],
  { sourceWeights, l2 }: Pick<FitSettings, "sourceWeights" | "l2">,
): LinearHead {
  return probeOn(data, examplesOf(data.rows, places, sourceWeights), l2);
}

/** Rows that are left out together, with their scores by members that saw none of them. */
interface HeldOut {
  readonly places: readonly number[];
  readonly scores: ReadonlyMap<number, Readonly<Record<Member, number>>>;
}

/** By prompts, and where the stack needs it by whole sources. */
interface HeldOutScores {
  readonly prompts: readonly HeldOut[];
  readonly sources: readonly HeldOut[];
}

function heldOutScores(data: FitData, places: readonly number[], settings: FitSettings): HeldOutScores {
  const own = places.map((place) => data.rows[place] as JudgeRow);
  const leaveOut = (keys: readonly (string | number)[]): HeldOut[] =>
    [...new Set(keys)].map((key) =>
      scoredByOthers(
        data,
        places.filter((_, i) => keys[i] === key),
        places.filter((_, i) => keys[i] !== key),
        settings,
      ),
    );
  return {
    prompts: leaveOut(foldsOf(own, settings.innerFolds, settings.seed + 1)),
    sources: settings.stackOn === "prompts" ? [] : leaveOut(own.map(({ source }) => source)),
  };
}

/** A group's scores by members that were fitted on the others; on itself where there are none. */
function scoredByOthers(
  data: FitData,
  group: readonly number[],
  others: readonly number[],
  settings: FitSettings,
): HeldOut {
  const members = fitMembers(data, others.length === 0 ? group : others, settings);
  const scoresOf = (place: number): Record<Member, number> => {
    const score = (member: Member): number =>
      memberScore(member, members, data.rows[place] as JudgeRow, data.features[place] as Float32Array);
    return { probe: score("probe"), words: score("words"), refusal: score("refusal") };
  };
  return { places: group, scores: new Map(group.map((place) => [place, scoresOf(place)])) };
}

/** The stack as the settings say; the threshold always by rows on prompts that the members had not seen. */
function joinMembers(
  { rows }: FitData,
  places: readonly number[],
  { sourceWeights, stackOn }: Pick<FitSettings, "sourceWeights" | "stackOn">,
  held: HeldOutScores,
  fitted: HeadMembers,
  members: readonly Member[],
): FittedHead {
  const weightOf = new Map(examplesOf(rows, places, sourceWeights).map(({ row, weight }) => [row, weight]));
  const rowsOf = (groups: readonly HeldOut[]): StackRow[] =>
    groups.flatMap(({ places: group, scores }) => {
      const valuesOf = (place: number): number[] => members.map((member) => scores.get(place)?.[member] ?? 0);
      return examplesOf(rows, group, sourceWeights).map((example) => ({
        ...example,
        source: (rows[example.row] as JudgeRow).source,
        weight: weightOf.get(example.row) ?? 0,
        values: valuesOf(example.row).map((value, m) =>
          example.minus === null ? value : value - (valuesOf(example.minus)[m] as number),
        ),
      }));
    });
  const [byPrompt, bySource] = [rowsOf(held.prompts), rowsOf(held.sources)];
  const learnt = { prompts: byPrompt, sources: bySource, both: [...byPrompt, ...bySource] }[stackOn];
  const design = denseDesign(Float64Array.from(learnt.flatMap(({ values }) => values)), members.length);
  const stack = toHead(fitExamples(design, learnt, STACK_L2));
  const scored = byPrompt.map((row) => ({ ...row, probability: sigmoid(logOdds(stack, row.values)) }));
  return { head: { ...fitted, members, stack }, threshold: bestThreshold(scored) };
}

/** An example as the stack sees it: one score a member. */
type StackRow = Example & { readonly source: string; readonly values: readonly number[] };

/** The threshold with the best mean of balanced accuracies over sources that have both classes; 0.5 where none has. */
function bestThreshold(
  examples: readonly (Pick<Example, "label" | "minus"> & {
    readonly source: string;
    readonly probability: number;
  })[],
): number {
  const single = examples.filter(({ minus }) => minus === null);
  const groups = [...new Set(single.map(({ source }) => source))]
    .map((source) => single.filter((example) => example.source === source))
    .filter((group) => new Set(group.map(({ label }) => label)).size === 2);
  const quality = (threshold: number): number =>
    groups.reduce((sum, group) => {
      const calls = group.map(({ probability }) => probability >= threshold);
      return (
        sum +
        balancedAccuracy(
          countConfusion(
            group.map(({ label }) => label),
            calls,
          ),
        )
      );
    }, 0);
  const candidates = Array.from({ length: 97 }, (_, i) => (i + 2) / 100);
  const ranked = candidates.map((threshold) => ({ threshold, quality: quality(threshold) }));
  // Among equals the one nearest to even odds.
  ranked.sort((a, b) => b.quality - a.quality || Math.abs(a.threshold - 0.5) - Math.abs(b.threshold - 0.5));
  return ranked[0]?.threshold ?? 0.5;
}

/**
 * Labelled rows and pairs as examples. A source weighs as its setting says, however many rows it has; within it both classes
 * weigh the same; the weights' mean is 1. A pair that is not whole, and a row without a label, teaches nothing.
 */
function examplesOf(
  rows: readonly JudgeRow[],
  places: readonly number[],
  sourceWeights: ReadonlyMap<string, number>,
): Example[] {
  const better = new Map(
    places.flatMap((place) => {
      const { pair, label } = rows[place] as JudgeRow;
      return pair !== undefined && label === false ? [[pair, place] as const] : [];
    }),
  );
  const found = places.flatMap((row): Omit<Example, "weight">[] => {
    const { label, pair } = rows[row] as JudgeRow;
    if (label === null) return [];
    if (pair === undefined) return [{ row, minus: null, label }];
    const minus = better.get(pair);
    return label && minus !== undefined ? [{ row, minus, label: true }] : [];
  });
  const cellOf = ({ row, label }: Omit<Example, "weight">): string =>
    `${(rows[row] as JudgeRow).source} ${label}`;
  const counts = new Map<string, number>();
  for (const example of found) counts.set(cellOf(example), (counts.get(cellOf(example)) ?? 0) + 1);
  const raw = found.map((example) => {
    const { source } = rows[example.row] as JudgeRow;
    const classes = [true, false].filter((label) => counts.has(`${source} ${label}`)).length;
    return (sourceWeights.get(source) ?? 1) / (classes * (counts.get(cellOf(example)) as number));
  });
  const mean = raw.reduce((sum, weight) => sum + weight, 0) / raw.length;
  return found.map((example, i) => ({ ...example, weight: (raw[i] as number) / mean }));
}

function fitExamples(design: Design, examples: readonly Example[], l2: number): LogisticModel {
  return fitLogistic(
    design,
    examples.map(({ label }) => label),
    {
      l2,
      weights: examples.map(({ weight }) => weight),
      isDifference: examples.map(({ minus }) => minus !== null),
      tolerance: TOLERANCE * examples.length,
      maxIterations: MOST_ITERATIONS,
    },
  );
}

function toHead({ weights, intercept }: LogisticModel): LinearHead {
  return { weights: Float32Array.from(weights), intercept };
}

/** A probe on standardised features; mean and scale are then taken into its weights. */
function probeOn({ features }: FitData, examples: readonly Example[], l2: number): LinearHead {
  const width = features[0]?.length ?? 0;
  const { mean, scale } = standardOf(features, examples, width);
  const values = new Float32Array(examples.length * width);
  examples.forEach(({ row, minus }, e) => {
    const [a, b] = [features[row] as Float32Array, minus === null ? mean : (features[minus] as Float32Array)];
    for (let j = 0; j < width; j++)
      values[e * width + j] = ((a[j] as number) - (b[j] as number)) * (scale[j] as number);
  });
  const { weights, intercept } = fitExamples(denseDesign(values, width), examples, l2);
  const own = Float32Array.from(weights, (weight, j) => weight * (scale[j] as number));
  const shift = own.reduce((sum, weight, j) => sum + weight * (mean[j] as number), 0);
  return { weights: own, intercept: intercept - shift };
}

/** Mean and 1 / standard deviation of each feature over the rows of examples; a constant one is left out by a scale of 0. */
function standardOf(
  features: readonly Float32Array[],
  examples: readonly Example[],
  width: number,
): { readonly mean: Float64Array; readonly scale: Float64Array } {
  const rows = examples.flatMap(({ row, minus }) => (minus === null ? [row] : [row, minus]));
  const [mean, square] = [new Float64Array(width), new Float64Array(width)];
  for (const row of rows)
    for (let j = 0; j < width; j++)
      mean[j] = (mean[j] as number) + ((features[row] as Float32Array)[j] as number) / rows.length;
  for (const row of rows)
    for (let j = 0; j < width; j++)
      square[j] =
        (square[j] as number) + (((features[row] as Float32Array)[j] as number) - (mean[j] as number)) ** 2;
  const scale = square.map((sum, j) => {
    const variance = sum / rows.length;
    return variance > CONSTANT * (mean[j] as number) ** 2 ? 1 / Math.sqrt(variance) : 0;
  });
  return { mean, scale };
}

function fitWords({ rows }: FitData, examples: readonly Example[], bag: BagOfWords, l2: number): LinearHead {
  const rowOf = (place: number): SparseRow => bag.row((rows[place] as JudgeRow).response);
  const sparse = examples.map(({ row, minus }) =>
    minus === null ? rowOf(row) : less(rowOf(row), rowOf(minus)),
  );
  return toHead(fitExamples(sparseDesign(sparse, bag.words.length), examples, l2));
}

/** a − b; a column of both occurs twice, which adds up. */
function less(a: SparseRow, b: SparseRow): SparseRow {
  return {
    columns: Int32Array.from([...a.columns, ...b.columns]),
    values: Float64Array.from([...a.values, ...b.values.map((value) => -value)]),
  };
}

/** P(harmful) by a fitted head. */
export function probabilityOf({ head }: FittedHead, row: JudgeRow, features: Float32Array): number {
  return harmProbability(head, row, features);
}
