/** @file The progress line of opening a model: downloading, hashing and converting, one line after the other. */
import type { OnProgress, OpenProgress } from "../models/hub/progress.js";
import { type Progress, progress } from "./progress.js";

const VERBS = {
  download: "fetching",
  hash: "checking",
  convert: "converting",
  quantise: "quantising",
} as const;

/** A reporter for {@link OnProgress}; call `done` once the model is open or opening failed. */
export function openProgress(silent = false): { readonly onProgress: OnProgress; done(): void } {
  let line: { readonly key: string; readonly bar: Progress; doneBytes: number } | undefined;
  const done = (): void => {
    line?.bar.done();
    line = undefined;
  };
  const onProgress = (step: OpenProgress): void => {
    const key = `${step.phase} ${step.label}`;
    if (line !== undefined && line.key !== key) done();
    line ??= { key, bar: progress({ ...lineOptions(step), silent }), doneBytes: 0 };
    line.bar.advance(step.doneBytes - line.doneBytes);
    line.doneBytes = step.doneBytes;
  };
  return { onProgress, done };
}

function lineOptions(step: OpenProgress): { label: string; unit: string; total?: number } {
  const label = `${VERBS[step.phase]} ${step.label}`;
  return step.totalBytes === null
    ? { label, unit: "bytes" }
    : { label, unit: "bytes", total: step.totalBytes };
}
