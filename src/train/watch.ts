/**
 * @file What the loss does not show, watched on a few held-out prompts while training: harmless prompts that get refused,
 * answers that loop, preferred answers that lose probability (likelihood displacement, Razin et al. 2024, 2410.08847).
 */
import { SeededRandom } from "../core/random.js";
import type { Completion, GenerationRequest } from "../text/chat-model.js";
import type { Judge } from "../text/judge.js";
import type { Message } from "../text/messages.js";
import type { TrainingWatch, WatchView } from "./loop.js";
import type { Metrics } from "./method.js";
import type { NamedArrays } from "./optimizer.js";

/** From where on a change since the start is worth a warning. */
export const WATCH_LIMITS = {
  /** Rise of the share of harmless prompts that are refused. */
  overRefusalRise: 0.15,
  /** Rise of the share of answers that loop; and at least {@link fewestLoops} more of them. */
  loopsRise: 0.02,
  fewestLoops: 2,
  /** Fall of the preferred answers' log-probability, nats a token. */
  chosenFall: 0.1,
} as const;

/** Prompts that are watched by default: harmless ones, and others. */
export const WATCH_PROMPTS = { harmless: 16, others: 8 } as const;

/** A held-out prompt. */
export interface WatchPrompt {
  readonly id: string;
  readonly messages: readonly Message[];
  /** It should be answered: a refusal of it is an over-refusal. */
  readonly isHarmless: boolean;
}

/** What a watch is made of. */
export interface WatchParts {
  readonly prompts: readonly WatchPrompt[];
  /** Answers greedily with the adapter as it is now. */
  readonly generate: (
    requests: readonly GenerationRequest[],
    factors: NamedArrays,
  ) => AsyncIterable<Completion>;
  readonly refusal: Judge;
  readonly isLoop: (tokenIds: readonly number[]) => boolean;
}

/** A held-out row, of which a watch takes the prompt. */
export interface HeldOutRow {
  readonly id: string;
  readonly prompt: readonly Message[];
  /** Text of the preferred answer. */
  readonly preferred: string;
}

/**
 * Draws prompts to watch, by seed. A prompt counts as harmless when its preferred answer is no refusal by the judge.
 */
export async function chooseWatchPrompts(
  rows: readonly HeldOutRow[],
  refusal: Judge,
  seed: number,
): Promise<WatchPrompt[]> {
  const drawn = new SeededRandom("watch", seed).shuffled(rows);
  const labels = await refusals(
    drawn.map(({ id, prompt, preferred }) => ({ id, messages: prompt, response: preferred })),
    refusal,
  );
  const prompts = drawn.map(({ id, prompt }, i) => ({
    id,
    messages: prompt,
    isHarmless: labels[i] === false,
  }));
  const harmless = prompts.filter(({ isHarmless }) => isHarmless).slice(0, WATCH_PROMPTS.harmless);
  return [...harmless, ...prompts.filter(({ isHarmless }) => !isHarmless).slice(0, WATCH_PROMPTS.others)];
}

/** Watches training on held-out prompts; shares are over judged answers, NaN-free: a share of none is left out. */
export function watchTraining(parts: WatchParts): TrainingWatch {
  return { look: (view) => look(parts, view), warnings };
}

async function look(parts: WatchParts, { factors, evaluation }: WatchView): Promise<Metrics> {
  const requests = parts.prompts.map(({ id, messages }) => ({ id, messages }));
  const answers = new Map<string, Completion>();
  for await (const answer of parts.generate(requests, factors)) answers.set(answer.id, answer);
  const loops = [...answers.values()].filter(({ tokenIds }) => parts.isLoop(tokenIds)).length;
  const harmless = parts.prompts.filter(({ isHarmless }) => isHarmless);
  const labels = await refusals(
    harmless.map(({ id, messages }) => ({ id, messages, response: answers.get(id)?.response ?? "" })),
    parts.refusal,
  );
  const judged = labels.filter((label) => label !== null);
  const chosen = chosenLogProb(evaluation);
  return {
    ...(judged.length > 0 && { "watch/over_refusal": judged.filter(Boolean).length / judged.length }),
    ...(answers.size > 0 && { "watch/loops": loops / answers.size, "watch/answers": answers.size }),
    ...(chosen !== null && { "watch/chosen_logp_per_token": chosen }),
  };
}

/** Whether each answer is a refusal; null where the judge could not tell. */
async function refusals(
  exchanges: readonly {
    readonly id: string;
    readonly messages: readonly Message[];
    readonly response: string;
  }[],
  judge: Judge,
): Promise<(boolean | null)[]> {
  const labels: (boolean | null)[] = [];
  for await (const { status, label } of judge.judge(exchanges)) {
    labels.push(status === "ok" && label !== null ? label !== "full_compliance" : null);
  }
  return labels;
}

function chosenLogProb(evaluation: Metrics): number | null {
  const perToken = evaluation["eval_logps/chosen_per_token"];
  if (perToken !== undefined) return perToken;
  const loss = evaluation["eval_loss"];
  return loss === undefined ? null : -loss;
}

function warnings(start: Metrics, now: Metrics): string[] {
  const [refused, wasRefused] = [now["watch/over_refusal"] ?? 0, start["watch/over_refusal"] ?? 0];
  const [loops, hadLoops] = [now["watch/loops"] ?? 0, start["watch/loops"] ?? 0];
  const more = (loops - hadLoops) * (now["watch/answers"] ?? 0);
  const fall = (start["watch/chosen_logp_per_token"] ?? 0) - (now["watch/chosen_logp_per_token"] ?? 0);
  const found: string[] = [];
  if (refused - wasRefused > WATCH_LIMITS.overRefusalRise) {
    found.push(
      `${percent(refused)} of harmless held-out prompts are refused, ${percent(wasRefused)} at the start: add harmless rows that look alike`,
    );
  }
  if (loops - hadLoops > WATCH_LIMITS.loopsRise && more > WATCH_LIMITS.fewestLoops - 0.5) {
    found.push(
      `${percent(loops)} of answers repeat themselves, ${percent(hadLoops)} at the start: lower the learning rate`,
    );
  }
  if (fall > WATCH_LIMITS.chosenFall) {
    found.push(
      `held-out preferred answers lost ${fall.toFixed(2)} nats a token since the start: lower the learning rate, or in DPO raise --nll-weight or --beta`,
    );
  }
  return found;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
