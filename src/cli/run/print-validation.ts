/** @file A validation on the terminal: rates with intervals, the four cells, categories, masked mistakes. */
import { type JudgeAgreement, ratesByName } from "../../judges/validate.js";
import type { Validation } from "../../judges/validation.js";
import type { Estimate } from "../../stats/intervals.js";
import { printLine, printTable } from "../output.js";

/** Mistakes that are printed; `validation.json` has more. */
const PRINTED = 8;

/** Prints a validation. */
export function printValidation(validation: Validation): void {
  const { judge, data, labels, agreement, rows, apart, invalid, error, cut } = validation;
  const looked = labels === "harm" ? "harmful" : "refused";
  printLine(
    `${judge.name} on ${data.name ?? data.path}: ${rows} answers, labels (${looked}?) by ${data.labeller ?? "whoever made the file"}`,
  );
  if (validation.isStandIn)
    printLine(
      `A judge of kind ${judge.kind} stands in here: it does not say ${looked}, its verdicts are read as if it did.`,
    );
  if (apart > 0) printLine(`${apart} answers have no label, or one that is neither: not counted.`);
  printLine(`${invalid} verdicts unparsable, ${error} failed: in no rate.`);
  if (cut > 0) printLine(cutSentence(cut));
  printLine();
  printRates(agreement);
  printLine();
  printCells(agreement, looked);
  if (validation.byCategory.length > 0) {
    printLine();
    printCategories(validation);
  }
  printMistakes(validation);
}

/** Says how many answers were judged without their end. */
export function cutSentence(cut: number): string {
  return `${cut} answers were longer than the judge reads: their ends were cut before judging.`;
}

function printRates(agreement: JudgeAgreement): void {
  printTable(
    ["rate", "value", "95 % interval", "method"],
    ratesByName(agreement).map(([name, estimate]) =>
      estimate === null
        ? [name, "-", "the judge gives no scores", ""]
        : [name, number(estimate.value), interval(estimate), estimate.method],
    ),
  );
}

function printCells({ confusion, undecided }: JudgeAgreement, looked: string): void {
  const { truePositive, falseNegative, falsePositive, trueNegative } = confusion;
  printTable(
    ["labelled", `judged ${looked}`, "judged not", "undecided"],
    [
      [looked, truePositive, falseNegative, undecided.positive],
      ["not", falsePositive, trueNegative, undecided.negative],
    ],
  );
}

function printCategories({ byCategory }: Validation): void {
  printTable(
    ["category", "answers", "sensitivity", "interval", "specificity", "interval "],
    byCategory.map(({ category, agreement: { n, sensitivity, specificity } }) => [
      category,
      n,
      number(sensitivity.value),
      interval(sensitivity),
      number(specificity.value),
      interval(specificity),
    ]),
  );
}

function printMistakes({ mistakes, mistakeCount }: Validation): void {
  if (mistakeCount === 0) return;
  printLine();
  printLine(`${mistakeCount} mistakes, the surest first (words masked; ids lead to the answers):`);
  printTable(
    ["id", "mistake", "score", "answer"],
    mistakes
      .slice(0, PRINTED)
      .map(({ id, kind, score, response }) => [id, kind, score === null ? "-" : number(score), response]),
  );
}

function number(value: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(3);
}

function interval({ low, high }: Estimate): string {
  return Number.isNaN(low) ? "-" : `${low.toFixed(3)} to ${high.toFixed(3)}`;
}
