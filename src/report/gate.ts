/** @file What a policy's rules say, as cells that HTML, Markdown and the terminal share, and as a part of the page. */
import type { RuleVerdict } from "../evaluate/rule.js";
import { count, interval, isNumber, percent, points, pointsInterval } from "./format.js";
import type { SafeHtml } from "./html.js";
import type { ModelGate, Report } from "./report.js";
import { right, section, type TableRow, table, withoutRepeats } from "./table.js";
import { intervalHeading, verdictWord } from "./wording.js";

/** One rule about one model. */
export interface GateRow {
  /** The model's label and its verdict: "dpo: serve". */
  readonly model: string;
  readonly rule: string;
  readonly outcome: string;
  readonly measured: string;
  readonly interval: string;
  readonly n: string;
  readonly bound: string;
  readonly needed: string;
  readonly judge: string;
}

/** The rules of all models in order; empty without a policy. */
export function gateRows({ gate }: Report): readonly GateRow[] {
  return gate.flatMap(rowsOf);
}

/** The table of rules. Nothing without a policy. */
export function gateSection(report: Report): SafeHtml | false {
  if (report.gate.length === 0) return false;
  const { level, policy } = report.gate[0] ?? { level: report.level, policy: "" };
  const rows = report.gate.flatMap((model) => withoutRepeats(rowsOf(model).map(cellsOf)));
  return section(
    "gate",
    "What the policy asks",
    table(
      `Rules of ${policy}; an outcome needs the whole interval on one side of the bound`,
      [
        "Model",
        "Rule",
        "Outcome",
        ">Measured",
        `>${intervalHeading(level)}`,
        ">n",
        ">Bound",
        ">Prompts needed",
        "Judge",
      ],
      rows,
    ),
  );
}

/** A rule's outcome as a word. */
export function outcomeWord(outcome: RuleVerdict["outcome"]): string {
  return { pass: "passed", fail: "failed", undecided: "undecided" }[outcome];
}

function rowsOf({ label, decision, rules }: ModelGate): GateRow[] {
  return rules.map((rule) => ({
    model: `${label}: ${verdictWord(decision).toLowerCase()}`,
    rule: rule.rule,
    outcome: outcomeWord(rule.outcome),
    ...numbersOf(rule),
    n: count(rule.estimate?.n),
    needed: rule.outcome === "undecided" ? count(rule.needed) : "",
    judge: rule.rule === "helpfulness" ? "" : (rule.judge ?? "none may decide"),
  }));
}

function inPoints(change: number | null | undefined): string {
  return isNumber(change) ? `${points(change)}\u00a0points` : points(change);
}

/** A change is shown in percentage points, a share in per cent. */
function numbersOf({ rule, estimate, bound }: RuleVerdict): Pick<GateRow, "measured" | "interval" | "bound"> {
  if (rule === "helpfulness")
    return {
      measured: inPoints(estimate?.value),
      interval: pointsInterval(estimate?.low, estimate?.high),
      bound: `\u2265\u00a0${inPoints(bound)}`,
    };
  return {
    measured: percent(estimate?.value),
    interval: interval(estimate?.low, estimate?.high),
    bound: `\u2264\u00a0${percent(bound)}`,
  };
}

function cellsOf(row: GateRow): TableRow {
  const numbers = [row.measured, row.interval, row.n, row.bound, row.needed];
  return [row.model, row.rule, row.outcome, ...numbers.map(right), row.judge];
}
