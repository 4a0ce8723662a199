/** @file Names of the files in an evaluation's folder. */
export const SAMPLES_FILE = "samples.jsonl";
export const REFERENCES_FILE = "references.jsonl";
export const VERDICTS_FILE = "verdicts.jsonl";
export const RESULTS_FILE = "results.json";
