/**
 * @file The certificate of a run: which tokens carry loss, which rows were dropped or cut and why, whether the stop token
 * is trained. Written before the first step, for people to read.
 */
import { join } from "node:path";
import { writeJsonDurably } from "../core/files.js";
import type { ContaminationReport } from "../data/contamination.js";
import type { TrainingRow } from "./method.js";
import type { PreparationReport } from "./preparation-report.js";

/** One token of a rendered row. */
export interface CertifiedToken {
  readonly id: number;
  /** Null where the text is masked. */
  readonly text: string | null;
  /** Whether the loss trains the model to say this token; under a class head, whether the score is read there. */
  readonly loss: boolean;
}

/** A row as the model sees it. */
export interface CertifiedRow {
  readonly id: string;
  readonly sequences: readonly { readonly name: string; readonly tokens: readonly CertifiedToken[] }[];
}

/** Content of certificate.json. */
export interface Certificate {
  readonly schemaVersion: 1;
  readonly method: string;
  readonly train: PreparationReport;
  readonly evaluation: PreparationReport | null;
  /** Safety examples among the rows (SIT), null for other methods. */
  readonly mix: {
    readonly instructions: number;
    readonly safety: number;
    readonly safetyAvailable: number;
  } | null;
  readonly contamination: {
    /** Names of the evaluation sets that training prompts were checked against; empty when not checked. */
    readonly checkedAgainst: readonly string[];
    /** Evaluation sets that were not at hand. */
    readonly absent: readonly string[];
    readonly report: ContaminationReport | null;
  };
  /** Whether training is watched on held-out prompts, and if not, why. */
  readonly watch: string;
  readonly examples: readonly CertifiedRow[];
}

/** Rows rendered token by token. */
const ROWS_SHOWN = 3;

/** Writes `<run>/certificate.json`. */
export async function writeCertificate(run: string, certificate: Certificate): Promise<void> {
  await writeJsonDurably(join(run, "certificate.json"), certificate);
}

/** The first rows, token by token; texts of rejected answers are masked, and under a class head those of all answers. */
export function certifiedRows(
  rows: readonly TrainingRow[],
  textOf: (id: number) => string,
): readonly CertifiedRow[] {
  return rows.slice(0, ROWS_SHOWN).map(({ id, segment }) => ({
    id,
    sequences: segment.branches.map((branch, b) => ({
      name: sequenceName(segment.branches.length, b),
      tokens: [
        ...segment.prompt.map((token) => ({ id: token, text: textOf(token), loss: false })),
        ...branch.map((token, t) => ({
          id: token,
          text: b === 0 && segment.readsEnd !== true ? textOf(token) : null,
          loss: segment.readsEnd !== true || t === branch.length - 1,
        })),
      ],
    })),
  }));
}

function sequenceName(branches: number, branch: number): string {
  if (branches === 1) return "completion";
  return branch === 0 ? "chosen" : "rejected";
}
