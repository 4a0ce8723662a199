/** @file Runs `generate`: the answers that the journal lacks are drawn, each is appended as it finishes. */
import { GenerationError } from "../../core/errors.js";
import { toPromptRows } from "../../data/columns.js";
import type { PromptRow } from "../../data/examples.js";
import { readRows, type SourceRow } from "../../data/readers.js";
import { type DecodeStatistics, emptyStatistics } from "../../generate/decoder.js";
import type { LocalChatModel } from "../../generate/local-chat-model.js";
import { type AnswerKey, OpenAnswers } from "../../text/open-answers.js";
import type { GenerateOptions } from "../command-options.js";
import { printJson, printLine } from "../output.js";
import { progress } from "../progress.js";
import { AnswerJournal, type PromptSource } from "./answer-journal.js";
import { openFlaggedModel } from "./chat-model.js";

/** Reads prompts, draws what is missing, leaves the file in the order of prompts and samples. */
export async function runGenerate(options: GenerateOptions): Promise<void> {
  const sources = await readRows(options.prompts);
  const prompts = toPromptRows(sources).map((row, i) => promptSource(row, sources[i]));
  const silent = options.json === true;
  const model = await openFlaggedModel(options, silent);
  const journal = await AnswerJournal.open(options.out, prompts, options.samples, {
    model: model.id,
    modelHash: model.hash,
    ...(options.weights !== "f32" && { weights: options.weights }),
    ...samplingOf(options),
  });
  const kept = journal.count;
  const statistics = emptyStatistics();
  const startMs = Date.now();
  try {
    await drawMissing(model, journal, prompts, options, statistics);
  } finally {
    journal.close();
    await model.close();
  }
  await journal.sort();
  report(options, journal, { kept, statistics, seconds: (Date.now() - startMs) / 1000 });
}

/** The prompt as the row wrote it, so that answers join with their file. */
function promptSource(row: PromptRow, source: SourceRow | undefined): PromptSource {
  const written = source?.fields["prompt"];
  const [only] = row.messages;
  const single = row.messages.length === 1 ? only?.content : undefined;
  return { ...row, rowId: source?.fields["id"] ?? row.id, prompt: written ?? single ?? row.messages };
}

/** What an answer depends on, besides the model and its prompt. */
function samplingOf(options: GenerateOptions) {
  const { maxNewTokens, minNewTokens, temperature, topK, topP, frequencyPenalty, stop, seed } = options;
  return { maxNewTokens, minNewTokens, temperature, topK, topP, frequencyPenalty, stop, seed };
}

async function drawMissing(
  model: LocalChatModel,
  journal: AnswerJournal,
  prompts: readonly PromptSource[],
  options: GenerateOptions,
  statistics: DecodeStatistics,
): Promise<void> {
  const requests = prompts.map(({ id, messages }) => ({ id, messages, sampleIndices: journal.missing(id) }));
  const wanted = requests.filter(({ sampleIndices }) => sampleIndices.length > 0);
  if (wanted.length === 0) return;
  const bar = progress({
    label: "generating",
    total: prompts.length * options.samples,
    unit: "answers",
    initial: journal.count,
    silent: options.json === true,
  });
  const { signal, release } = interruption();
  const open = new OpenAnswers(options.maxNewTokens);
  const meter = tokenMeter();
  const onDraw = (answer: AnswerKey): void => {
    open.drawn(answer);
    bar.reach(journal.count + open.share, meter());
  };
  const drawing = { ...samplingOf(options), batchSize: options.batchSize, signal, onDraw, statistics };
  try {
    for await (const completion of model.generate(wanted, drawing)) {
      journal.append(completion);
      open.finished(completion);
      bar.reach(journal.count + open.share);
    }
  } finally {
    bar.done();
    release();
  }
}

/** Counts a token a call and says how many a second that makes. */
function tokenMeter(): () => string {
  const startMs = Date.now();
  let tokens = 0;
  return () => {
    tokens++;
    const seconds = (Date.now() - startMs) / 1000;
    return seconds > 0 ? `${(tokens / seconds).toFixed(0)} tokens/s` : "";
  };
}

/** Ctrl-C ends the run between two steps; finished answers are in the file by then. */
function interruption(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const interrupt = () => {
    const hint = "finished answers are kept; the same command goes on where it stopped";
    controller.abort(new GenerationError("generate: interrupted", { hint }));
  };
  process.once("SIGINT", interrupt);
  return { signal: controller.signal, release: () => process.removeListener("SIGINT", interrupt) };
}

function report(
  options: GenerateOptions,
  journal: AnswerJournal,
  run: { readonly kept: number; readonly statistics: DecodeStatistics; readonly seconds: number },
): void {
  const { newTokens, nearTies } = run.statistics;
  const tokensPerSecond = newTokens === 0 ? 0 : newTokens / run.seconds;
  const summary = {
    answers: journal.count,
    drawnNow: journal.count - run.kept,
    cutAtLimit: journal.cutAtLimit,
    newTokens,
    nearTies,
    seconds: run.seconds,
    tokensPerSecond,
    out: options.out,
  };
  if (options.json === true) {
    printJson(summary);
    return;
  }
  printLine(`${summary.answers} answers in ${options.out}, ${summary.drawnNow} of them drawn now`);
  printLine(
    `${newTokens} tokens, ${tokensPerSecond.toFixed(1)} tokens/s; ${summary.cutAtLimit} answers cut at the limit; ${nearTies} draws close enough for rounding to decide`,
  );
}
