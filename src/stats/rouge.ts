/**
 * @file ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) exactly as the package rouge-score computes them without its stemmer:
 * lower case, runs of a–z and 0–9 are the words, ROUGE-L over the whole text. Departs: none.
 */
import { countNgrams, ngramTotal, sharedNgrams } from "./ngrams.js";

/** Share of the answer's n-grams that the reference has, of the reference's that the answer has, and their F1. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly fmeasure: number;
}

/** The three scores, each in [0, 1]; 0 where nothing is shared or a text is empty. */
export interface Rouge {
  readonly rouge1: RougeScore;
  readonly rouge2: RougeScore;
  readonly rougeL: RougeScore;
}

/** Scores an answer against its reference. */
export function rouge(answer: string, reference: string): Rouge {
  const [a, b] = [rougeWords(answer), rougeWords(reference)];
  const ofOrder = (order: number): RougeScore =>
    toScore(
      sharedNgrams(countNgrams(a, order), countNgrams(b, order)),
      ngramTotal(a.length, order),
      ngramTotal(b.length, order),
    );
  return {
    rouge1: ofOrder(1),
    rouge2: ofOrder(2),
    rougeL: toScore(longestCommonSubsequence(a, b), a.length, b.length),
  };
}

function rougeWords(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function toScore(shared: number, inAnswer: number, inReference: number): RougeScore {
  const precision = shared / Math.max(inAnswer, 1);
  const recall = shared / Math.max(inReference, 1);
  const fmeasure = shared === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, fmeasure };
}

/** Length of the longest list of words that both have in this order, gaps allowed; one row of the table at a time. */
function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let previous = new Uint32Array(b.length + 1);
  for (const word of a) {
    const current = new Uint32Array(b.length + 1);
    b.forEach((other, j) => {
      const longest = Math.max(previous[j + 1] as number, current[j] as number);
      current[j + 1] = word === other ? (previous[j] as number) + 1 : longest;
    });
    previous = current;
  }
  return previous[b.length] as number;
}
