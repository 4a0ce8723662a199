/**
 * @file A text as its words, weighed by how rare they are: 1 + ln of a word's count, times ln((1 + n)/(1 + df)) + 1, rows of
 * length 1, which is scikit-learn's TfidfVectorizer with sublinear counts.
 */
import type { SparseRow } from "../../stats/logistic-regression.js";

/** Texts that a word must occur in to be known. */
const LEAST_TEXTS = 2;

/** Lower-case words, apostrophes kept. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_']+/gu) ?? [];
}

/** Known words and their weights. */
export class BagOfWords {
  readonly words: readonly string[];
  readonly rarity: Float32Array;
  private readonly places: ReadonlyMap<string, number>;

  /** @param rarity weight of each word */
  constructor(words: readonly string[], rarity: Float32Array) {
    this.words = words;
    this.rarity = rarity;
    this.places = new Map(words.map((word, place) => [word, place]));
  }

  /** Knows the words that several texts have, in alphabetical order. */
  static of(texts: readonly string[]): BagOfWords {
    const frequency = new Map<string, number>();
    for (const text of texts)
      for (const word of new Set(wordsOf(text))) frequency.set(word, (frequency.get(word) ?? 0) + 1);
    const known = [...frequency].filter(([, count]) => count >= LEAST_TEXTS);
    known.sort(([a], [b]) => (a < b ? -1 : 1));
    const rarity = known.map(([, count]) => Math.log((1 + texts.length) / (1 + count)) + 1);
    return new BagOfWords(
      known.map(([word]) => word),
      Float32Array.from(rarity),
    );
  }

  /** The text's known words; a text without any has none. */
  row(text: string): SparseRow {
    const counts = new Map<number, number>();
    for (const word of wordsOf(text)) {
      const place = this.places.get(word);
      if (place !== undefined) counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    const columns = Int32Array.from(counts.keys()).sort();
    const values = Float64Array.from(
      columns,
      (place) => (1 + Math.log(counts.get(place) ?? 1)) * (this.rarity[place] as number),
    );
    const length = Math.hypot(...values);
    return { columns, values: length === 0 ? values : values.map((value) => value / length) };
  }
}
