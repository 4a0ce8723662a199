/**
 * @file Finds benchmark prompts in training data: equal after normalising, sharing runs of 13 or 8 words, or nearly the
 * same words. Every user turn is looked at. Overlap by n-grams follows GPT-3 (arXiv 2005.14165, appendix C: 13 words)
 * with 8 words for short prompts; near-duplicates by Jaccard similarity of content words with prefix filtering
 * (Bayardo et al. 2007), so that 20,000 rows against 3,000 prompts take seconds.
 */

/** A training row as it is checked. */
export interface CheckedRow {
  readonly id: string;
  /** All user turns. */
  readonly texts: readonly string[];
}

/** A prompt of a benchmark. */
export interface BenchmarkPrompt {
  /** Name of the benchmark. */
  readonly set: string;
  readonly id: string;
  readonly text: string;
}

/** How a row overlaps, strongest first. */
export const OVERLAP_KINDS = ["exact", "ngram-13", "near-duplicate", "ngram-8"] as const;
export type OverlapKind = (typeof OVERLAP_KINDS)[number];

/** A training row that holds a benchmark prompt, with the strongest kind of overlap of the two. */
export interface Overlap {
  readonly rowId: string;
  readonly set: string;
  readonly benchmarkId: string;
  readonly kind: OverlapKind;
  /** Near-duplicates: Jaccard similarity; n-grams: share of the prompt's words in the longest common run; exact: 1. */
  readonly similarity: number;
}

/** What was dropped, for the certificate. */
export interface ContaminationReport {
  readonly rows: number;
  readonly kept: number;
  readonly benchmarkPrompts: number;
  /** Rows dropped, by the strongest overlap of each. */
  readonly byKind: Readonly<Record<OverlapKind, number>>;
  /** Rows that overlap with each benchmark; a row may count in several. */
  readonly bySet: Readonly<Record<string, number>>;
}

/** Words whose presence says nothing about what is asked. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    "a an the this that these those some any i you he she it we they me him her us them my your his its our their " +
    "am is are was were be been being do does did have has had can could will would shall should may might must " +
    "and or but if of to in on at by for from with into onto about as so than then there here what which who whom " +
    "whose when where why how s t m re ve ll d please"
  ).split(" "),
);

const LONG_RUN = 13;
const SHORT_RUN = 8;
/** Near-duplicates share at least this much of their content words. */
const NEAR = 0.7;
/** Prompts with fewer content words than this are compared as wholes only. */
const LEAST_CONTENT_WORDS = 2;

/** Lower-case words joined by one blank: compatibility forms unified, punctuation and spacing gone. */
export function normalise(text: string): string {
  return wordsOf(text).join(" ");
}

/** Distinct words of a text that say what it is about: function words left out. */
export function distinctContentWords(text: string): ReadonlySet<string> {
  return new Set(wordsOf(text).filter((word) => !STOP_WORDS.has(word)));
}

/**
 * All overlaps of rows with benchmark prompts, one per row and prompt, in the order of the rows.
 * Runs of 8 words count only where they cover at least half of the prompt: shorter ones are turns of phrase.
 */
export function findContamination(
  rows: readonly CheckedRow[],
  benchmarks: readonly BenchmarkPrompt[],
): Overlap[] {
  const index = buildIndex(benchmarks);
  return rows.flatMap((row) => {
    const found = new Map<number, { kind: OverlapKind; similarity: number }>();
    for (const text of row.texts) searchText(text, index, found);
    return [...found]
      .sort(([a], [b]) => a - b)
      .map(([number, overlap]) => {
        const { set, id } = benchmarks[number] as BenchmarkPrompt;
        return { rowId: row.id, set, benchmarkId: id, ...overlap };
      });
  });
}

/** Rows without those that overlap, and what was dropped. `textsOf` gives a row's user turns. */
export function dropContaminated<Row extends { readonly id: string }>(
  rows: readonly Row[],
  textsOf: (row: Row) => readonly string[],
  benchmarks: readonly BenchmarkPrompt[],
): { rows: Row[]; overlaps: Overlap[]; report: ContaminationReport } {
  const checked = rows.map((row, i) => ({ id: String(i), texts: textsOf(row) }));
  const found = findContamination(checked, benchmarks);
  const bad = new Set(found.map((overlap) => Number(overlap.rowId)));
  const kept = rows.filter((_, i) => !bad.has(i));
  const report = {
    rows: rows.length,
    kept: kept.length,
    benchmarkPrompts: benchmarks.length,
    ...countOverlaps(found),
  };
  const overlaps = found.map((overlap) => ({ ...overlap, rowId: rows[Number(overlap.rowId)]?.id ?? "" }));
  return { rows: kept, overlaps, report };
}

/** Rows by the strongest kind of each, and rows by benchmark. */
export function countOverlaps(overlaps: readonly Overlap[]): Pick<ContaminationReport, "byKind" | "bySet"> {
  const strongest = new Map<string, number>();
  const bySet = new Map<string, Set<string>>();
  for (const { rowId, set, kind } of overlaps) {
    const rank = OVERLAP_KINDS.indexOf(kind);
    strongest.set(rowId, Math.min(rank, strongest.get(rowId) ?? rank));
    bySet.set(set, (bySet.get(set) ?? new Set()).add(rowId));
  }
  const ranks = [...strongest.values()];
  const count = (kind: OverlapKind) => ranks.filter((rank) => OVERLAP_KINDS[rank] === kind).length;
  return {
    byKind: {
      exact: count("exact"),
      "ngram-13": count("ngram-13"),
      "near-duplicate": count("near-duplicate"),
      "ngram-8": count("ngram-8"),
    },
    bySet: Object.fromEntries([...bySet].map(([set, ids]) => [set, ids.size])),
  };
}

/** A benchmark prompt as numbers: its words in order, its content words as a set sorted from rare to frequent. */
interface IndexedPrompt {
  readonly text: string;
  readonly words: Int32Array;
  readonly content: Int32Array;
}

interface Index {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly prompts: readonly IndexedPrompt[];
  readonly exact: ReadonlyMap<string, readonly number[]>;
  /** Hash of 8 words → prompts that contain them. */
  readonly runs: ReadonlyMap<number, readonly number[]>;
  /** Word → prompts that have it among their rarest content words. */
  readonly prefixes: ReadonlyMap<number, readonly number[]>;
}

type Found = Map<number, { kind: OverlapKind; similarity: number }>;

function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

function buildIndex(benchmarks: readonly BenchmarkPrompt[]): Index {
  const words = benchmarks.map((prompt) => wordsOf(prompt.text));
  const vocabulary = numberByRarity(words);
  const prompts = words.map((list) => ({
    text: list.join(" "),
    words: Int32Array.from(list, (word) => vocabulary.get(word) ?? -1),
    content: contentWords(list, vocabulary).sort(),
  }));
  const runs = new Map<number, number[]>();
  const exact = new Map<string, number[]>();
  const prefixes = new Map<number, number[]>();
  prompts.forEach((prompt, number) => {
    if (prompt.text !== "") push(exact, prompt.text, number);
    for (let i = 0; i + SHORT_RUN <= prompt.words.length; i++) push(runs, hashRun(prompt.words, i), number);
    for (const word of prefix(prompt.content)) push(prefixes, word, number);
  });
  return { vocabulary, prompts, exact, runs, prefixes };
}

/** Words numbered from rare to frequent, so that sorting by number puts the telling words first. */
function numberByRarity(texts: readonly (readonly string[])[]): Map<string, number> {
  const frequency = new Map<string, number>();
  for (const list of texts)
    for (const word of new Set(list)) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const sorted = [...frequency].sort(([a, n], [b, m]) => n - m || (a < b ? -1 : 1));
  return new Map(sorted.map(([word], i) => [word, i]));
}

/** Distinct content words; those that no benchmark has are numbered below 0, each its own. */
function contentWords(words: readonly string[], vocabulary: ReadonlyMap<string, number>): Int32Array {
  const distinct = [...new Set(words)].filter((word) => !STOP_WORDS.has(word));
  return Int32Array.from(distinct, (word, i) => vocabulary.get(word) ?? -1 - i);
}

/** Two sets of Jaccard similarity ≥ NEAR share a word among these rarest ones of either. */
function prefix(sorted: Int32Array): Int32Array {
  return sorted.subarray(0, sorted.length - Math.ceil(NEAR * sorted.length) + 1);
}

function searchText(text: string, index: Index, found: Found): void {
  const words = wordsOf(text);
  searchExact(text, words, index, found);
  searchRuns(
    Int32Array.from(words, (word) => index.vocabulary.get(word) ?? -1),
    index,
    found,
  );
  searchNear(contentWords(words, index.vocabulary).sort(), index, found);
}

/** The text as a whole, and each line of it: a prompt set into a longer text is still that prompt. */
function searchExact(text: string, words: readonly string[], index: Index, found: Found): void {
  const lines = text.includes("\n") ? text.split("\n").map(wordsOf) : [];
  const telling = lines.filter((line) => contentWords(line, index.vocabulary).length >= LEAST_CONTENT_WORDS);
  for (const candidate of [words, ...telling])
    for (const number of index.exact.get(candidate.join(" ")) ?? [])
      found.set(number, { kind: "exact", similarity: 1 });
}

function searchRuns(words: Int32Array, index: Index, found: Found): void {
  const candidates = new Set<number>();
  for (let i = 0; i + SHORT_RUN <= words.length; i++)
    for (const number of index.runs.get(hashRun(words, i)) ?? []) candidates.add(number);
  for (const number of candidates) {
    const prompt = (index.prompts[number] as IndexedPrompt).words;
    const run = longestCommonRun(words, prompt);
    const similarity = run / prompt.length;
    if (run >= LONG_RUN) keep(found, number, "ngram-13", similarity);
    else if (run >= SHORT_RUN && similarity >= 0.5) keep(found, number, "ngram-8", similarity);
  }
}

function searchNear(content: Int32Array, index: Index, found: Found): void {
  if (content.length < LEAST_CONTENT_WORDS) return;
  const candidates = new Set<number>();
  for (const word of prefix(content))
    for (const number of index.prefixes.get(word) ?? []) candidates.add(number);
  for (const number of candidates) {
    const other = (index.prompts[number] as IndexedPrompt).content;
    if (other.length < LEAST_CONTENT_WORDS || other.length < NEAR * content.length) continue;
    const shared = countShared(content, other);
    const similarity = shared / (content.length + other.length - shared);
    if (similarity >= NEAR) keep(found, number, "near-duplicate", similarity);
  }
}

function keep(found: Found, number: number, kind: OverlapKind, similarity: number): void {
  const old = found.get(number);
  if (old === undefined || OVERLAP_KINDS.indexOf(kind) < OVERLAP_KINDS.indexOf(old.kind))
    found.set(number, { kind, similarity });
}

/** Numbers in both sorted sets. */
function countShared(a: Int32Array, b: Int32Array): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const difference = (a[i] as number) - (b[j] as number);
    if (difference === 0) shared++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return shared;
}

/** Length of the longest run of words that both have; words outside the vocabulary (−1) match nothing. */
function longestCommonRun(a: Int32Array, b: Int32Array): number {
  let longest = 0;
  let previous = new Int32Array(b.length + 1);
  for (const word of a) {
    const current = new Int32Array(b.length + 1);
    for (let j = 0; j < b.length && word >= 0; j++) {
      if (word !== b[j]) continue;
      const run = (previous[j] as number) + 1;
      current[j + 1] = run;
      longest = Math.max(longest, run);
    }
    previous = current;
  }
  return longest;
}

/** Hash of the 8 words from `start` on; a hit is verified by {@link longestCommonRun}. */
function hashRun(words: Int32Array, start: number): number {
  let hash = 0;
  for (let i = start; i < start + SHORT_RUN; i++)
    hash = Math.imul(hash ^ (words[i] as number), 0x01000193) + i - start;
  return hash | 0;
}

function push<Key>(map: Map<Key, number[]>, key: Key, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else if (list.at(-1) !== value) list.push(value);
}
