import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { TokenizerError } from "../core/errors.js";
import { PrecompiledCharsmap } from "./precompiled-charsmap.js";
import { Tokenizer } from "./tokenizer.js";
import type { JsonObject } from "./tokenizer-json.js";

// DeBERTa-v3's kind of tokenizer in the two ways that checkpoints carry it, from reference/unigram_golden.py.
const golden: {
  readonly families: Readonly<
    Record<
      string,
      {
        readonly tokenizer: JsonObject;
        readonly rows: readonly { readonly text: string; readonly ids: readonly number[] }[];
      }
    >
  >;
} = JSON.parse(readFileSync(new URL("../../test/golden/tokenizer-unigram.json", import.meta.url), "utf8"));

const CONTROL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"];

describe.each(Object.entries(golden.families))("a Unigram tokenizer of %s", (_, family) => {
  const tokenizer = new Tokenizer({ tokenizer: family.tokenizer, config: {} });
  const whole = (ids: readonly number[]) => [...tokenizer.prefixIds, ...ids, ...tokenizer.suffixIds];
  const hasControl = (text: string) => CONTROL.some((token) => text.includes(token));

  test("has the ids of the Rust library between [CLS] and [SEP]", () => {
    expect([tokenizer.prefixIds, tokenizer.suffixIds]).toEqual([[1], [2]]);
    const wrong = family.rows.filter(({ text, ids }) => whole(tokenizer.encode(text)).join() !== ids.join());
    expect(wrong.map(({ text, ids }) => ({ text, ids, got: whole(tokenizer.encode(text)) }))).toEqual([]);
  });

  test("has the same ids where no special token is looked for", () => {
    const plain = family.rows.filter(({ text }) => !hasControl(text));
    expect(plain.length).toBeGreaterThan(150);
    for (const { text, ids } of plain) expect(whole(tokenizer.encodeText(text))).toEqual(ids);
  });

  test("reads control tokens that people write as characters", () => {
    for (const token of CONTROL) {
      expect(tokenizer.encode(token)).toEqual([tokenizer.tokenId(token)]);
      const ids = tokenizer.encodeText(`x ${token} y`);
      // 3 stands for characters that the vocabulary lacks, too.
      expect(ids.filter((id) => id !== 3 && tokenizer.controlTokens.has(tokenizer.decode([id])))).toEqual([]);
      expect(ids.length).toBeGreaterThan(5);
    }
  });
});

test("a map that is cut is refused", () => {
  const bytes = Buffer.from([16, 0, 0, 0, 1, 2, 3, 4]);
  expect(() => new PrecompiledCharsmap(bytes.toString("base64"))).toThrow(TokenizerError);
  expect(() => new PrecompiledCharsmap("")).toThrow(/expected precompiled_charsmap/);
});
