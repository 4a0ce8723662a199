/** @file What a comparison found, and the tables made of it: on the terminal and in `results.md`. */
import type { MeasuredResult } from "./measure.js";

/** One run of one variant, or why there was none. */
export interface Run {
  readonly side: string;
  readonly variant: string;
  readonly isOurs: boolean;
  readonly result: MeasuredResult | { readonly failure: string };
}

/** A comparison as measured. */
export interface ComparisonRecord {
  readonly title: string;
  /** Input file and how many of its rows. */
  readonly input: string;
  readonly unit: "pairs" | "tokens" | "questions";
  readonly date: string;
  readonly machine: string;
  readonly threads: number;
  /** Ours first and last, peers between. */
  readonly runs: readonly Run[];
  /** What else was found: whether both sides gave the same numbers. */
  readonly findings?: readonly string[];
}

/** Items or tokens a second. */
export function rateOf(unit: ComparisonRecord["unit"], { items, tokens, seconds }: MeasuredResult): number {
  return (unit === "tokens" ? tokens : items) / seconds;
}

/** The rate that ratios are taken from: the slower of the best variant's two runs, before and after the peers. */
export function ourRate({ runs, unit }: ComparisonRecord): number {
  const ours = runs.filter((run) => run.isOurs);
  const repeated = ours.at(-1)?.variant;
  const rates = ours.flatMap(({ variant, result }) =>
    variant === repeated && "seconds" in result ? [rateOf(unit, result)] : [],
  );
  return rates.length === 0 ? Number.NaN : Math.min(...rates);
}

/** A comparison as Markdown: heading, what was run where, one line a run. */
export function toMarkdown(record: ComparisonRecord): string {
  const { title, input, date, machine, threads, runs, unit, findings = [] } = record;
  const header = [
    `| side | variant | ${unit}/s | ours ÷ this | real tokens/s | seconds | peak MiB |`,
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
  ];
  const lines = runs.map((run) => `| ${cells(run, record).join(" | ")} |`);
  return [
    `## ${title}`,
    "",
    `${input}; float32 unless named otherwise; ${threads} threads; ${machine}; ${date}.`,
    "",
    ...header,
    ...lines,
    "",
    ...findings.flatMap((finding) => [finding, ""]),
    `Versions: ${versionsOf(runs)}.`,
    "",
    ...tokenWarnings(runs),
  ].join("\n");
}

function cells({ side, variant, isOurs, result }: Run, record: ComparisonRecord): string[] {
  if ("failure" in result) return [side, variant, `not run: ${firstLine(result.failure)}`, "", "", "", ""];
  const rate = rateOf(record.unit, result);
  const ratio = isOurs ? "" : `**${(ourRate(record) / rate).toFixed(2)}**`;
  return [
    side,
    variant,
    digits(rate),
    ratio,
    digits(result.tokens / result.seconds),
    result.seconds.toFixed(1),
    result.peakMiB === null ? "" : result.peakMiB.toFixed(0),
  ];
}

/** Sides that did the same rows must have counted the same tokens. */
function tokenWarnings(runs: readonly Run[]): string[] {
  const counts = new Map<number, Set<number>>();
  for (const { result } of runs)
    if ("tokens" in result)
      counts.set(result.items, (counts.get(result.items) ?? new Set()).add(result.tokens));
  return [...counts]
    .filter(([, tokens]) => tokens.size > 1)
    .flatMap(([items, tokens]) => [
      `**Not comparable**: ${items} rows are ${[...tokens].join(" or ")} tokens.`,
      "",
    ]);
}

function versionsOf(runs: readonly Run[]): string {
  const found = new Map<string, string>();
  for (const { result } of runs) {
    if ("failure" in result) continue;
    for (const [name, version] of Object.entries(result.versions)) found.set(name, version);
  }
  return [...found].map(([name, version]) => `${name} ${version}`).join(", ");
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replaceAll("|", "\\|");
}

function digits(value: number): string {
  return value < 1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value.toFixed(0);
}
