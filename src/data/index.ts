/** @module Data of the field: readers, columns as they are found, deduplication, mixing, contamination, pairs, packing. */
export {
  type CatalogueEntry,
  type DataFolders,
  type DatasetRole,
  loadCatalogue,
  type MayTrain,
  type ResolvedDataset,
  resolveDataset,
} from "./catalogue.js";
export { toPreferencePairs, toPromptCompletions, toPromptResponses, toPromptRows } from "./columns.js";
export {
  type BenchmarkPrompt,
  type CheckedRow,
  type ContaminationReport,
  dropContaminated,
  findContamination,
  type Overlap,
  type OverlapKind,
} from "./contamination.js";
export { type Deduped, type DedupeReport, dedupeCompletions, dedupePairs } from "./dedupe.js";
export type * from "./examples.js";
export { mixSafety, type SafetyAmount, type SafetyMix } from "./mixing.js";
export { type PackedRows, type PackingOptions, packSegments, type Segment } from "./packing.js";
export { readRows, type SourceRow } from "./readers.js";
export { type Split, type SplitOptions, splitByPrompt } from "./splits.js";
