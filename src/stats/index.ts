/** @module Intervals and tests for shares and means: Wilson, Student's t, paired differences, McNemar, Holm. */
export * from "./intervals.js";
export * from "./mcnemar.js";
export * from "./paired.js";
export * from "./quantiles.js";
