/** @file What a RAFT run will hold in memory, before a sample is drawn: rows as long as prompts and answers can become. */
import { memoryRoom } from "../../core/available-memory.js";
import { PREFILL_TOKENS } from "../../generate/decoder.js";
import { TrainingMemory } from "../memory-plan.js";
import type { TrainingRow } from "../method.js";
import { loopOptionsOf } from "../run.js";
import { sftStep } from "../step-graph.js";
import type { RaftContext } from "./policy-samples.js";
import { stageSize } from "./stage.js";

/** Says what the run will hold. @throws ConfigError when that does not fit, naming what would */
export function announceRaftMemory({ options, settings, start, prompts, heldOut }: RaftContext): void {
  const { raft, training } = settings;
  const promptTokens = [...prompts, ...heldOut].reduce(
    (most, { promptIds }) => Math.max(most, promptIds.length),
    1,
  );
  const rows = Array.from({ length: raft.stagePrompts }, (_, i) =>
    longestRow(i, promptTokens, raft.maxNewTokens),
  );
  const size = stageSize(raft);
  const room = memoryRoom();
  const plan = new TrainingMemory({
    model: start.model,
    adapter: start.adapter,
    loss: sftStep,
    rows,
    evaluation: rows,
    sampler: loopOptionsOf(training, rows.length).sampler,
    tokenBudget: training.tokenBudget,
    watch: {
      sequences: Math.min(raft.sampleBatchSize, size.prompts * size.samples),
      promptTokens,
      newTokens: raft.maxNewTokens,
      prefillTokens: PREFILL_TOKENS,
    },
  }).requireRoom(room);
  options.onMemory?.(plan, room);
}

/** A row that shares no token with another, as rows pack worst. */
function longestRow(id: number, promptTokens: number, answerTokens: number): TrainingRow {
  const of = (length: number) => new Array<number>(length).fill(id);
  const segment = { id: String(id), prompt: of(promptTokens), branches: [of(answerTokens)] };
  return { id: String(id), segment };
}
