import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { numberedModel } from "./train-raft.js";

test("models come with the number behind the last equals sign, or the default", () => {
  const parse = numberedModel(0.5);
  expect(parse("a/b=0.25", [])).toEqual([{ path: "a/b", number: 0.25 }]);
  expect(parse("./x=y=-1", [{ path: "z", number: 1 }])).toEqual([
    { path: "z", number: 1 },
    { path: "./x=y", number: -1 },
  ]);
  expect(parse("plain", [])).toEqual([{ path: "plain", number: 0.5 }]);
  for (const bad of ["a=", "a=b", "a=NaN", ""]) expect(() => parse(bad, [])).toThrow(InvalidArgumentError);
});
