import { expect, test } from "vitest";
import type { BuiltPair, PairKind } from "../data/pairs.js";
import { divide } from "./pairs.js";

const pair = (kind: PairKind, id: number): BuiltPair => ({
  id: `${kind}/${id}`,
  kind,
  prompt: [{ role: "user", content: `prompt ${id}` }],
  chosen: [{ role: "assistant", content: "yes" }],
  rejected: [{ role: "assistant", content: "no" }],
});

test("trains on as many pairs of each kind as were asked for and holds out the rest", () => {
  const all = [
    pair("safety", 1),
    pair("harmless", 1),
    pair("safety", 2),
    pair("harmless", 2),
    pair("safety", 3),
  ];
  const { pairs, heldOut } = divide(all, { safety: 2, harmless: 1 });
  expect(pairs.map(({ id }) => id)).toEqual(["safety/1", "harmless/1", "safety/2"]);
  expect(heldOut.map(({ id }) => id)).toEqual(["harmless/2", "safety/3"]);
});

test("a shortage costs what is held out first", () => {
  const { pairs, heldOut } = divide([pair("safety", 1)], { safety: 2, harmless: 2 });
  expect(pairs).toHaveLength(1);
  expect(heldOut).toEqual([]);
});
