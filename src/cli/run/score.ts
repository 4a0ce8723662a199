/** @file Runs `score`. */
import { requireWritable, writeFileDurably } from "../../core/files.js";
import { toPromptResponses } from "../../data/columns.js";
import { readRows } from "../../data/readers.js";
import type { LogProbs } from "../../text/chat-model.js";
import type { ScoreOptions } from "../command-options.js";
import { printJson, printLine } from "../output.js";
import { progress } from "../progress.js";
import { openFlaggedModel } from "./chat-model.js";

/** Reads rows {id, prompt, response}, writes rows {id, logprob, num_tokens, token_logprobs}. */
export async function runScore(options: ScoreOptions): Promise<void> {
  const sources = await readRows(options.data);
  const rows = toPromptResponses(sources);
  const silent = options.json === true;
  // Said before the work, not after it.
  requireWritable(options.out);
  const model = await openFlaggedModel(options, silent);
  const bar = progress({ label: "scoring", total: rows.length, unit: "answers", silent });
  const scored = new Map<string, LogProbs>();
  let tokens = 0;
  for await (const answer of model.score(rows)) {
    scored.set(answer.id, answer);
    tokens += answer.tokenLogProbs.length;
    bar.advance(1, `${tokens} tokens`);
  }
  bar.done();
  await model.close();
  const lines = rows.map(({ id }, i) => scoreLine(sources[i]?.fields["id"] ?? id, scored.get(id)));
  await writeFileDurably(options.out, lines.join(""));
  if (silent) printJson({ answers: rows.length, tokens, out: options.out });
  else printLine(`${rows.length} answers, ${tokens} tokens scored into ${options.out}`);
}

function scoreLine(id: unknown, answer: LogProbs | undefined): string {
  const row = {
    id,
    logprob: answer?.logProb,
    num_tokens: answer?.tokenLogProbs.length,
    token_logprobs: answer?.tokenLogProbs,
  };
  return `${JSON.stringify(row)}\n`;
}
