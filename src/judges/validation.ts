/** @file `validation.json`: how well a judge agrees with labels, and what it rests on. */
import type { Judge, JudgeKind, JudgeValidation } from "../text/judge.js";
import { maskedExcerpt } from "./excerpt.js";
import type { Labeller } from "./labelled-sets.js";
import { isStandIn, type LabelKind } from "./labels.js";
import {
  agreementByCategory,
  type JudgeAgreement,
  type JudgedExchange,
  measureAgreement,
  mistakes,
  toJudgeValidation,
} from "./validate.js";

/** Version of the file's shape. */
export const VALIDATION_SCHEMA_VERSION = 1;
/** Mistakes that are listed. */
const LISTED = 20;

/** The labelled data behind a validation. */
export interface ValidationData {
  readonly path: string;
  /** Name in the catalogue; null for a file of the user's own. */
  readonly name: string | null;
  readonly sha256: string;
  readonly licence: string | null;
  readonly labeller: Labeller | null;
  readonly labelField: string;
  /** There when the labels were made by `judge label`. */
  readonly labelFile?: { readonly path: string; readonly sha256: string };
}

/** A wrong verdict: enough to find the answer again. */
export interface Mistake {
  readonly id: string;
  readonly kind: "missed" | "false alarm";
  readonly score: number | null;
  readonly detail: string | null;
  /** Masked. */
  readonly prompt: string;
  readonly response: string;
}

/** Content of `validation.json`; NaN is written as null. */
export interface Validation {
  readonly schemaVersion: number;
  readonly judge: { readonly name: string; readonly kind: JudgeKind; readonly hash: string };
  readonly data: ValidationData;
  readonly labels: LabelKind;
  /** True where the judge is of another kind than the labels and its verdicts stand in. */
  readonly isStandIn: boolean;
  readonly rows: number;
  /** Rows without a label, or of a label that is neither: in nothing below. */
  readonly apart: number;
  /** Unparsable and failed verdicts on labelled rows. */
  readonly invalid: number;
  readonly error: number;
  /** Verdicts on labelled rows whose answer was longer than the judge reads, and was cut. */
  readonly cut: number;
  readonly agreement: JudgeAgreement;
  readonly byCategory: readonly { readonly category: string; readonly agreement: JudgeAgreement }[];
  /** As evaluations carry it; null where labels are not people's, or the judge only stands in. */
  readonly validation: JudgeValidation | null;
  readonly mistakes: readonly Mistake[];
  readonly mistakeCount: number;
}

/** What is measured against what. */
export interface MeasuringOptions {
  readonly labels: LabelKind;
  readonly seed: number;
  readonly data: ValidationData;
  /** Sets of evaluations whose answers are of the kind of these; default none. */
  readonly sameKind?: readonly string[];
}

/** Measures judged rows. */
export function measureJudge(
  judge: Pick<Judge, "name" | "kind" | "hash">,
  judged: readonly JudgedExchange[],
  { labels, seed, data, sameKind = [] }: MeasuringOptions,
): Validation {
  const labelled = judged.filter((row) => row.label !== null);
  const agreement = measureAgreement(judged, labels, { seed });
  const wrong = mistakes(judged, labels);
  const standsIn = isStandIn(judge.kind, labels);
  const counts = (status: string): number => labelled.filter((row) => row.verdict.status === status).length;
  const measured = toJudgeValidation(agreement, data.name ?? data.path);
  const isByPeople = data.labeller === "people" || data.labeller === null;
  return {
    schemaVersion: VALIDATION_SCHEMA_VERSION,
    judge: { name: judge.name, kind: judge.kind, hash: judge.hash },
    data,
    labels,
    isStandIn: standsIn,
    rows: judged.length,
    apart: judged.length - labelled.length,
    invalid: counts("invalid"),
    error: counts("error"),
    cut: labelled.filter((row) => row.verdict.isCut).length,
    agreement,
    byCategory: agreementByCategory(labelled, labels, { seed }),
    validation: isByPeople && !standsIn ? { ...measured, ...(sameKind.length > 0 && { sameKind }) } : null,
    mistakes: wrong.slice(0, LISTED).map(mistakeOf),
    mistakeCount: wrong.length,
  };
}

function mistakeOf({ id, label, messages, response, verdict }: JudgedExchange): Mistake {
  return {
    id,
    kind: label === true ? "missed" : "false alarm",
    score: verdict.score,
    detail: verdict.detail ?? null,
    prompt: maskedExcerpt(messages.at(-1)?.content ?? ""),
    response: maskedExcerpt(response),
  };
}
