import { Command } from "commander";
import { afterEach, describe, expect, test } from "vitest";
import { ConfigError } from "../core/errors.js";
import { EXIT } from "./failure.js";
import { deviceOption, integer } from "./options.js";
import { buildProgram, runProgram } from "./program.js";

afterEach(() => {
  process.exitCode = undefined;
});

/** Runs a command line against one command, gives exit code and stderr. */
async function run(argv: readonly string[], action: () => void = () => undefined) {
  const leaf = new Command("leaf")
    .requiredOption("--data <file>", "a file")
    .option("--count <n>", "a count", integer({ min: 1, max: 9 }))
    .addOption(deviceOption())
    .action(action);
  let stderr = "";
  const program = buildProgram([new Command("group").addCommand(leaf)]);
  const exitCode = await runProgram(program, argv, (text) => {
    stderr += text;
  });
  return { exitCode, stderr };
}

describe("exit codes", () => {
  test("0 when the command is done", async () => {
    expect(await run(["group", "leaf", "--data", "x"])).toEqual({ exitCode: EXIT.done, stderr: "" });
  });

  test.each([EXIT.doNotServe, EXIT.inconclusive])("%i when the command says so", async (code) => {
    const result = await run(["group", "leaf", "--data", "x"], () => {
      process.exitCode = code;
    });
    expect(result.exitCode).toBe(code);
  });

  test("2 and two lines for the user's mistakes", async () => {
    const result = await run(["group", "leaf", "--data", "x"], () => {
      throw new ConfigError("x: wrong", { hint: "right it" });
    });
    expect(result).toEqual({ exitCode: EXIT.usage, stderr: "error: x: wrong\nhint: right it\n" });
  });

  test("the stack comes with --verbose, before or after the command", async () => {
    const fail = (): never => {
      throw new ConfigError("x: wrong");
    };
    for (const argv of [
      ["--verbose", "group", "leaf", "--data", "x"],
      ["group", "leaf", "--data", "x", "--verbose"],
    ]) {
      expect((await run(argv, fail)).stderr).toMatch(/error: x: wrong\nhint: .*\n.*\n\s+at /);
    }
  });
});

describe("usage errors", () => {
  test.each([
    [["group", "leaf"], /^error: required option '--data <file>' not specified\nhint: add --help/],
    [
      ["group", "leaf", "--data", "x", "--coun", "1"],
      /^error: unknown option '--coun'\nhint: did you mean --count\?\n$/,
    ],
    [["grop"], /^error: unknown command 'grop'\nhint: did you mean group\?\n$/],
    [
      ["group", "leaf", "--data", "x", "--count", "1.5"],
      /expected a whole number from 1 to 9, got "1.5"\nhint: /,
    ],
    [["group", "leaf", "--data", "x", "--count", "10"], /from 1 to 9, got "10"/],
    [
      ["group", "leaf", "--data", "x", "--device", "cuda"],
      /--device cuda: this version has no cuda engine.*\nhint: /,
    ],
    [["group", "leaf", "--data", "x", "--device", "tpu"], /expected cpu, cuda or webgpu, got "tpu"/],
  ])("%j", async (argv, expected) => {
    const { exitCode, stderr } = await run(argv);
    expect(exitCode).toBe(EXIT.usage);
    expect(stderr).toMatch(expected);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
  });
});
