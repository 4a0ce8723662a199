/**
 * @module Intervals and tests for shares and means: Wilson, Student's t, clustered, bootstrap, paired differences,
 * non-inferiority, McNemar, Holm, power and samples still needed; a judge's error in a share (Rogan-Gladen, prediction-powered),
 * agreement with labels; loops of tokens; BLEU, ROUGE and distinct-n.
 */
export * from "./agreement.js";
export * from "./bert-score.js";
export * from "./binary-metrics.js";
export { type BleuCounts, bleuCounts, bleuInterval, corpusBleu, sentenceBleu, tokenize13a } from "./bleu.js";
export * from "./bootstrap.js";
export { bootstrapStatistic } from "./bootstrap-statistic.js";
export { clusteredMean, clusteredShare } from "./clustered.js";
export { distinct, distinctInterval } from "./distinct.js";
export * from "./intervals.js";
export * from "./judge-error.js";
export * from "./logistic-regression.js";
export { findLoop, type Loop } from "./loops.js";
export * from "./mcnemar.js";
export * from "./paired.js";
export * from "./power.js";
export * from "./prediction-powered.js";
export * from "./probabilities.js";
export * from "./quantiles.js";
export { type Rouge, type RougeScore, rouge } from "./rouge.js";
