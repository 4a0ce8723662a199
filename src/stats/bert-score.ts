/**
 * @file BERTScore (Zhang et al. 2020, arXiv 1904.09675): every token of one text is matched with the token of the other
 * whose embedding is most alike. Computed as bert-score 0.3.13 does without rescaling. Departs: a text's padding plays no
 * part, where bert-score lets it stand in as a similarity of 0.
 */

/** A text as token ids, special ones included, and their embeddings: ids.length rows of the same size. */
export interface EmbeddedText {
  readonly ids: readonly number[];
  readonly embeddings: Float32Array;
}

/** How much of the answer is in the reference, how much of the reference is in the answer, and their harmonic mean. */
export interface BertScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Tokens of a text without words: what the tokenizer puts before and after. */
const EMPTY_LENGTH = 2;

/**
 * Greedy matching by cosine similarity.
 * @param weightOf a token's weight in the averages: 0 for special tokens, else 1 or {@link inverseDocumentFrequencies}
 * @returns zeros when either text has no words
 */
export function bertScore(
  answer: EmbeddedText,
  reference: EmbeddedText,
  weightOf: (id: number) => number,
): BertScore {
  if (answer.ids.length === EMPTY_LENGTH || reference.ids.length === EMPTY_LENGTH)
    return { precision: 0, recall: 0, f1: 0 };
  const [rows, columns] = [normalised(answer), normalised(reference)];
  const answerBest = new Float64Array(rows.length).fill(-Infinity);
  const referenceBest = new Float64Array(columns.length).fill(-Infinity);
  for (const [i, row] of rows.entries())
    for (const [j, column] of columns.entries()) {
      const similarity = dot(row, column);
      answerBest[i] = Math.max(answerBest[i] as number, similarity);
      referenceBest[j] = Math.max(referenceBest[j] as number, similarity);
    }
  const precision = weightedMean(answerBest, answer.ids.map(weightOf));
  const recall = weightedMean(referenceBest, reference.ids.map(weightOf));
  const f1 = (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1: Number.isNaN(f1) ? 0 : f1 };
}

/**
 * Weights of tokens by how few reference texts have them: ln((M + 1) / (m + 1)) for m of M texts, so 0 for the special
 * tokens that every text has.
 * @param references token ids of all reference texts, special tokens included
 */
export function inverseDocumentFrequencies(
  references: readonly (readonly number[])[],
): (id: number) => number {
  const counts = new Map<number, number>();
  for (const ids of references) for (const id of new Set(ids)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return (id) => Math.log((references.length + 1) / ((counts.get(id) ?? 0) + 1));
}

/** NaN where all weights are 0. */
function weightedMean(values: Float64Array, weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.reduce((sum, weight, i) => sum + (weight / total) * (values[i] as number), 0);
}

function normalised({ ids, embeddings }: EmbeddedText): Float32Array[] {
  const size = embeddings.length / ids.length;
  return ids.map((_, i) => {
    const row = embeddings.slice(i * size, (i + 1) * size);
    const norm = Math.sqrt(dot(row, row));
    return row.map((x) => x / norm);
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] as number) * (b[k] as number);
  return sum;
}
