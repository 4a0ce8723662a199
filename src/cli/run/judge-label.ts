/** @file Runs `judge label`: serves the page until the labeller ends, then says how much is labelled and how far people agree. */
import { ConfigError } from "../../core/errors.js";
import { toExchanges } from "../../judges/labelled-rows.js";
import { type LabelAgreement, measureLabelAgreement, ratersOf } from "../../judges/labelling/agreement.js";
import { readLabelFile } from "../../judges/labelling/label-file.js";
import { Labelling } from "../../judges/labelling/labelling.js";
import { labelWords } from "../../judges/labelling/words.js";
import { serveLabelling } from "../../report/labelling/server.js";
import type { JudgeLabelOptions } from "../command-options.js";
import { printJson, printLine, printTable } from "../output.js";
import { promptFieldOf, readAnswers } from "./answer-rows.js";

/** Ids of disagreements that are printed. */
const PRINTED = 8;

/** Serves the page, or with `--agreement` only measures. */
export async function runJudgeLabel(options: JudgeLabelOptions): Promise<void> {
  if (options.agreement !== undefined) {
    const agreement = agreementOf(options);
    if (agreement === null)
      throw new ConfigError(
        `${labelFilesOf(options).join(", ")}: expected labels of two people, got those of one or none`,
        {
          hint: "give another file with --agreement FILE",
        },
      );
    return options.json === true ? printJson(agreement) : printAgreement(agreement);
  }
  const { total, labelled } = await label(options);
  const { out, labeller } = options;
  const agreement = agreementOf(options);
  if (options.json === true) printJson({ out, labeller, answers: total, labelled, agreement });
  else {
    printLine(`${labelled} of ${total} answers labelled by ${labeller} in ${out}`);
    if (agreement !== null) printAgreement(agreement);
  }
}

async function label(options: JudgeLabelOptions): Promise<{ total: number; labelled: number }> {
  const labelling = await openLabelling(options);
  try {
    const server = await serveLabelling(labelling, options.port);
    const say = options.json === true ? (text: string) => process.stderr.write(`${text}\n`) : printLine;
    say(`Label ${labelling.answers.length} answers at ${server.url}`);
    say("Ctrl-C here or Finish on the page ends; every label is on disk at once.");
    await untilStopped(server.finished);
    await server.close();
    return { total: labelling.answers.length, labelled: labelling.labelled };
  } finally {
    labelling.close();
  }
}

async function openLabelling(options: JudgeLabelOptions): Promise<Labelling> {
  const { data, out: path, labeller, sample, seed } = options;
  if (data === undefined)
    throw new ConfigError("judge label: expected answers to label, got no --data", {
      hint: "name a file, a data set or the folder of an evaluation; or measure with --agreement",
    });
  const { dataset, rows } = await readAnswers(data, options);
  return new Labelling({
    answers: toExchanges(rows, promptFieldOf(options, dataset.name)),
    words: labelWords(options.labels),
    labeller,
    path,
    ...(sample === undefined ? {} : { sample }),
    seed,
  });
}

async function untilStopped(finished: Promise<void>): Promise<void> {
  let interrupt = (): void => undefined;
  const interrupted = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  process.once("SIGINT", interrupt);
  await Promise.race([finished, interrupted]);
  process.removeListener("SIGINT", interrupt);
}

/** Null where fewer than two people have labelled. */
function agreementOf(options: JudgeLabelOptions): LabelAgreement | null {
  const raters = ratersOf(labelFilesOf(options).map((path) => ({ path, rows: readLabelFile(path) })));
  return raters.length < 2 ? null : measureLabelAgreement(raters, { seed: options.seed });
}

function labelFilesOf({ out, agreement }: JudgeLabelOptions): string[] {
  return [...new Set(typeof agreement === "string" ? [out, agreement] : [out])];
}

function printAgreement({ raters, n, alpha, raw, disagreements }: LabelAgreement): void {
  printLine(`${raters.join(", ")}: ${n} answers with labels of two or more`);
  printTable(
    ["agreement", "value", "95 % interval", "method"],
    [["Krippendorff's alpha", alpha] as const, ["equal labels", raw] as const].map(
      ([name, { value, low, high, method }]) => [
        name,
        number(value),
        Number.isNaN(low) ? "-" : `${low.toFixed(3)} to ${high.toFixed(3)}`,
        method,
      ],
    ),
  );
  if (disagreements.length === 0) return;
  const more = disagreements.length > PRINTED ? ` and ${disagreements.length - PRINTED} more` : "";
  printLine(`They differ on ${disagreements.slice(0, PRINTED).join(", ")}${more}`);
}

function number(value: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(3);
}
