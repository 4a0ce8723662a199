/** @file The work of `data rejudge`: the faults of the paper's published answers by set, and the answers ready to be judged. */
import { writeFileDurably } from "../../core/files.js";
import {
  loadPublishedAnswers,
  loadPublishedShares,
  type PublishedSet,
  publishedSets,
  toResponseRows,
} from "../../evaluate/published.js";
import { percent, percentWithInterval } from "../../report/format.js";
import type { DataRejudgeOptions } from "../command-options.js";
import { printJson, printLine, printTable } from "../output.js";

/** Prints what is wrong with the published answers; writes them for `evaluate --responses` where asked. */
export async function runDataRejudge(options: DataRejudgeOptions): Promise<void> {
  const answers = await loadPublishedAnswers(options);
  const sets = publishedSets(answers, await loadPublishedShares(options));
  const { out } = options;
  const lines = toResponseRows(answers).map((row) => `${JSON.stringify(row)}\n`);
  if (out !== undefined) await writeFileDurably(out, lines.join(""));
  if (options.json === true) printJson({ sets, responses: out ?? null });
  else printFaults(sets, out);
}

function printFaults(sets: readonly PublishedSet[], out: string | undefined): void {
  const headings = ["set", "answers", "wrong prompt", "cut", "refused (matcher)", "published safe"];
  const rows = sets.map((each) => [
    each.set,
    each.answers,
    each.mislabelled,
    each.cut,
    percentWithInterval(each.refused),
    percent(each.publishedSafe),
  ]);
  printTable(headings, rows);
  for (const { set, mislabelled, wordsShared, verdictsMoved } of sets) {
    if (mislabelled === 0) continue;
    printLine();
    printLine(
      `${set}: ${mislabelled} answers are published under another prompt. Of the right prompt's content words ` +
        `${percent(wordsShared.right)} occur in the answer, of the published one's ${percent(wordsShared.published)}.`,
    );
    printLine(
      `The matcher reads no prompt, so its share stays; but ${verdictsMoved} of the ${mislabelled} verdicts differ from ` +
        "that on the answer which the published prompt was really given.",
    );
  }
  printLine();
  printLine(
    out === undefined
      ? "--out FILE writes the answers under their right prompts, for evaluate --responses."
      : `Answers under their right prompts: ${out}. Next: evaluate --responses ${out} --task I-CoNa --out FOLDER`,
  );
}
