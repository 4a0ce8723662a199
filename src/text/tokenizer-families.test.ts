import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Tokenizer } from "./tokenizer.js";
import type { JsonObject } from "./tokenizer-json.js";
import { DecodeStream } from "./tokenizer-stream.js";

// Small tokenizers built as those of Qwen2, Llama 3, Mistral and Llama 2 are, from reference/tokenizer_families_golden.py.
const golden: {
  readonly families: Readonly<
    Record<
      string,
      {
        readonly tokenizer: JsonObject;
        readonly firstIds: readonly number[];
        readonly rows: readonly {
          readonly text: string;
          readonly ids: number[];
          readonly decoded?: string;
        }[];
      }
    >
  >;
} = JSON.parse(readFileSync(new URL("../../test/golden/tokenizer-families.json", import.meta.url), "utf8"));

describe.each(Object.entries(golden.families))("a tokenizer as %s has it", (_, family) => {
  const tokenizer = new Tokenizer({ tokenizer: family.tokenizer, config: {} });

  test("has the ids of the Rust library", () => {
    const wrong = family.rows.filter(({ text, ids }) => tokenizer.encode(text).join() !== ids.join());
    expect(wrong.map(({ text, ids }) => ({ text, ids, got: tokenizer.encode(text) }))).toEqual([]);
  });

  test("has its text", () => {
    // The library reads fallback bytes with a decoder that drops U+FEFF.
    const read = (text: string) => (hasByteFallback(family.tokenizer) ? text.replaceAll("\uFEFF", "") : text);
    for (const { text, ids, decoded } of family.rows)
      expect(tokenizer.decode(ids)).toBe(read(decoded ?? text));
  });

  test("gives the same text one token at a time", () => {
    for (const { ids } of family.rows) {
      const stream = new DecodeStream(tokenizer, { skipSpecialTokens: false });
      const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
      expect(pieces.join("")).toBe(tokenizer.decode(ids));
    }
  });

  test("has the same ids segment by segment", () => {
    for (const { text, ids } of family.rows) {
      const pieces = tokenizer
        .segments(text)
        .flatMap((segment, i) => segment.id ?? tokenizer.encodeText(segment.text, { continued: i > 0 }));
      expect(pieces).toEqual(ids);
    }
  });

  test("has its first token", () => {
    expect(tokenizer.prefixIds).toEqual(family.firstIds);
  });
});

function hasByteFallback(tokenizer: JsonObject): boolean {
  return JSON.stringify(tokenizer["decoder"]).includes("ByteFallback");
}
