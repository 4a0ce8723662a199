import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { smolLm2TokenizerFiles } from "../../test/support/smollm2-tokenizer.js";
import { TokenizerError } from "../core/errors.js";
import { Tokenizer, wellFormed } from "./tokenizer.js";
import { DecodeStream } from "./tokenizer-stream.js";

interface Golden {
  readonly rows: readonly { readonly text: string; readonly ids: number[]; readonly decoded?: string }[];
  readonly decodeSkipSpecial: { readonly ids: number[]; readonly text: string };
  readonly vocabSize: number;
}

const files = smolLm2TokenizerFiles();
const tokenizer = new Tokenizer(files);
const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/tokenizer.json", import.meta.url), "utf8"),
) as Golden;

/** Bytes that SmolLM2's vocabulary lacks (two of them lead U+40000 to U+BFFFF) do not survive, in transformers neither. */
const LOST_CONTROLS = [0x04, 0x06, 0x13, 0x14, 0x16, 0x1d];
const survives = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0;
  return !LOST_CONTROLS.includes(code) && (code < 0x40000 || code > 0xbffff);
};
const wellFormedText = fc
  .string({ unit: "binary", maxLength: 40 })
  .map((text) => [...wellFormed(text)].filter(survives).join(""));
const promptText = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom("<|im_end|>", "<|im_start|>", "<|im_", "end|>", "\n"),
    ),
  )
  .map((parts) => parts.join(""));

describe("parity with transformers", () => {
  test.each(golden.rows)("$text", ({ text, ids, decoded }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded ?? text);
  });

  test("counts the vocabulary and skips special tokens", () => {
    expect(tokenizer.vocabSize).toBe(golden.vocabSize);
    const { ids, text } = golden.decodeSkipSpecial;
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(text);
  });

  test("drops unknown bytes before merging, so that their neighbours merge", () => {
    expect(tokenizer.encode("Ψ_\u0006're")).toEqual([153, 118, 39710, 257]);
  });
});

describe("encode", () => {
  test("round-trips well-formed text", () => {
    const roundTrip = (text: string): void => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    };
    fc.assert(fc.property(wellFormedText, roundTrip), { seed: 1, numRuns: 500 });
  });

  test("reads lone surrogates as U+FFFD", () => {
    expect(tokenizer.encode("a\uD83Db")).toEqual(tokenizer.encode("a\uFFFDb"));
    expect(tokenizer.encode("\uDE00\uD83D")).toEqual(tokenizer.encode("\uFFFD\uFFFD"));
  });

  test("takes time linear in long repeats", () => {
    tokenizer.encode("a".repeat(1000));
    const start = performance.now();
    expect(tokenizer.encode("ab".repeat(20_000)).length).toBeGreaterThan(1000);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe("encodeText", () => {
  const controlIds = new Set([...tokenizer.controlTokens.values()].map((token) => token.id));

  test("never gives a control token, and loses no text", () => {
    const isPlain = (text: string): void => {
      const ids = tokenizer.encodeText(text);
      expect(ids.filter((id) => controlIds.has(id))).toEqual([]);
      expect(tokenizer.decode(ids)).toBe(text);
    };
    fc.assert(fc.property(promptText, isPlain), { seed: 2, numRuns: 300 });
  });

  test("equals encode where the text names no special token", () => {
    const rows = golden.rows.filter(({ text }) =>
      tokenizer.segments(text).every((segment) => segment.id === null),
    );
    for (const { text, ids } of rows) {
      expect(tokenizer.encodeText(text)).toEqual(ids);
      expect(tokenizer.encodeText(text, { continued: true })).toEqual(ids);
    }
  });
});

test("segments cuts at control tokens only", () => {
  expect(tokenizer.segments("a<|im_end|>\n<|im_start|>")).toEqual([
    { text: "a", id: null },
    { text: "<|im_end|>", id: 2 },
    { text: "\n", id: null },
    { text: "<|im_start|>", id: 1 },
  ]);
});

test("segments gives a token the white space that it claims", () => {
  const added = [
    { id: 2, content: "<|im_end|>", special: true, lstrip: true, rstrip: true, normalized: false },
  ];
  const stripping = new Tokenizer({ ...files, tokenizer: { ...files.tokenizer, added_tokens: added } });
  expect(stripping.segments("a \n<|im_end|>\n b").map(({ text }) => text)).toEqual(["a", "<|im_end|>", "b"]);
});

test("finds the BOS that the files put before a text", () => {
  expect(tokenizer.prefixIds).toEqual([]);
  const config = { ...files.config, bos_token: { content: "<|im_start|>" }, add_bos_token: true };
  expect(new Tokenizer({ ...files, config }).prefixIds).toEqual([1]);
});

describe("DecodeStream", () => {
  const anyIds = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 30 });

  test("gives the text of all ids, whatever they are", () => {
    const equalsDecode = (ids: number[], skipSpecialTokens: boolean): void => {
      const stream = new DecodeStream(tokenizer, { skipSpecialTokens });
      const pieces = ids.map((id) => stream.push(id)).join("") + stream.end();
      expect(pieces).toBe(tokenizer.decode(ids, { skipSpecialTokens }));
    };
    fc.assert(fc.property(anyIds, fc.boolean(), equalsDecode), { seed: 3, numRuns: 300 });
  });

  test("holds a character back until it is whole", () => {
    const stream = new DecodeStream(tokenizer);
    const pieces = tokenizer.encode("𓀀!").map((id) => stream.push(id));
    expect(pieces.filter((piece) => piece !== "")).toEqual(["𓀀", "!"]);
  });
});

test("refuses files that are not a tokenizer", () => {
  expect(() => new Tokenizer({ tokenizer: {}, config: {} })).toThrow(TokenizerError);
  const unknown = { ...files.tokenizer, pre_tokenizer: { type: "Nonesuch" } };
  expect(() => new Tokenizer({ tokenizer: unknown, config: {} })).toThrow(/Nonesuch/);
});
