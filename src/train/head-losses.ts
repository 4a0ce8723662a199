/**
 * @file The losses of class heads as parts of a step graph: which inputs they declare, and which scores are whose. Pairs are
 * numbered chosen 0, rejected 0, chosen 1, …
 */
import {
  gather,
  input,
  multiplyDims,
  range,
  reshape,
  type SymbolicDim,
  split,
  symbol,
  type Value,
} from "../engine/graph/ops.js";
import { classLoss } from "./losses/class.js";
import { costLoss } from "./losses/cost.js";
import { rewardLoss } from "./losses/reward.js";
import type { HeadLoss } from "./step-graph.js";

/** Bradley-Terry; declares `margins` [P] and `normaliser` [1]. */
export function rewardHeadLoss(centering: number): HeadLoss {
  return {
    ofScores: (scores) => {
      const pairs = symbol("P");
      const margins = byRow("margins", pairs);
      const [chosen, rejected] = pairScores(scores, pairs);
      return rewardLoss({ chosen, rejected, margins, normaliser: total() }, centering);
    },
  };
}

/** safe-rlhf's cost loss; declares `safer_signs`, `unsafer_signs` [P] and `normaliser` [1]. */
export function costHeadLoss(regularization: number): HeadLoss {
  return {
    ofScores: (scores) => {
      const pairs = symbol("P");
      const [saferSigns, unsaferSigns] = [byRow("safer_signs", pairs), byRow("unsafer_signs", pairs)];
      const [safer, unsafer] = pairScores(scores, pairs);
      return costLoss({ safer, unsafer, saferSigns, unsaferSigns, normaliser: total() }, regularization);
    },
  };
}

/** Weighted cross-entropy; declares `targets` [P, labels] and `normaliser` [1]. */
export const classHeadLoss: HeadLoss = {
  ofScores: (scores) => {
    const rows = symbol("P");
    const targets = input("targets", "float32", [rows, scores.shape[1] as number]);
    return classLoss({ scores: gather(scores, range(rows)), targets, normaliser: total() });
  },
};

/** The scores of a one-label head as chosen [P] and rejected [P]; an input must carry P already. */
function pairScores(scores: Value, pairs: SymbolicDim): [Value, Value] {
  const ofPairs = reshape(gather(scores, range(multiplyDims(2, pairs))), [pairs, 2]);
  const [chosen, rejected] = split(ofPairs, 1, [1, 1]) as [Value, Value];
  return [reshape(chosen, [pairs]), reshape(rejected, [pairs])];
}

function byRow(name: string, rows: SymbolicDim): Value {
  return input(name, "float32", [rows]);
}

function total(): Value {
  return input("normaliser", "float32", [1]);
}
