import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ConfigError, DatasetError, FetchError, InternalError, TrainingError } from "../core/errors.js";
import { describeFailure, EXIT } from "./failure.js";

test("prints message and hint of the user's mistakes, one line each, exit code 2", () => {
  const error = new ConfigError("--beta: expected\n  a number, got x", { hint: "use 0.1" });
  expect(describeFailure(error)).toEqual({
    lines: ["error: --beta: expected a number, got x", "hint: use 0.1"],
    exitCode: EXIT.usage,
  });
  expect(describeFailure(new DatasetError("a.jsonl:3: no prompt")).exitCode).toBe(EXIT.usage);
});

test.each([new TrainingError("t"), new FetchError("f")])("$name is a failure, exit code 1", (error) => {
  expect(describeFailure(error)).toEqual({ lines: [`error: ${error.message}`], exitCode: EXIT.failed });
});

test("asks for a report of our own bugs, whatever was thrown", () => {
  for (const error of [new InternalError("boom"), new TypeError("boom"), "boom"]) {
    const { lines, exitCode } = describeFailure(error);
    expect(lines[0]).toBe("error: internal error: boom");
    expect(lines[1]).toMatch(/please report/);
    expect(exitCode).toBe(EXIT.failed);
  }
});

describe("files", () => {
  test("a path that does not exist is the user's to mend", () => {
    expect(describeFailure(thrownBy(() => readFileSync("/does/not/exist")))).toEqual({
      lines: [
        "error: /does/not/exist: no such file or folder (ENOENT)",
        "hint: check the path and its permissions",
      ],
      exitCode: EXIT.usage,
    });
  });
});

test("verbose adds the stack and the causes", () => {
  const error = new TrainingError("outer", { cause: new Error("inner") });
  const text = describeFailure(error, true).lines.join("\n");
  expect(text).toMatch(/error: outer\n.*outer\n\s+at /);
  expect(text).toMatch(/caused by:\nError: inner/);
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
