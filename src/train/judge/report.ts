/** @file Figures of a judge as Markdown tables, and its card. */
import type { Estimate } from "../../stats/intervals.js";
import type { CalibrationPoint, SourceFigures } from "./figures.js";
import type { JudgeFigures, TrainingRecord } from "./result.js";
import type { SourceRecord } from "./rows.js";

/** All tables. */
export function renderTables(figures: JudgeFigures): string {
  const { candidates, folds, leftOut, neverSeen, neverSeenMean } = figures;
  return [
    "# Figures of a harm judge",
    "Intervals are of 95 %, over prompts. One class: share judged wrongly. Pairs: share whose worse answer scores higher.",
    "## Never learnt from, whole",
    sourceTable(neverSeen),
    "Mean balanced accuracy:",
    sourceTable([{ ...neverSeenMean, source: "mean", measure: "balanced accuracy" }]),
    "## Training sources, folds by prompt",
    sourceTable(folds),
    "## Training sources, each left out whole",
    sourceTable(leftOut),
    "## How far the judge is ahead, paired",
    aheadTable([...folds, ...neverSeen, { ...neverSeenMean, source: "mean of never seen" }]),
    "## Candidates, area under the ROC curve of the probe on training sources",
    table(
      [
        "layers",
        "pooling",
        "l2",
        ...(candidates[0]?.sources.flatMap(({ source }) => [`${source}, folds`, `${source}, left out`]) ??
          []),
        "mean",
      ],
      candidates.map(({ candidate, sources, mean }) => [
        candidate.layers.join(" "),
        candidate.pooling.join(" "),
        `${candidate.l2}`,
        ...sources.flatMap(({ folds, leftOut }) => [decimals(folds), decimals(leftOut)]),
        decimals(mean),
      ]),
    ),
    "",
  ].join("\n\n");
}

/** The card of a judge: what it learnt from, under which licences, how well it judges, and where it fails. */
export function renderCard(
  name: string,
  record: TrainingRecord,
  figures: JudgeFigures,
  threshold: number,
): string {
  const { base, sources, rows, cut, recipe } = record;
  const { folds, neverSeen, neverSeenMean, calibration } = figures;
  const own = (list: readonly SourceFigures[]): SourceFigures[] =>
    list.map((each) => ({ ...each, byJudge: reordered(each.byJudge, name) }));
  const foldParts =
    name === "judge"
      ? ["By source, five folds by prompt:".replace("five", `${recipe.folds}`), sourceTable(folds)]
      : [];
  return [
    `# Harm judge${name === "judge" ? "" : ` (${name})`}`,
    `P(harmful) of an answer, by a light head over hidden states of the frozen \`${base.id}\`. An answer is unsafe from ${threshold.toFixed(2)} on. Use: \`--judge FOLDER\`.`,
    `Members: ${recipe.members.join(", ")}. The probe reads layers ${base.features.layers.join(", ")} at ${base.features.pooling.join(", ")}; exchanges beyond ${base.features.maxTokens} tokens are cut, and their verdicts say so.`,
    "## Learnt from",
    sourcesTable(sources),
    `${rows} rows in all trainings of this recipe, sources of equal weight but for the recipe's, classes balanced. ${cut} answers of all sets were cut. What licence binds the head follows from this table: ${licenceSentence(sources)}`,
    "## Figures",
    "Intervals are of 95 %, over prompts. Sets that it never learnt from, whole (XSTest: harmful is full compliance with an unsafe prompt; partial refusals are apart):",
    sourceTable(own(neverSeen)),
    sourceTable([
      { source: "mean", measure: "balanced accuracy", byJudge: reordered(neverSeenMean.byJudge, name) },
    ]),
    ...foldParts,
    ...(name === "judge"
      ? [
          "Ahead of the others, paired over prompts:",
          aheadTable([...folds, ...neverSeen, { ...neverSeenMean, source: "mean of never seen" }]),
        ]
      : []),
    ...(name === "judge"
      ? [
          "What a policy asks before a judge may decide (`judge:` in policy.yaml; only labels by people count), the lower bounds of both:",
          ratesTable(neverSeen),
        ]
      : []),
    "## Calibration",
    "The head learns from balanced classes: P(harmful) is at even odds, and overstates harm where harm is rare.",
    ...(name === "judge"
      ? [
          "On training sources (folds):",
          curveTable(calibration.folds),
          "On sets never learnt from:",
          curveTable(calibration.neverSeen),
        ]
      : []),
    "## Known failures",
    failureSentences(neverSeen, name),
    "English only. It reads one exchange; what stands beyond the cut is not judged. Answers of models unlike those of the sets above may be judged worse: measure it with `judge validate` before it decides.",
    "",
  ].join("\n\n");
}

function failureSentences(sets: readonly SourceFigures[], name: string): string {
  const worst = sets
    .filter(({ measure }) => measure === "balanced accuracy")
    .map(({ source, byJudge }) => ({ source, value: byJudge[name]?.value ?? Number.NaN }))
    .sort((a, b) => a.value - b.value)[0];
  const weakest =
    worst === undefined ? "" : `Weakest of the never-seen sets: ${worst.source} (${decimals(worst.value)}). `;
  const behind = sets.flatMap(({ source, ahead }) =>
    Object.entries(ahead).flatMap(([other, { high }]) =>
      name === "judge" && high < 0 ? [`${other} on ${source}`] : [],
    ),
  );
  return `${weakest}Behind, beyond the interval: ${behind.length === 0 ? "none of the others compared here" : behind.join(", ")}.`;
}

function licenceSentence(sources: readonly SourceRecord[]): string {
  const bound = sources.filter(
    ({ isNonCommercial, isShareAlike, licence }) => isNonCommercial || isShareAlike || licence === null,
  );
  return bound.length === 0
    ? "all of them permit commercial use."
    : `non-commercial, share-alike or unknown are ${bound.map(({ name }) => name).join(", ")}.`;
}

function sourcesTable(sources: readonly SourceRecord[]): string {
  return table(
    ["source", "rows", "licence", "sha256", "left out: prompts of never-seen sets"],
    sources.map(({ name, rows, licence, sha256, contaminated }) => [
      name,
      `${rows}`,
      licence ?? "unknown",
      `\`${sha256.slice(0, 16)}\``,
      `${contaminated}`,
    ]),
  );
}

type Shown = Pick<SourceFigures, "source" | "measure" | "byJudge"> &
  Partial<Pick<SourceFigures, "rows" | "prompts" | "apart" | "apartUnsafe">>;

function sourceTable(sets: readonly Shown[]): string {
  const judges = Object.keys(sets[0]?.byJudge ?? {});
  return table(
    ["source", "measure", "rows (prompts)", ...judges, "partial refusals: judged unsafe"],
    sets.map(({ source, measure, rows, prompts, byJudge, apart = 0, apartUnsafe }) => [
      source,
      measure,
      rows === undefined ? "" : `${rows} (${prompts})`,
      ...judges.map((judge) => interval(byJudge[judge])),
      apart === 0 ? "" : `${interval(apartUnsafe ?? undefined)} of ${apart}`,
    ]),
  );
}

function aheadTable(sets: readonly Pick<SourceFigures, "source" | "ahead">[]): string {
  const compared = sets.filter(({ ahead }) => Object.keys(ahead).length > 0);
  const others = [...new Set(compared.flatMap(({ ahead }) => Object.keys(ahead)))];
  return table(
    ["source", ...others],
    compared.map(({ source, ahead }) => [source, ...others.map((other) => interval(ahead[other]))]),
  );
}

/** What a policy asks of a judge before it may decide: both rates, on labels by people, of answers that it never saw. */
function ratesTable(sets: readonly SourceFigures[]): string {
  return table(
    ["never learnt from", "sensitivity", "specificity"],
    sets.flatMap(({ source, rates }) =>
      rates === undefined ? [] : [[source, interval(rates.sensitivity), interval(rates.specificity)]],
    ),
  );
}

function curveTable(points: readonly CalibrationPoint[]): string {
  return table(
    ["P(harmful)", "rows", "mean P", "harmful"],
    points.map(({ low, high, rows, meanProbability, harmful }) => [
      `${low.toFixed(1)}–${high.toFixed(1)}`,
      `${rows}`,
      decimals(meanProbability),
      interval(harmful),
    ]),
  );
}

/** The named judge first. */
function reordered(byJudge: SourceFigures["byJudge"], name: string): SourceFigures["byJudge"] {
  const entries = Object.entries(byJudge);
  return Object.fromEntries([
    ...entries.filter(([each]) => each === name),
    ...entries.filter(([each]) => each !== name),
  ]);
}

function interval(estimate: Estimate | undefined): string {
  if (estimate === undefined) return "";
  const { value, low, high } = estimate;
  return `${decimals(value)} [${decimals(low)}, ${decimals(high)}]`;
}

function decimals(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(3);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
