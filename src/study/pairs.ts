/**
 * @file The preference pairs of a study: built with a model's own answers, which are journalled as they come, and divided
 * into pairs to train on and a few to watch.
 */
import { hashJson, type Json } from "../core/hash.js";
import type { PromptCompletion } from "../data/examples.js";
import { type BuiltPair, buildPairs, type PairReport } from "../data/pairs.js";
import { promptKey } from "../data/splits.js";
import { matchRefusal, REFUSAL_MATCHER_HASH } from "../judges/refusal-matcher.js";
import { findLoop } from "../stats/loops.js";
import type { ChatModel } from "../text/chat-model.js";
import { OpenAnswers } from "../text/open-answers.js";
import { WATCH_PROMPTS } from "../train/watch.js";
import { openAnswers } from "./answer-journal.js";
import { withBaseChosen } from "./base-chosen.js";
import type { PairsRecipe } from "./recipe.js";
import { loadSelections, type RowContext } from "./rows.js";
import type { Workbench } from "./workbench.js";

/** Pairs built beyond those trained on. */
export const HELD_OUT_PAIRS: number = WATCH_PROMPTS.harmless + WATCH_PROMPTS.others;

/** What pairs are built from. */
export interface PairTask {
  readonly bench: Workbench;
  readonly context: RowContext;
  /** Whose answers. */
  readonly model: ChatModel;
  /** Rows that this model was trained on: its answers to them teach nothing new. */
  readonly trained: readonly PromptCompletion[];
  /** Path of the journal of that model's answers. */
  readonly journal: string;
  /** Path of the journal of the base's answers, for `harmlessChosen: base`. */
  readonly baseJournal: string;
}

/** Pairs, and what is worth recording. */
export interface StudyPairs {
  readonly pairs: readonly BuiltPair[];
  readonly heldOut: readonly BuiltPair[];
  readonly record: Json;
}

/** Builds the pairs, going on from the answers that the journal holds. @throws ConfigError when it holds others' */
export async function buildStudyPairs(task: PairTask): Promise<StudyPairs> {
  const { bench, context, model } = task;
  const recipe = bench.recipe.dpo.pairs;
  const sources = await loadSources(task);
  const settings = hashJson({ model: model.hash, maxNewTokens: recipe.maxNewTokens });
  const { journal, known } = openAnswers(task.journal, settings);
  const safetyCount = Math.round(recipe.share * recipe.count);
  const asked = recipe.count + HELD_OUT_PAIRS;
  const { observer, signal } = bench;
  const answers = expectedAnswers(recipe, safetyCount + WATCH_PROMPTS.others, asked);
  const open = new OpenAnswers(recipe.maxNewTokens);
  const counted = () => Math.min(answers, journal.rows.length + open.share);
  observer.onWork?.("answering", "answers", answers, counted());
  try {
    const built = await buildPairs({
      safety: sources.safety,
      harmless: sources.harmless,
      groupOf: ({ id }) => id.slice(0, id.lastIndexOf("/")),
      count: asked,
      share: (safetyCount + WATCH_PROMPTS.others) / asked,
      seed: context.seed,
      harmlessChosen: recipe.harmlessChosen === "base" ? "reference" : recipe.harmlessChosen,
      harmlessRejected: recipe.harmlessRejected,
      ownTries: recipe.ownTries,
      // The rows are clean already, see `rows.ts`.
      benchmarks: [],
      model,
      sampling: {
        maxNewTokens: recipe.maxNewTokens,
        temperature: 0,
        ...(signal && { signal }),
        onDraw: (answer) => {
          open.drawn(answer);
          observer.onWorkDone?.(counted());
        },
      },
      isRefusal: (_, response) => matchRefusal(response) !== undefined,
      isBroken: ({ finishReason, tokenIds }) => finishReason !== "stop" || findLoop(tokenIds) !== undefined,
      knownAnswers: known,
      onAnswer: (completion) => {
        journal.append({ settings, completion });
        open.finished(completion);
        observer.onWorkDone?.(counted());
      },
    });
    const pairs =
      recipe.harmlessChosen === "base"
        ? await withBaseChosen(bench, built.pairs, task.baseJournal)
        : built.pairs;
    const divided = divide(pairs, { safety: safetyCount, harmless: recipe.count - safetyCount });
    warnOfShortage(divided.pairs, recipe.count, bench);
    return {
      ...divided,
      record: pairsRecord(built.report, divided, { recipe, model, sources: sources.records }),
    };
  } finally {
    journal.close();
  }
}

/** The first pairs of each kind are trained on, what is left is held out. */
export function divide(
  pairs: readonly BuiltPair[],
  wanted: { readonly safety: number; readonly harmless: number },
): { readonly pairs: BuiltPair[]; readonly heldOut: BuiltPair[] } {
  const taken = { safety: 0, harmless: 0, labelled: 0 };
  const limits = { ...wanted, labelled: 0 };
  const isTrained = pairs.map(({ kind }) => taken[kind]++ < limits[kind]);
  return {
    pairs: pairs.filter((_, i) => isTrained[i]),
    heldOut: pairs.filter((_, i) => !isTrained[i]),
  };
}

async function loadSources({ bench, context, trained }: PairTask): Promise<{
  readonly safety: readonly PromptCompletion[];
  readonly harmless: readonly PromptCompletion[];
  readonly records: readonly Json[];
}> {
  const recipe = bench.recipe.dpo.pairs;
  const known = new Set(trained.map(promptKey));
  const safe = await loadSelections(recipe.safety, context);
  const unseen = ({ fit }: (typeof safe)[number]) => fit.rows.filter((row) => !known.has(promptKey(row)));
  const safety = safe.flatMap((each, group) =>
    unseen(each).map((row) => ({ ...row, id: `${group}/${row.id}` })),
  );
  const harmless = await loadSelections(recipe.harmless, context);
  const records = [...safe, ...harmless].map(({ fit }) => ({ ...fit.record }));
  return { safety, harmless: harmless.flatMap(unseen), records };
}

/** Answers that are needed, about: more where answers give no pair, fewer where enough were refused. */
function expectedAnswers(
  { harmlessChosen, harmlessRejected, ownTries }: PairsRecipe,
  safety: number,
  asked: number,
): number {
  if (harmlessRejected === "own") return safety + ownTries * (asked - safety);
  return harmlessChosen === "own" ? asked : safety;
}

function warnOfShortage(pairs: readonly BuiltPair[], asked: number, { observer }: Workbench): void {
  if (pairs.length === asked) return;
  observer.onWarning?.(
    `${asked} pairs were asked for and ${pairs.length} came about: add rows, or lower pairs.count`,
  );
}

function pairsRecord(
  report: PairReport,
  { pairs, heldOut }: Pick<StudyPairs, "pairs" | "heldOut">,
  { recipe, model, sources }: { recipe: PairsRecipe; model: ChatModel; sources: readonly Json[] },
): Json {
  const { dropped, ownRefusals, refusalPool } = report;
  const kinds = (rows: readonly BuiltPair[]) => ({
    safety: rows.filter(({ kind }) => kind === "safety").length,
    harmless: rows.filter(({ kind }) => kind === "harmless").length,
  });
  return {
    pairs: kinds(pairs),
    heldOut: kinds(heldOut),
    dropped: { ...dropped },
    harmlessChosen:
      recipe.harmlessChosen === "base" ? { base: kinds(pairs).harmless } : { ...report.harmlessChosen },
    ownRefusals,
    refusalPool,
    model: model.hash,
    refusalMatcher: REFUSAL_MATCHER_HASH,
    sources,
  };
}
