/**
 * @module Intervals and tests for shares and means: Wilson, Student's t, clustered, bootstrap, paired differences,
 * non-inferiority, McNemar, Holm, power and samples still needed; loops of tokens.
 */
export * from "./bootstrap.js";
export { clusteredMean } from "./clustered.js";
export * from "./intervals.js";
export { findLoop, type Loop } from "./loops.js";
export * from "./mcnemar.js";
export * from "./paired.js";
export * from "./power.js";
export * from "./probabilities.js";
export * from "./quantiles.js";
