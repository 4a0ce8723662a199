/**
 * @file What is measured of samples: rewards, P(unsafe), the second reward, and how far the policy has moved on them.
 * What is no number, and what was read only in part, becomes null here, and is never taken for a score.
 */
import { JudgeError } from "../../core/errors.js";
import { type ScoreRequest, sharePrompts } from "../../generate/score.js";
import type { ScoreModel } from "../../text/chat-model.js";
import type { Exchange } from "../../text/messages.js";
import { type BatchLimits, microBatches, packRows } from "../gradient.js";
import { sequenceTotals } from "../method.js";
import type { NamedArrays } from "../optimizer.js";
import type { StepRunner } from "../runner.js";
import { type RaftOptions, UNSAFE } from "./options.js";
import type { Answered, SampleScores } from "./sample.js";

/** What scores samples. */
export interface Scorer extends Pick<RaftOptions, "rewards" | "vetoes" | "secondReward"> {
  /** The second reward is asked for: of held-out answers only. */
  readonly withSecondReward: boolean;
  readonly logRatio: LogRatioTask;
  /** Whether a sample's log ratio is measured; two runs of the policy each. */
  readonly needsLogRatio: (answer: Answered) => boolean;
}

/** How log p_t(y|x) − log p_0(y|x) is measured. */
export interface LogRatioTask {
  readonly runner: Pick<StepRunner, "score">;
  /** p_t: the policy that drew the samples. */
  readonly now: NamedArrays;
  /** p_0: the policy at the start of the run. */
  readonly start: NamedArrays;
  readonly limits: BatchLimits;
}

/**
 * Scores answers, in their order.
 * @throws JudgeError when a model gives another number of scores than there are answers
 */
export async function scoreSamples(answers: readonly Answered[], scorer: Scorer): Promise<SampleScores[]> {
  const { rewards, vetoes = [], secondReward } = scorer;
  const exchanges = answers.map(({ prompt, drawn }) => ({
    id: idOf({ drawn }),
    messages: prompt.messages,
    response: drawn.response,
  }));
  const byReward: (number | null)[][] = [];
  for (const { model } of rewards) byReward.push(await scoresOf(model, exchanges, firstScore));
  const byVeto: (number | null)[][] = [];
  for (const { model } of vetoes)
    byVeto.push(await scoresOf(model, exchanges, (scores) => unsafeProbability(model.labels, scores)));
  const second =
    secondReward !== undefined && scorer.withSecondReward
      ? await scoresOf(secondReward, exchanges, firstScore)
      : [];
  const ratios = await logRatios(answers.filter(scorer.needsLogRatio), scorer.logRatio);
  return answers.map((answer, i) => ({
    rewards: byReward.map((scores) => scores[i] ?? null),
    unsafe: byVeto.map((scores) => scores[i] ?? null),
    second_reward: second[i] ?? null,
    log_ratio: ratios.get(idOf(answer)) ?? null,
  }));
}

/**
 * Log-probability of the drawn tokens under the policy now less that under the policy at the start, nats, by sample.
 * Both at temperature 1. Its mean over samples of the policy itself estimates KL(p_t ‖ p_0).
 */
async function logRatios(
  answers: readonly Answered[],
  { runner, now, start, limits }: LogRatioTask,
): Promise<ReadonlyMap<string, number>> {
  const requests: ScoreRequest[] = answers.map(({ prompt, drawn }) => ({
    id: idOf({ drawn }),
    promptIds: prompt.promptIds,
    answerIds: drawn.token_ids,
  }));
  const rows = sharePrompts(requests).map((shared) => ({ id: shared.segment.id, ...shared }));
  const ratios = new Map<string, number>();
  for (const part of microBatches(rows, limits)) {
    const packed = packRows(part, limits);
    const after = sequenceTotals((await runner.score(packed, now)).logProbs, packed);
    const before = sequenceTotals((await runner.score(packed, start)).logProbs, packed);
    const ids = part.flatMap((row) => row.requests.map(({ id }) => id));
    for (const [i, id] of ids.entries()) {
      const ratio = (after[i] ?? Number.NaN) - (before[i] ?? Number.NaN);
      if (Number.isFinite(ratio)) ratios.set(id, ratio);
    }
  }
  return ratios;
}

/**
 * P(unsafe) of a class head's scores: the softmax over its labels, or the sigmoid where "unsafe" is the only one.
 * @param scores as the head gives them
 * @returns NaN where a score is no number
 */
export function unsafeProbability(labels: readonly string[], scores: readonly number[]): number {
  const unsafe = scores[labels.indexOf(UNSAFE)] ?? Number.NaN;
  const others = labels.length === 1 ? [0] : scores.filter((_, i) => labels[i] !== UNSAFE);
  return 1 / (1 + others.reduce((sum, other) => sum + Math.exp(other - unsafe), 0));
}

function firstScore([score = Number.NaN]: readonly number[]): number {
  return score;
}

async function scoresOf(
  model: ScoreModel,
  exchanges: readonly Exchange[],
  read: (scores: readonly number[]) => number,
): Promise<(number | null)[]> {
  const found: (number | null)[] = [];
  // A sample that the model reads only in part has no score: what was not read may be what should have been vetoed.
  const cut = new Set<number>();
  for await (const scores of model.scores(exchanges, (index) => cut.add(index))) {
    const score = cut.has(found.length) ? Number.NaN : read(scores);
    found.push(Number.isFinite(score) ? score : null);
  }
  if (found.length === exchanges.length) return found;
  throw new JudgeError(`${model.id}: expected ${exchanges.length} scores, got ${found.length}`);
}

function idOf({ drawn: { id, sample } }: Pick<Answered, "drawn">): string {
  return `${id}#${sample}`;
}
