import { StringDecoder } from "node:string_decoder";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type TextPieces, TextStream } from "./text-stream.js";

/** Token n is the byte n, so characters and stop texts lie across tokens. */
function bytes(): TextPieces {
  const decoder = new StringDecoder("utf8");
  return { push: (id) => decoder.write(Buffer.of(id)), end: () => decoder.end() };
}

function stream(text: string, stops: readonly string[]) {
  const stream = new TextStream(bytes(), stops);
  const pieces: string[] = [];
  for (const byte of Buffer.from(text)) {
    pieces.push(stream.push(byte));
    if (stream.isStopped) break;
  }
  pieces.push(stream.finish());
  return { pieces, result: stream.result() };
}

test("gives out whole characters only", () => {
  const { pieces } = stream("aé€😀.", []);
  expect(pieces.filter((piece) => piece !== "")).toEqual(["a", "é", "€", "😀", "."]);
});

test("pieces add up to the text before the first stop text, whatever the text", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", "\n", "c"), maxLength: 40 });
  const stops = fc.array(
    fc.string({ unit: fc.constantFrom("a", "b", "é", "\n"), minLength: 1, maxLength: 3 }),
    {
      maxLength: 3,
    },
  );
  const property = fc.property(text, stops, (whole, ends) => {
    const { pieces, result } = stream(whole, ends);
    const found = ends.map((end) => whole.indexOf(end)).filter((at) => at >= 0);
    // Of two stop texts the one completed first ends the answer, not the one that begins first.
    const completed = ends
      .filter((end) => whole.includes(end))
      .map((end) => ({ at: whole.indexOf(end), end: whole.indexOf(end) + end.length }))
      .sort((a, b) => a.end - b.end || a.at - b.at)[0];
    expect(result.text).toBe(found.length === 0 ? whole : whole.slice(0, completed?.at));
    expect(pieces.join("")).toBe(result.text);
    expect(Buffer.from(result.tokenIds).toString().startsWith(result.text)).toBe(true);
  });
  fc.assert(property, { numRuns: 500, seed: 2 });
});

test("keeps the token in which the stop text begins, none after it", () => {
  const words = ["one", " two\n", "\nthree", " four"];
  const stream = new TextStream({ push: (id) => words[id] ?? "", end: () => "" }, ["\n\n"]);
  for (const id of [0, 1, 2]) stream.push(id);
  expect(stream.isStopped).toBe(true);
  expect(stream.result()).toEqual({ text: "one two", tokenIds: [0, 1] });
});

test("text that never becomes whole is given out at the end", () => {
  const stream = new TextStream(bytes(), []);
  stream.push(0xe2);
  expect(stream.finish()).toBe("\ufffd");
});
