/** @module The errors that everything here throws on purpose, and random numbers that are functions of their key. */
export * from "./errors.js";
export { type RandomKey, SeededRandom, uniformAt } from "./random.js";
