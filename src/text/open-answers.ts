/**
 * @file Progress within answers. With many answers side by side none is finished for a long time, and then many are; the
 * tokens drawn so far give a rate from the first step on.
 */

/** Names one answer in the making. */
export interface AnswerKey {
  readonly id: string;
  readonly sample: number;
}

/** Answers in the making, each counted as the share of the token limit that it has reached: it never falls back. */
export class OpenAnswers {
  private readonly maxNewTokens: number;
  private readonly tokens = new Map<string, number>();
  private total = 0;

  /** @param maxNewTokens the longest that an answer can become */
  constructor(maxNewTokens: number) {
    this.maxNewTokens = maxNewTokens;
  }

  /** Answers that the open ones amount to, at most as many as are open. */
  get share(): number {
    return this.total / this.maxNewTokens;
  }

  /** A token was drawn. */
  drawn(answer: AnswerKey): void {
    const key = keyOf(answer);
    this.tokens.set(key, (this.tokens.get(key) ?? 0) + 1);
    this.total++;
  }

  /** The answer is whole, and counted elsewhere from now on. */
  finished(answer: AnswerKey): void {
    const key = keyOf(answer);
    this.total -= this.tokens.get(key) ?? 0;
    this.tokens.delete(key);
  }
}

function keyOf({ id, sample }: AnswerKey): string {
  return `${id}#${sample}`;
}
