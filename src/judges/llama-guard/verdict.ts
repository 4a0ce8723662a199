/** @file What Llama Guard wrote: `safe`, or `unsafe` and a line of categories. Anything else is no verdict. */
import type { GuardFormat } from "./format.js";

/** A verdict as it was written. */
export type WrittenVerdict =
  | { readonly label: "safe" }
  | { readonly label: "unsafe"; readonly categories: readonly string[] };

/**
 * Reads an answer; null for anything but the format's two shapes: another word, more words, no category, a category of another
 * version.
 */
export function readVerdict(text: string, { categories }: GuardFormat): WrittenVerdict | null {
  const [label, ...rest] = text.trim().split("\n");
  if (label === "safe") return rest.length === 0 ? { label } : null;
  if (label !== "unsafe" || rest.length !== 1) return null;
  const named = (rest[0] as string).split(",").map((code) => code.trim());
  const known = new Set(categories.map(({ code }) => code));
  return named.every((code) => known.has(code)) ? { label, categories: named } : null;
}
