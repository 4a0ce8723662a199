/** @file What the stages of a RAFT run share, and how they get scored answers of the policy as it is at some moment. */

import type { LocalChatModel } from "../../generate/local-chat-model.js";
import type { Completion, GenerationRequest } from "../../text/chat-model.js";
import type { AnswerKey } from "../../text/open-answers.js";
import { OpenAnswers } from "../../text/open-answers.js";
import type { NamedArrays } from "../optimizer.js";
import { dataOf, scoringLimits } from "../run.js";
import type { SessionRunner } from "../session-runner.js";
import type { TrainingStart } from "../start.js";
import type { ContaminationCheck } from "../training-data.js";
import type { RaftOptions, ResolvedRaft } from "./options.js";
import type { RaftPrompt } from "./prompts.js";
import type { ScoredSample } from "./sample.js";
import { sampleAndScore } from "./sample-file.js";
import { scoreSamples } from "./scorer.js";

/** What all stages of a run share. */
export interface RaftContext {
  readonly options: RaftOptions;
  readonly settings: ResolvedRaft;
  readonly start: TrainingStart;
  /** Prompts to train on. */
  readonly prompts: readonly RaftPrompt[];
  readonly heldOut: readonly RaftPrompt[];
  readonly runner: SessionRunner;
  /** Samples with whatever factors it was last given. */
  readonly chat: LocalChatModel;
  readonly contamination: ContaminationCheck;
}

/** What is to be drawn. */
export interface DrawTask {
  /** File of the samples. */
  readonly path: string;
  /** For the progress line, e.g. "stage 3". */
  readonly label: string;
  readonly prompts: readonly RaftPrompt[];
  readonly samples: number;
  readonly seed: number;
  /** The policy. */
  readonly factors: NamedArrays;
  readonly isHeldOut: boolean;
}

/** Draws and scores what the file does not hold yet. */
export function drawAndScore(context: RaftContext, task: DrawTask): Promise<ScoredSample[]> {
  const { options, settings, start, runner } = context;
  const logRatio = {
    runner,
    now: task.factors,
    start: dataOf(start.adapter.factors),
    limits: scoringLimits(settings.training),
  };
  const scorer = {
    ...options,
    withSecondReward: task.isHeldOut,
    logRatio,
    // One sample a prompt estimates the divergence; ranking by it takes all.
    needsLogRatio: ({ drawn }: { drawn: { sample: number } }) =>
      drawn.sample === 0 || settings.raft.klWeight > 0,
  };
  return sampleAndScore({
    ...task,
    draw: (requests, done) => draw(context, task, requests, done),
    score: (answers) => scoreSamples(answers, scorer),
    onScored: (done, total) => {
      if (done === 0) options.onPhase?.(`${task.label}: scoring`, total, "answers", 0);
      else options.onPhaseProgress?.(done);
      options.signal?.throwIfAborted();
    },
  });
}

async function* draw(
  { chat, options, settings: { raft } }: RaftContext,
  { label, factors, seed }: DrawTask,
  requests: readonly GenerationRequest[],
  done: number,
): AsyncGenerator<Completion> {
  const wanted = requests.reduce((sum, { sampleIndices }) => sum + (sampleIndices?.length ?? 0), 0);
  options.onPhase?.(`${label}: sampling`, done + wanted, "answers", done);
  await chat.updateAdapter(factors);
  const open = new OpenAnswers(raft.maxNewTokens);
  let finished = done;
  const onDraw = (answer: AnswerKey): void => {
    open.drawn(answer);
    options.onPhaseProgress?.(finished + open.share);
  };
  const { maxNewTokens, temperature, topP, sampleBatchSize: batchSize } = raft;
  const { signal } = options;
  const sampling = { maxNewTokens, temperature, topP, batchSize, seed, onDraw, ...(signal && { signal }) };
  for await (const answer of chat.generate(requests, sampling)) {
    open.finished(answer);
    options.onPhaseProgress?.(++finished + open.share);
    yield answer;
  }
}
