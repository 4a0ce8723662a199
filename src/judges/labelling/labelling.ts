/** @file One person's labelling of answers: which, in what order, what is labelled so far, every label on disk at once. */
import { ConfigError } from "../../core/errors.js";
import { Journal } from "../../core/files.js";
import { SeededRandom } from "../../core/random.js";
import type { Exchange } from "../../text/messages.js";
import { hashesOf, type LabelRow, latestLabels, readLabelFile, requireSameAnswer } from "./label-file.js";
import { type LabelWords, requireOneOf } from "./words.js";

/** What is labelled, by whom and into which file. */
export interface LabellingOptions {
  readonly answers: readonly Exchange[];
  readonly words: LabelWords;
  readonly labeller: string;
  /** Labels go on in a file that is there. */
  readonly path: string;
  /** Answers to label; all when left out. A larger sample of the same seed holds the smaller one. */
  readonly sample?: number;
  readonly seed: number;
}

/** A labelling under way. Answers are named by their place in it, from 0. */
export class Labelling {
  readonly words: LabelWords;
  readonly labeller: string;
  /** In the order of labelling: random, and another for every labeller. */
  readonly answers: readonly Exchange[];
  private readonly labels: (string | null)[];
  private readonly journal: Journal<LabelRow>;

  /**
   * @throws ConfigError when the file holds something else than labels of these words
   * @throws DatasetError when it holds labels of other answers
   */
  constructor({ answers, words, labeller, path, sample = answers.length, seed }: LabellingOptions) {
    const drawn = new SeededRandom("label sample", seed).shuffled(answers).slice(0, sample);
    this.answers = new SeededRandom("label order", seed, labeller).shuffled(drawn);
    this.words = words;
    this.labeller = labeller;
    const earlier = latestLabels(readLabelFile(path), labeller);
    const known = new Map(answers.map((answer) => [answer.id, answer]));
    for (const row of earlier.values()) {
      const answer = known.get(row.id);
      if (answer !== undefined) requireSameAnswer(path, row, answer);
      requireOneOf(path, words, row.label);
    }
    this.labels = this.answers.map(({ id }) => earlier.get(id)?.label ?? null);
    this.journal = new Journal(path);
  }

  /** Answers with a label. */
  get labelled(): number {
    return this.labels.filter((label) => label !== null).length;
  }

  /** The label of an answer; null where it has none. */
  labelOf(place: number): string | null {
    return this.labels[place] ?? null;
  }

  /** The first answer without a label from a place on, then from the beginning; null when all are labelled. */
  openFrom(place: number): number | null {
    const { length } = this.labels;
    for (let i = 0; i < length; i++) {
      const at = (place + i) % length;
      if (this.labels[at] === null) return at;
    }
    return null;
  }

  /**
   * Sets a label, or takes it back with null: on disk when this returns.
   * @throws ConfigError for a place or a label that is not one, ConfigError | StorageError when it cannot be written
   */
  setLabel(place: number, label: string | null, seconds: number | null): void {
    const answer = this.answers[place];
    if (answer === undefined)
      throw new ConfigError(`answer: expected one of ${this.answers.length}, got ${place}`);
    if (label !== null) requireOneOf("label", this.words, label);
    this.journal.append({ id: answer.id, ...hashesOf(answer), label, labeller: this.labeller, seconds });
    this.journal.flush();
    this.labels[place] = label;
  }

  /** Closes the file. */
  close(): void {
    this.journal.close();
  }
}
