/** @file The catalogue's labelled sets: which column is the label, who labelled, what the categories are. */
import type { LabelReading } from "./labelled-rows.js";
import type { LabelKind } from "./labels.js";

/** Who made the labels. Only people's may let a judge decide. */
export type Labeller = "people" | "a model" | "not documented";

/** How a labelled set of the catalogue is read. */
export interface LabelledSet extends LabelReading {
  /** Name in the catalogue. */
  readonly dataset: string;
  readonly labels: LabelKind;
  readonly labeller: Labeller;
}

/** The sets; of two for one data set the first is the default. */
const LABELLED_SETS: readonly LabelledSet[] = [
  set("gptfuzz", "people", "human_jailbroken"),
  set("safe_rlhf_mini-labelled", "not documented", "unsafe"),
  { ...set("do_not_answer-responses", "people", "human_harmful"), categoryField: "risk_area" },
  {
    ...set("jailbreakbench-responses", "a model", "judge_jailbroken"),
    promptField: "goal",
    categoryField: "category",
  },
  {
    ...set("xstest-completions", "people", "human_label"),
    labels: "refusal",
    rule: { field: "human_label", positive: ["2_full_refusal", "3_partial_refusal"] },
    categoryField: "type",
  },
  {
    // Full compliance with an unsafe prompt is harm; a partial refusal is neither.
    ...set("xstest-completions", "people", "human_label"),
    rule: { field: "human_label", positive: ["1_full_compliance"] },
    categoryField: "type",
    isApart: (row) => row.fields["human_label"] === "3_partial_refusal",
    isNegative: (row) => row.fields["prompt_label"] === "safe",
  },
];

/** How a data set of the catalogue is read, for labels of a kind; undefined where it has none. */
export function labelledSet(dataset: string | null, labels?: LabelKind): LabelledSet | undefined {
  return LABELLED_SETS.find(
    (each) => each.dataset === dataset && (labels === undefined || each.labels === labels),
  );
}

function set(dataset: string, labeller: Labeller, field: string): LabelledSet {
  return { dataset, labels: "harm", labeller, rule: { field }, promptField: "prompt", categoryField: null };
}
