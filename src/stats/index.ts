/** @module Intervals and tests for shares and means: Wilson, Student's t, paired differences, McNemar, Holm; loops of tokens. */
export * from "./intervals.js";
export { findLoop, type Loop } from "./loops.js";
export * from "./mcnemar.js";
export * from "./paired.js";
export * from "./quantiles.js";
