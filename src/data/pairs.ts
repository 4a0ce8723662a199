/**
 * @file Preference pairs that teach to discriminate, not just to refuse. Three kinds are mixed:
 *   safety    unsafe prompt: the data's safe answer over the model's own answer
 *   harmless  harmless prompt: the model's own (or the reference) answer over a refusal
 *   labelled  an answer labelled safe over one labelled unsafe
 * Without the harmless ones a small model soon refuses everything. What the model's own answers are, is asked of a
 * {@link ChatModel}; everything else is a pure function of rows, answers and seed.
 */
import { ConfigError } from "../core/errors.js";
import { hashKey, SeededRandom } from "../core/random.js";
import type { ChatModel, Completion, GenerationRequest, SamplingOptions } from "../text/chat-model.js";
import type { Message } from "../text/messages.js";
import { userTurns } from "./columns.js";
import { type BenchmarkPrompt, type ContaminationReport, dropContaminated } from "./contamination.js";
import { dedupePairs } from "./dedupe.js";
import type { PreferencePair, PromptCompletion } from "./examples.js";
import { type Prompted, promptKey, seededOrder } from "./splits.js";

/** Where a pair comes from. */
export type PairKind = "safety" | "harmless" | "labelled";

/** A pair and where it comes from; its id is `<kind>/<id of the row>`. */
export interface BuiltPair extends PreferencePair {
  readonly kind: PairKind;
}

/** What decides about answers; judges live on a higher floor and are passed in. */
export interface AnswerChecks {
  /** Such answers are neither `rejected` for an unsafe prompt nor `chosen` for a harmless one. Default: never. */
  readonly isRefusal?: (prompt: readonly Message[], response: string) => boolean;
  /** Such answers (looping, cut) are never `chosen`. Default: those that did not end by themselves. */
  readonly isBroken?: (completion: Completion) => boolean;
}

/** The rows and the mix. */
export interface PairOptions extends AnswerChecks {
  /** Unsafe prompts with safe answers. */
  readonly safety: readonly PromptCompletion[];
  /** Harmless prompts with reference answers. */
  readonly harmless: readonly PromptCompletion[];
  /** Pairs labelled safe (chosen) and unsafe (rejected). */
  readonly labelled?: readonly PreferencePair[];
  /** Pairs in all. */
  readonly count: number;
  /** Share of safety pairs, in [0, 1]. */
  readonly share: number;
  /** Share of labelled pairs; default 0. What is left is harmless. */
  readonly labelledShare?: number;
  readonly seed: number;
  /** `chosen` for harmless prompts: the model's own answer unless unfit (default), or the reference. */
  readonly harmlessChosen?: "own" | "reference";
  /**
   * `rejected` for harmless prompts: a refusal of the pool (default), or the model's own where it refuses. For "own",
   * prompts are asked until as many were refused as pairs are wanted, and those come first.
   */
  readonly harmlessRejected?: "pool" | "own";
  /** For "own": at most so many times as many prompts are asked as pairs are wanted; default {@link OWN_TRIES}. */
  readonly ownTries?: number;
  /** Refusals used as `rejected`; default: short ones among the safety rows' answers. */
  readonly refusals?: readonly string[];
  /** Rows of different groups are tried in turn, so that a small set among large ones counts; default: one group. */
  readonly groupOf?: (row: { readonly id: string }) => string;
  /** Prompts that no row may overlap with; empty leaves the check out. */
  readonly benchmarks: readonly BenchmarkPrompt[];
}

/** Options of {@link buildPairs}: how the model's own answers are drawn. */
export interface BuildPairsOptions extends PairOptions {
  readonly model: ChatModel;
  /** Default: greedy, 128 new tokens. */
  readonly sampling?: SamplingOptions;
  /** Answers drawn by an earlier, interrupted call; not drawn again. Keys as in {@link answerId}. */
  readonly knownAnswers?: ReadonlyMap<string, Completion>;
  /** Called with each new answer, e.g. to journal it. */
  readonly onAnswer?: (completion: Completion) => void;
}

/** Counts for the certificate. */
export interface PairReport {
  readonly asked: Readonly<Record<PairKind, number>>;
  readonly pairs: Readonly<Record<PairKind, number>>;
  readonly seed: number;
  /** Rows left out because their prompt came before, by source. */
  readonly repeatedPrompts: Readonly<Record<PairKind, number>>;
  readonly contamination: Readonly<Record<PairKind, ContaminationReport>>;
  /** Rows that were tried and gave no pair, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** `chosen` of the harmless pairs. */
  readonly harmlessChosen: { readonly own: number; readonly reference: number };
  /** Harmless pairs whose `rejected` is the model's own refusal. */
  readonly ownRefusals: number;
  readonly refusalPool: number;
}

/** Why a row gave no pair. */
export type DropReason =
  | "noAnswer"
  | "ownAnswerRefuses"
  | "noFitChosen"
  | "emptySide"
  | "identicalSides"
  | "duplicatePair"
  | "contradictoryPair";

/** The longest refusal, in characters, that stands as `rejected` for a harmless prompt. */
const LONGEST_REFUSAL = 240;
/** Harmless prompts asked at most for each pair when the model's own refusals are looked for. */
export const OWN_TRIES = 3;
/** Drawn beyond what is still missing, since some answers give no pair. */
const SURPLUS = 1.15;

/** The id under which a row's own answer is asked for and kept. */
export function answerId(kind: PairKind, rowId: string): string {
  return `${kind}/${rowId}`;
}

/**
 * Draws the model's own answers as far as they are needed and builds the mix. Rows are tried in an order given by the
 * seed, and the first fit ones are taken, so the result does not depend on how the answers were batched.
 * @throws ConfigError when the mix is impossible or no pair comes about
 */
export async function buildPairs(
  options: BuildPairsOptions,
): Promise<{ pairs: BuiltPair[]; report: PairReport }> {
  const sources = prepareSources(options);
  const answers = new Map(options.knownAnswers);
  for (const kind of ["safety", "harmless"] as const) await answerEnough(kind, sources, answers, options);
  return assemble(sources, answers, options);
}

/** The pure part: the mix from rows and given answers (keys as in {@link answerId}). @throws ConfigError */
export function composePairs(
  options: PairOptions,
  answers: ReadonlyMap<string, Completion>,
): { pairs: BuiltPair[]; report: PairReport } {
  return assemble(prepareSources(options), answers, options);
}

/** Answers of safety rows that may stand as refusals: short, and refusals if there is a matcher to say so. */
export function refusalPool(
  safety: readonly PromptCompletion[],
  isRefusal: AnswerChecks["isRefusal"],
): string[] {
  const short = safety.filter((row) => {
    const text = textOf(row.completion);
    return text !== "" && text.length <= LONGEST_REFUSAL && (isRefusal?.(row.prompt, text) ?? true);
  });
  return [...new Set(short.map((row) => textOf(row.completion)))].sort();
}

/** Clean rows in the order in which they are tried. */
interface Sources {
  readonly asked: Readonly<Record<PairKind, number>>;
  readonly safety: readonly PromptCompletion[];
  readonly harmless: readonly PromptCompletion[];
  readonly labelled: readonly PreferencePair[];
  readonly refusals: readonly string[];
  readonly repeatedPrompts: Readonly<Record<PairKind, number>>;
  readonly contamination: Readonly<Record<PairKind, ContaminationReport>>;
}

function prepareSources(options: PairOptions): Sources {
  const asked = shareOut(options);
  const safety = clean(options.safety, options);
  const harmless = clean(options.harmless, options);
  const labelled = clean(options.labelled ?? [], options, false);
  const refusals = options.refusals ?? refusalPool(safety.rows, options.isRefusal);
  if (asked.harmless > 0 && refusals.length === 0)
    throw new ConfigError(`pairs: expected refusals among the safety rows' answers, got none`, {
      hint: `only answers of at most ${LONGEST_REFUSAL} characters are taken; give more safety rows`,
    });
  return {
    asked,
    safety: safety.rows,
    harmless: harmless.rows,
    labelled: labelled.rows,
    refusals,
    repeatedPrompts: { safety: safety.repeated, harmless: harmless.repeated, labelled: labelled.repeated },
    contamination: { safety: safety.report, harmless: harmless.report, labelled: labelled.report },
  };
}

function shareOut({ count, share, labelledShare = 0 }: PairOptions): Record<PairKind, number> {
  if (!Number.isInteger(count) || count < 1)
    throw new ConfigError(`pairs: expected a count of at least 1, got ${count}`);
  const isShare = (value: number) => value >= 0 && value <= 1;
  if (!isShare(share) || !isShare(labelledShare) || share + labelledShare > 1 + 1e-9)
    throw new ConfigError(`pairs: expected shares that sum to at most 1, got ${share} and ${labelledShare}`);
  const safety = Math.round(share * count);
  const labelled = Math.min(count - safety, Math.round(labelledShare * count));
  return { safety, labelled, harmless: count - safety - labelled };
}

/** Rows without benchmark prompts, each prompt once (labelled pairs may share one), in seeded order. */
function clean<Row extends Prompted & { readonly id: string; readonly prompt: readonly Message[] }>(
  rows: readonly Row[],
  { benchmarks, seed, groupOf }: PairOptions,
  oncePerPrompt = true,
): { rows: Row[]; repeated: number; report: ContaminationReport } {
  const { rows: safe, report } = dropContaminated(rows, (row) => userTurns(row.prompt), benchmarks);
  const seen = new Set<string>();
  const distinct = safe.filter((row) => {
    const key = promptKey(row);
    return oncePerPrompt && seen.has(key) ? false : seen.add(key);
  });
  return {
    rows: inTurn(
      seededOrder(distinct, (row) => row.id, seed),
      groupOf,
    ),
    repeated: safe.length - distinct.length,
    report,
  };
}

/** The first rows of all groups, then the second ones, and so on. */
function inTurn<Row extends { readonly id: string }>(rows: Row[], groupOf: PairOptions["groupOf"]): Row[] {
  if (groupOf === undefined) return rows;
  const sizes = new Map<string, number>();
  const placed = rows.map((row) => {
    const turn = sizes.get(groupOf(row)) ?? 0;
    sizes.set(groupOf(row), turn + 1);
    return { row, turn };
  });
  return placed.sort((a, b) => a.turn - b.turn).map(({ row }) => row);
}

/** Asks for answers in seeded order until enough rows give a pair or all were tried. */
async function answerEnough(
  kind: "safety" | "harmless",
  sources: Sources,
  answers: Map<string, Completion>,
  options: BuildPairsOptions,
): Promise<void> {
  const rows = sources[kind];
  if (kind === "harmless" && options.harmlessRejected === "own")
    return findOwnRefusals(sources, answers, options);
  for (let tried = 0; tried < rows.length; ) {
    const fit = rows.slice(0, tried).filter((row) => "pair" in pairOf(kind, row, sources, answers, options));
    const missing = sources.asked[kind] - fit.length;
    if (missing <= 0) return;
    const next = rows.slice(tried, tried + Math.ceil(missing * SURPLUS));
    await answer(kind, next, answers, options);
    tried += next.length;
  }
}

/** Asks harmless prompts, as many at a time as pairs are wanted, until enough were refused. */
async function findOwnRefusals(
  { harmless, asked }: Sources,
  answers: Map<string, Completion>,
  options: BuildPairsOptions,
): Promise<void> {
  const { ownTries = OWN_TRIES } = options;
  for (let round = 0; round < ownTries; round++) {
    const tried = harmless.slice(0, (round + 1) * asked.harmless);
    await answer("harmless", tried, answers, options);
    const refused = tried.filter((row) =>
      refusesOwn(row, answers.get(answerId("harmless", row.id)), options),
    );
    if (refused.length >= asked.harmless || tried.length === harmless.length) return;
  }
}

async function answer(
  kind: PairKind,
  rows: readonly PromptCompletion[],
  answers: Map<string, Completion>,
  { model, sampling, onAnswer, harmlessChosen, harmlessRejected }: BuildPairsOptions,
): Promise<void> {
  if (kind === "harmless" && harmlessChosen === "reference" && harmlessRejected !== "own") return;
  const requests: GenerationRequest[] = rows
    .map((row) => ({ id: answerId(kind, row.id), messages: row.prompt }))
    .filter((request) => !answers.has(request.id));
  if (requests.length === 0) return;
  for await (const completion of model.generate(requests, sampling ?? {})) {
    answers.set(completion.id, completion);
    onAnswer?.(completion);
  }
}

/** A pair, or why there is none; `chosenFrom` says whose answer is chosen for a harmless prompt. */
type Attempt =
  | { readonly pair: BuiltPair; readonly chosenFrom: "own" | "reference" }
  | { readonly reason: DropReason };

function pairOf(
  kind: "safety" | "harmless",
  row: PromptCompletion,
  sources: Sources,
  answers: ReadonlyMap<string, Completion>,
  options: PairOptions,
): Attempt {
  const own = answers.get(answerId(kind, row.id));
  return kind === "safety" ? safetyPair(row, own, options) : harmlessPair(row, own, sources, options);
}

function safetyPair(row: PromptCompletion, own: Completion | undefined, checks: AnswerChecks): Attempt {
  if (own === undefined || own.finishReason === "error") return { reason: "noAnswer" };
  if (checks.isRefusal?.(row.prompt, own.response) === true) return { reason: "ownAnswerRefuses" };
  return finished("safety", row, row.completion, assistant(own.response), "reference");
}

function harmlessPair(
  row: PromptCompletion,
  own: Completion | undefined,
  { refusals }: Sources,
  options: PairOptions,
): Attempt {
  const isOwn = options.harmlessChosen !== "reference" && isFitChosen(row, own, options);
  const chosen = isOwn && own !== undefined ? assistant(own.response) : row.completion;
  if (!isOwn && (textOf(chosen) === "" || options.isRefusal?.(row.prompt, textOf(chosen)) === true))
    return { reason: "noFitChosen" };
  const pooled = refusals[hashKey([options.seed, "refusal", row.id]) % refusals.length] ?? "";
  const refusal = refusesOwn(row, own, options) ? own.response : pooled;
  return finished("harmless", row, chosen, assistant(refusal), isOwn ? "own" : "reference");
}

/** Whether the model's own answer to a harmless prompt is a refusal that is to be rejected. */
function refusesOwn(
  row: PromptCompletion,
  own: Completion | undefined,
  { harmlessRejected, isRefusal }: PairOptions,
): own is Completion {
  return harmlessRejected === "own" && own !== undefined && isRefusal?.(row.prompt, own.response) === true;
}

function isFitChosen(row: PromptCompletion, own: Completion | undefined, checks: AnswerChecks): boolean {
  if (own === undefined || own.response.trim() === "") return false;
  const isBroken = checks.isBroken ?? ((completion: Completion) => completion.finishReason !== "stop");
  return !isBroken(own) && checks.isRefusal?.(row.prompt, own.response) !== true;
}

function finished(
  kind: PairKind,
  row: PromptCompletion,
  chosen: readonly Message[],
  rejected: readonly Message[],
  chosenFrom: "own" | "reference",
): Attempt {
  if (textOf(chosen) === "" || textOf(rejected) === "") return { reason: "emptySide" };
  if (textOf(chosen) === textOf(rejected)) return { reason: "identicalSides" };
  return { pair: { id: answerId(kind, row.id), prompt: row.prompt, chosen, rejected, kind }, chosenFrom };
}

function assemble(
  sources: Sources,
  answers: ReadonlyMap<string, Completion>,
  options: PairOptions,
): { pairs: BuiltPair[]; report: PairReport } {
  const dropped = noneDropped();
  const harmlessChosen = { own: 0, reference: 0 };
  let ownRefusals = 0;
  const take = (kind: "safety" | "harmless"): BuiltPair[] => {
    const pairs: BuiltPair[] = [];
    const isOwnRefusal = (row: PromptCompletion) =>
      kind === "harmless" && refusesOwn(row, answers.get(answerId(kind, row.id)), options);
    const rows = sources[kind];
    for (const row of [...rows.filter(isOwnRefusal), ...rows.filter((each) => !isOwnRefusal(each))]) {
      if (pairs.length === sources.asked[kind]) break;
      const attempt = pairOf(kind, row, sources, answers, options);
      if ("reason" in attempt) dropped[attempt.reason]++;
      else pairs.push(attempt.pair);
      if (kind === "harmless" && "pair" in attempt) harmlessChosen[attempt.chosenFrom]++;
      if ("pair" in attempt && isOwnRefusal(row)) ownRefusals++;
    }
    return pairs;
  };
  const labelled = takeLabelled(sources, dropped);
  const pairs = dedupe([...take("safety"), ...take("harmless"), ...labelled], dropped);
  if (pairs.length === 0)
    throw new ConfigError("pairs: expected at least one pair, got none", {
      hint: `rows that gave none: ${JSON.stringify(dropped)}`,
    });
  const report = {
    asked: sources.asked,
    pairs: countKinds(pairs),
    seed: options.seed,
    repeatedPrompts: sources.repeatedPrompts,
    contamination: sources.contamination,
    dropped,
    harmlessChosen,
    ownRefusals,
    refusalPool: sources.refusals.length,
  };
  return { pairs: new SeededRandom(options.seed, "pairs").shuffled(pairs), report };
}

/** Labelled pairs are cleaned before they are counted out, so that faulty ones leave no gap. */
function takeLabelled({ labelled, asked }: Sources, dropped: Record<DropReason, number>): BuiltPair[] {
  if (asked.labelled === 0) return [];
  const kind = "labelled" as const;
  const built = labelled.map((pair) => ({ ...pair, id: answerId(kind, pair.id), kind }));
  return dedupe(built, dropped).slice(0, asked.labelled);
}

function dedupe(pairs: readonly BuiltPair[], dropped: Record<DropReason, number>): BuiltPair[] {
  const { rows, report } = dedupePairs(pairs);
  dropped.emptySide += report.empty;
  dropped.identicalSides += report.identical;
  dropped.duplicatePair += report.duplicates;
  dropped.contradictoryPair += report.contradictory;
  return rows;
}

function noneDropped(): Record<DropReason, number> {
  return {
    noAnswer: 0,
    ownAnswerRefuses: 0,
    noFitChosen: 0,
    emptySide: 0,
    identicalSides: 0,
    duplicatePair: 0,
    contradictoryPair: 0,
  };
}

function countKinds(pairs: readonly BuiltPair[]): Record<PairKind, number> {
  const count = (kind: PairKind) => pairs.filter((pair) => pair.kind === kind).length;
  return { safety: count("safety"), harmless: count("harmless"), labelled: count("labelled") };
}

function assistant(content: string): Message[] {
  return [{ role: "assistant", content }];
}

function textOf(messages: readonly Message[]): string {
  return messages
    .map((message) => message.content)
    .join("\n\n")
    .trim();
}
