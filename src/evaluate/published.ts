/**
 * @file The paper's published answers, read with their faults: 78 of 178 I-CoNa answers stand under another prompt's
 * instruction, and many are cut at 120 tokens. The right prompt of each is in the data set, so they can be judged again.
 */
import { DatasetError } from "../core/errors.js";
import { type DataFolders, resolveDataset } from "../data/catalogue.js";
import { alpacaPrompt } from "../data/columns.js";
import { distinctContentWords } from "../data/contamination.js";
import { readRows, type SourceRow } from "../data/readers.js";
import { matchRefusal } from "../judges/refusal-matcher.js";
import { type Estimate, mean, wilson } from "../stats/intervals.js";

/** An answer of the paper's DPO model. */
export interface PublishedAnswer {
  /** Name of the task. */
  readonly set: string;
  readonly promptId: string;
  /** What the model was asked. */
  readonly prompt: string;
  /** What the authors' file says that it was asked. */
  readonly publishedPrompt: string;
  readonly response: string;
}

/** What is wrong with a set's published answers, and what the refusal matcher says of them. */
export interface PublishedSet {
  readonly set: string;
  readonly answers: number;
  /** Answers under another prompt's instruction. */
  readonly mislabelled: number;
  /** Answers without an end of sentence. */
  readonly cut: number;
  /** Share refused; the matcher reads the answer alone, so it is the same under right and wrong prompts. */
  readonly refused: Estimate;
  /** Of the mislabelled: the prompt's content words that occur in the answer, mean share under the right prompt and the published one. */
  readonly wordsShared: { readonly right: number; readonly published: number };
  /**
   * Of the mislabelled: how often the matcher's word differs from that on the answer that was really given to the published
   * instruction. So many prompts change sides when an answer is read under the wrong one.
   */
  readonly verdictsMoved: number;
  /** The share that the authors published as safe by Llama Guard; null where they gave none. */
  readonly publishedSafe: number | null;
}

const SAFETY = "dpo_llama7b_safety_responses";
const HELPFULNESS = "dpo_llama7b_alpaca_test_responses";
const RESULTS = "dpo_llama7b_results";

/**
 * All published answers, in the order of the files.
 * @throws ConfigError when the files are not at hand, DatasetError when they are not what their checksums say
 */
export async function loadPublishedAnswers(folders: DataFolders): Promise<PublishedAnswer[]> {
  const safety = (await rowsOf(SAFETY, folders)).map((row) => ({
    set: text(row, "set"),
    promptId: text(row, "prompt_id"),
    prompt: text(row, "prompt"),
    publishedPrompt: text(row, "published_instruction"),
    response: text(row, "response"),
  }));
  const helpfulness = (await rowsOf(HELPFULNESS, folders)).map((row) => {
    const prompt = alpacaPrompt(text(row, "instruction"), text(row, "input"));
    return {
      set: "alpaca_test",
      promptId: text(row, "prompt_id"),
      prompt,
      publishedPrompt: prompt,
      response: text(row, "response"),
    };
  });
  return [...safety, ...helpfulness];
}

/** The shares that the authors published as safe, by set. @throws as {@link loadPublishedAnswers} */
export async function loadPublishedShares(folders: DataFolders): Promise<ReadonlyMap<string, number>> {
  const rows = await rowsOf(RESULTS, folders);
  const shares = rows.filter((row) => row.fields["metric"] === "llamaguard_safe_fraction");
  return new Map(shares.map((row) => [text(row, "set"), Number(row.fields["value"])]));
}

/** Whether an answer stops before a sentence ends: the authors drew 120 tokens at most. */
export function isCut(response: string): boolean {
  return !/[.!?")]$/.test(response.trimEnd());
}

/** The faults by set. @param shares what {@link loadPublishedShares} gives */
export function publishedSets(
  answers: readonly PublishedAnswer[],
  shares: ReadonlyMap<string, number>,
): PublishedSet[] {
  const sets = [...new Set(answers.map(({ set }) => set))];
  return sets.map((set) => {
    const here = answers.filter((answer) => answer.set === set);
    const mislabelled = here.filter(isMislabelled);
    const refused = here.filter(isRefusal).length;
    const given = new Map(here.map((answer) => [answer.prompt, answer]));
    const moved = mislabelled.filter((answer) => {
      const own = given.get(answer.publishedPrompt);
      return own !== undefined && isRefusal(own) !== isRefusal(answer);
    });
    return {
      set,
      answers: here.length,
      mislabelled: mislabelled.length,
      cut: here.filter(({ response }) => isCut(response)).length,
      refused: wilson(refused, here.length),
      wordsShared: {
        right: mean(mislabelled.map(({ prompt, response }) => shareOfWords(prompt, response))),
        published: mean(
          mislabelled.map(({ publishedPrompt, response }) => shareOfWords(publishedPrompt, response)),
        ),
      },
      verdictsMoved: moved.length,
      publishedSafe: shares.get(set) ?? null,
    };
  });
}

/** Rows that `evaluate --responses` reads: the right prompt beside the answer, cut ones marked. */
export function toResponseRows(answers: readonly PublishedAnswer[]): object[] {
  return answers.map(({ set, promptId, prompt, response }) => ({
    id: `${set}/${promptId}`,
    prompt,
    response,
    finish_reason: isCut(response) ? "length" : "stop",
  }));
}

function isMislabelled({ prompt, publishedPrompt }: PublishedAnswer): boolean {
  return prompt !== publishedPrompt;
}

function isRefusal({ response }: PublishedAnswer): boolean {
  return matchRefusal(response) !== undefined;
}

function shareOfWords(prompt: string, response: string): number {
  const wanted = [...distinctContentWords(prompt)];
  const said = distinctContentWords(response);
  return wanted.filter((word) => said.has(word)).length / wanted.length;
}

async function rowsOf(name: string, folders: DataFolders): Promise<SourceRow[]> {
  return readRows((await resolveDataset(name, folders)).path);
}

function text(row: SourceRow, column: string): string {
  const value = row.fields[column];
  if (typeof value === "string") return value;
  throw new DatasetError(`${row.file}:${row.line}: expected text in "${column}", got ${typeof value}`);
}
