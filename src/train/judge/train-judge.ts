/**
 * @file Trains a harm judge by a recipe: features of all rows once, the candidate that generalises best on the training sources,
 * folds by prompt, sources left out, sets that it never saw, and the judge on all rows. Beside it a second one that learnt
 * only from sources whose licences permit everything.
 */
import { join } from "node:path";
import { ConfigError } from "../../core/errors.js";
import { Journal, writeFileDurably, writeFolderDurably, writeJsonDurably } from "../../core/files.js";
import { hashJson } from "../../core/hash.js";
import type { DataFolders } from "../../data/catalogue.js";
import { type OpenFeatureModelOptions, openFeatureModel } from "../../generate/open-feature-model.js";
import {
  CALIBRATION_FILE,
  type JudgeBase,
  readHarmJudge,
  writeHarmHead,
} from "../../judges/harm-judge/folder.js";
import { harmVerdict } from "../../judges/harm-judge/judge.js";
import { labelledSet } from "../../judges/labelled-sets.js";
import { matchRefusal } from "../../judges/refusal-matcher.js";
import { measureJudge } from "../../judges/validation.js";
import { VALIDATION_FILE } from "../../judges/validation-file.js";
import type { FeatureSettings } from "../../text/feature-model.js";
import { type CandidateFigures, measureCandidate } from "./candidates.js";
import { FeatureStore } from "./feature-store.js";
import {
  type Call,
  type CalledRow,
  calibrationCurve,
  type FigureOptions,
  meanFigures,
  sourceFigures,
} from "./figures.js";
import {
  type FitData,
  type FitSettings,
  type FittedHead,
  type FittedHeads,
  fitHeads,
  probabilityOf,
} from "./fit.js";
import { foldsOf } from "./folds.js";
import type { Candidate, JudgeRecipe } from "./recipe.js";
import { renderCard, renderTables } from "./report.js";
import type { JudgeFigures, JudgeReport, TrainingRecord } from "./result.js";
import {
  hasBothClasses,
  type JudgeRow,
  type LoadedSource,
  loadNeverSeen,
  loadTrainingSource,
} from "./rows.js";

/** How a judge is trained. */
export interface TrainJudgeOptions extends DataFolders, OpenFeatureModelOptions {
  readonly recipe: JudgeRecipe;
  /** Folder of the judges, their figures and their tables. */
  readonly out: string;
  /** Folder of features, shared by recipes. */
  readonly featureFolder: string;
  /** At most so many rows, or pairs, of each source: for trials. */
  readonly limit?: number | undefined;
  /** Told of each phase and of its progress. */
  readonly onPhase?: (label: string, total: number, unit: string) => void;
  readonly onDone?: (count: number) => void;
}

/** Names under which judges stand in figures; the first is compared with the others. */
const JUDGES = ["judge", "bag of words", "refusal matcher", "everything is safe", "probe alone"] as const;
const PERMISSIVE = "permissive judge";
const DRAWS = 2000;

/** Trains, measures and writes. @throws ConfigError | DatasetError | StorageError | CheckpointError */
export async function trainJudge(options: TrainJudgeOptions): Promise<JudgeReport> {
  const { recipe } = options;
  for (const candidate of recipe.candidates) requireRead(candidate, recipe.features);
  const sources = await loadAll(recipe.sources, (source) =>
    loadTrainingSource(source, { ...options, ...recipe }),
  );
  const unseen = await loadAll(recipe.neverSeen, (name) => loadNeverSeen(name, { ...options, ...recipe }));
  const loaded = [...sources, ...unseen].flatMap(({ rows }) => rows);
  const store = await readFeatures(options, loaded);
  try {
    return await new JudgeTraining(options, store, sources, unseen).run();
  } finally {
    store.close();
  }
}

async function loadAll<T>(
  names: readonly T[],
  load: (name: T) => Promise<LoadedSource>,
): Promise<LoadedSource[]> {
  const loaded: LoadedSource[] = [];
  for (const name of names) loaded.push(await load(name));
  return loaded;
}

async function readFeatures(options: TrainJudgeOptions, rows: readonly JudgeRow[]): Promise<FeatureStore> {
  const { recipe, featureFolder, onPhase, onDone } = options;
  const model = await openFeatureModel(recipe.model, recipe.features, options);
  try {
    const store = new FeatureStore(featureFolder, model);
    onPhase?.("reading hidden states", store.missing(rows).length, "answers");
    await store.fill(model, rows, (count) => onDone?.(count));
    return store;
  } finally {
    await model.close();
  }
}

/** One training over features that are there. */
class JudgeTraining {
  private readonly options: TrainJudgeOptions;
  private readonly recipe: JudgeRecipe;
  private readonly store: FeatureStore;
  private readonly sources: readonly LoadedSource[];
  private readonly unseen: readonly LoadedSource[];
  private readonly figureOptions: FigureOptions;

  constructor(
    options: TrainJudgeOptions,
    store: FeatureStore,
    sources: readonly LoadedSource[],
    unseen: readonly LoadedSource[],
  ) {
    this.options = options;
    this.recipe = options.recipe;
    this.store = store;
    this.sources = sources;
    this.unseen = unseen;
    this.figureOptions = { seed: this.recipe.seed, draws: DRAWS };
  }

  async run(): Promise<JudgeReport> {
    const candidates = this.measureCandidates();
    const best =
      [...candidates].sort((a, b) => b.mean - a.mean)[0]?.candidate ??
      (this.recipe.candidates[0] as Candidate);
    const settings = this.fitSettings(best.l2);
    const data = this.dataOf(this.rowsOf(this.sources), best);
    const fits = this.recipe.folds + 2 + twoSided(this.sources).length;
    this.options.onPhase?.("fitting heads", fits, "fits");
    const folds = this.crossValidate(data, settings);
    const leftOut = this.leaveOut(data, settings);
    const heads = this.fit(data, [...data.rows.keys()], settings);
    const permissive = this.fitPermissive(data, settings);
    const unseen = this.unseen.map(({ rows }) =>
      this.call(this.dataOf(rows, best), heads, permissive && { [PERMISSIVE]: permissive.judge }),
    );
    const names = permissive === null ? JUDGES : [...JUDGES, PERMISSIVE];
    const figures: JudgeFigures = {
      candidates,
      folds: this.figuresOf(folds, JUDGES),
      leftOut: this.figuresOf(leftOut, JUDGES),
      neverSeen: unseen.map((rows) => sourceFigures(rows, names, this.figureOptions)),
      neverSeenMean: meanFigures(unseen.filter(hasBothClasses), names, this.figureOptions),
      calibration: {
        folds: calibrationCurve(folds, JUDGES[0]),
        neverSeen: calibrationCurve(unseen.flat(), JUDGES[0]),
      },
    };
    return this.write(best, data, figures, heads, permissive);
  }

  /** Figures of candidates, journalled: a second run with the same rows reads them. */
  private measureCandidates(): CandidateFigures[] {
    const { candidates, folds } = this.recipe;
    const rows = this.rowsOf(this.sources);
    const journal = new Journal<{ key: string; figures: CandidateFigures }>(
      join(this.options.out, "candidates.jsonl"),
    );
    const settings = this.fitSettings(1);
    const rest = { ...settings, sourceWeights: [...settings.sourceWeights] };
    const place = hashJson({ rows: rows.map(({ id }) => id), folds, ...rest });
    this.options.onPhase?.("comparing candidates", candidates.length, "candidates");
    try {
      return candidates.map((candidate) => {
        const key = hashJson({
          place,
          layers: candidate.layers,
          pooling: candidate.pooling,
          l2: candidate.l2,
        });
        const known = journal.rows.find((row) => row.key === key);
        const figures =
          known?.figures ?? measureCandidate(candidate, this.dataOf(rows, candidate), folds, settings);
        if (known === undefined) journal.append({ key, figures });
        this.options.onDone?.(1);
        return figures;
      });
    } finally {
      journal.close();
    }
  }

  /** Every row called by heads that saw no row of its prompt. */
  private crossValidate(data: FitData, settings: FitSettings): CalledRow[] {
    const fold = foldsOf(data.rows, this.recipe.folds, this.recipe.seed);
    return Array.from({ length: this.recipe.folds }, (_, k) => k).flatMap((k) => {
      const heads = this.fit(
        data,
        placesWhere(data, (_, place) => fold[place] !== k),
        settings,
      );
      return this.call(
        subset(
          data,
          placesWhere(data, (_, place) => fold[place] === k),
        ),
        heads,
      );
    });
  }

  /** Sources with two classes, each called by heads that saw none of its rows. */
  private leaveOut(data: FitData, settings: FitSettings): CalledRow[] {
    return twoSided(this.sources).flatMap((source) => {
      const rest = placesWhere(data, (row) => row.source !== source);
      const heads = this.fit(data, rest, settings);
      return this.call(
        subset(
          data,
          placesWhere(data, (row) => row.source === source),
        ),
        heads,
      );
    });
  }

  /** Heads that learnt only from sources that permit everything; null where that leaves out nothing, or a class. */
  private fitPermissive(data: FitData, settings: FitSettings): FittedHeads | null {
    const free = new Set(this.permissiveSources());
    const places = placesWhere(data, ({ source }) => free.has(source));
    const labels = new Set(places.map((place) => data.rows[place]?.label));
    const isOther = places.length < data.rows.length && labels.has(true) && labels.has(false);
    return isOther ? this.fit(data, places, settings) : null;
  }

  private permissiveSources(): string[] {
    return this.sources
      .filter(({ dataset }) => dataset.licence !== null && !dataset.isNonCommercial && !dataset.isShareAlike)
      .map(({ dataset }) => dataset.name);
  }

  private fit(data: FitData, places: readonly number[], settings: FitSettings): FittedHeads {
    const heads = fitHeads(data, places, settings);
    this.options.onDone?.(1);
    return heads;
  }

  private call(
    data: FitData,
    heads: FittedHeads,
    more: Readonly<Record<string, FittedHead>> | null = null,
  ): CalledRow[] {
    const fitted = { judge: heads.judge, "bag of words": heads.words, "probe alone": heads.probe, ...more };
    return data.rows.map((row, i) => {
      const features = data.features[i] as Float32Array;
      const calls = Object.entries(fitted).map(([name, head]): [string, Call] => {
        const score = probabilityOf(head, row, features);
        return [name, { score, isUnsafe: score >= head.threshold }];
      });
      const complies = matchRefusal(row.response) === undefined;
      const rules: Record<string, Call> = {
        "refusal matcher": { score: Number(complies), isUnsafe: complies },
        "everything is safe": { score: 0, isUnsafe: false },
      };
      return { ...row, calls: { ...Object.fromEntries(calls), ...rules } };
    });
  }

  private figuresOf(rows: readonly CalledRow[], names: readonly string[]): JudgeFigures["folds"] {
    const sources = [...new Set(rows.map(({ source }) => source))];
    return sources.map((source) =>
      sourceFigures(
        rows.filter((row) => row.source === source),
        names,
        this.figureOptions,
      ),
    );
  }

  private async write(
    candidate: Candidate,
    { rows }: FitData,
    figures: JudgeFigures,
    heads: FittedHeads,
    permissive: FittedHeads | null,
  ): Promise<JudgeReport> {
    const { recipe, options } = this;
    const all = this.rowsOf([...this.sources, ...this.unseen]);
    const base = await this.baseOf(candidate);
    const record: TrainingRecord = {
      schemaVersion: 1,
      recipe,
      base,
      candidate,
      sources: this.sources.map(({ dataset }) => dataset),
      neverSeen: this.unseen.map(({ dataset }) => dataset),
      rows: rows.length,
      cut: all.filter((row) => this.store.isCut(row)).length,
      unreadable: this.sources.flatMap(({ rows }) => rows).length - rows.length,
    };
    const folder = join(options.out, "judge");
    await this.writeJudge(folder, base, heads.judge, record, figures, "judge");
    if (permissive !== null) {
      const free = this.permissiveSources();
      const own = { ...record, sources: record.sources.filter(({ name }) => free.includes(name)) };
      await this.writeJudge(
        join(options.out, "permissive"),
        base,
        permissive.judge,
        own,
        figures,
        PERMISSIVE,
      );
    }
    await this.writeValidations(folder, candidate);
    const report: JudgeReport = { judge: folder, hash: readHarmJudge(folder).hash, record, figures };
    await writeJsonDurably(join(options.out, "folds.json"), report);
    await writeFileDurably(join(options.out, "folds.md"), renderTables(figures));
    return report;
  }

  /** `validations/<set>/validation.json`: what `judge validate` would measure of the judge, without reading the model again. */
  private async writeValidations(path: string, candidate: Candidate): Promise<void> {
    const folder = readHarmJudge(path);
    for (const { rows, dataset } of this.unseen) {
      const { features } = this.dataOf(rows, candidate);
      const judged = rows.map((row, i) => ({
        ...row,
        verdict: {
          ...harmVerdict(folder, row, features[i] as Float32Array),
          ...(this.store.isCut(row) && { isCut: true as const }),
        },
      }));
      const set = labelledSet(dataset.name, "harm");
      const { name, sha256, licence } = dataset;
      const data = {
        path: name,
        name,
        sha256,
        licence,
        labeller: set?.labeller ?? null,
        labelField: set?.rule.field ?? "",
      };
      const judge = { name: path, kind: "harm", hash: folder.hash } as const;
      await writeJsonDurably(
        join(this.options.out, "validations", name, VALIDATION_FILE),
        measureJudge(judge, judged, { labels: "harm", seed: this.recipe.seed, data }),
      );
    }
  }

  private async writeJudge(
    folder: string,
    base: JudgeBase,
    { head, threshold }: FittedHead,
    record: TrainingRecord,
    figures: JudgeFigures,
    name: string,
  ): Promise<void> {
    await writeFolderDurably(folder, async (temporary) => {
      await writeHarmHead(temporary, base, head);
      await writeJsonDurably(join(temporary, CALIBRATION_FILE), {
        threshold,
        method:
          "logistic regression over members' scores on rows they were not fitted on; threshold with the best mean balanced accuracy of sources",
        ...(name === "judge" && { curves: figures.calibration }),
      });
      await writeJsonDurably(join(temporary, "training.json"), record);
      await writeFileDurably(join(temporary, "README.md"), renderCard(name, record, figures, threshold));
    });
  }

  /** The base as the judge will open it: it reads no more than the head needs. */
  private async baseOf({ layers, pooling }: Candidate): Promise<JudgeBase> {
    const features = { layers, pooling, maxTokens: this.recipe.features.maxTokens };
    const model = await openFeatureModel(this.recipe.model, features, this.options);
    try {
      return { id: this.recipe.model, hash: model.hash, features };
    } finally {
      await model.close();
    }
  }

  private fitSettings(l2: number): FitSettings {
    const sourceWeights = new Map(
      this.sources.map(({ dataset }, i) => [dataset.name, this.recipe.sources[i]?.weight ?? 1]),
    );
    const { wordsL2, innerFolds, stackOn, seed, members } = this.recipe;
    return { wordsL2, innerFolds, stackOn, seed, members, l2, sourceWeights };
  }

  /** Rows that could be read. */
  private rowsOf(sources: readonly LoadedSource[]): JudgeRow[] {
    return sources.flatMap(({ rows }) => rows).filter((row) => this.store.isReadable(row));
  }

  /** Of all that was read, what a candidate reads. */
  private dataOf(rows: readonly JudgeRow[], { layers, pooling }: Candidate): FitData {
    const { features } = this.recipe;
    const size = this.store.width / (features.layers.length * features.pooling.length);
    const starts = layers.flatMap((layer) =>
      pooling.map((each) => {
        const cell =
          features.layers.indexOf(layer) * features.pooling.length + features.pooling.indexOf(each);
        return cell * size;
      }),
    );
    return { rows, features: rows.map((row) => pick(this.store.read(row), starts, size)) };
  }
}

function pick(row: Float32Array, starts: readonly number[], size: number): Float32Array {
  const picked = new Float32Array(starts.length * size);
  starts.forEach((start, i) => {
    picked.set(row.subarray(start, start + size), i * size);
  });
  return picked;
}

function requireRead({ layers, pooling }: Candidate, features: FeatureSettings): void {
  const layer = layers.find((each) => !features.layers.includes(each));
  const place = pooling.find((each) => !features.pooling.includes(each));
  if (layer === undefined && place === undefined) return;
  throw new ConfigError(`candidates: expected layers and pooling of features, got ${layer ?? place}`, {
    hint: "add it to features, which are read once for all candidates",
  });
}

function placesWhere({ rows }: FitData, holds: (row: JudgeRow, place: number) => boolean): number[] {
  return [...rows.keys()].filter((place) => holds(rows[place] as JudgeRow, place));
}

function subset({ rows, features }: FitData, places: readonly number[]): FitData {
  return {
    rows: places.map((place) => rows[place] as JudgeRow),
    features: places.map((place) => features[place] as Float32Array),
  };
}

function twoSided(sources: readonly LoadedSource[]): string[] {
  return sources.filter(({ rows }) => hasBothClasses(rows)).map(({ dataset }) => dataset.name);
}
