/** @file Which DPO loss, with which constants; checked once, so that no option is silently without effect. */
import { ConfigError } from "../../core/errors.js";

/** The losses by TRL's names. */
export const DPO_LOSSES = ["sigmoid", "ipo", "sigmoid_norm", "robust"] as const;
/** Name of a DPO loss. */
export type DpoLossName = (typeof DPO_LOSSES)[number];

/** A DPO loss and its constants. */
export interface DpoLossOptions {
  readonly loss: DpoLossName;
  /** > 0; larger stays nearer the reference (usual 0.1–0.5). */
  readonly beta: number;
  /** Assumed share of swapped preferences, in [0, 0.5); read by sigmoid (conservative DPO) and robust. */
  readonly labelSmoothing: number;
  /** Weight of the token-mean cross-entropy on chosen answers; ≥ 0. */
  readonly nllWeight: number;
}

/** Returns the options when they make sense. @throws ConfigError otherwise */
export function checkDpoOptions(options: DpoLossOptions): DpoLossOptions {
  const { loss, beta, labelSmoothing, nllWeight } = options;
  if (!DPO_LOSSES.includes(loss)) fail("--loss", `one of ${DPO_LOSSES.join(", ")}`, loss);
  if (!(beta > 0) || !Number.isFinite(beta)) fail("--beta", "a number above 0", beta);
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5))
    fail("--label-smoothing", "a number in [0, 0.5)", labelSmoothing);
  if (!(nllWeight >= 0) || !Number.isFinite(nllWeight))
    fail("--nll-weight", "a number of at least 0", nllWeight);
  if (labelSmoothing > 0 && loss !== "sigmoid" && loss !== "robust") {
    fail("--label-smoothing", `0 with --loss ${loss}, which has no such term`, labelSmoothing);
  }
  return options;
}

function fail(flag: string, expected: string, got: number | string): never {
  throw new ConfigError(`${flag}: expected ${expected}, got ${got}`);
}
