import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GenerationError } from "../core/errors.js";
import { type Identity, runStages, type Stage, type StageNotice, StudyFile } from "./run.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "safe-to-serve-study-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const IDENTITY: Identity = { recipe: { seed: 1, sit: { train: { learningRate: 0.1 } } } };

/** Stages that write a file each; `failing` dies in the middle, as a kill would. */
function stages(ran: string[], failing?: string): Stage[] {
  return ["a", "b", "c"].map((name) => ({
    name,
    plan: () => `plan of ${name}`,
    isDone: () => existsSync(join(folder, name)),
    run: async () => {
      ran.push(name);
      if (name === failing) throw new GenerationError("killed");
      writeFileSync(join(folder, name), "");
      return { from: name };
    },
  }));
}

async function attempt(failing?: string): Promise<{ ran: string[]; notices: StageNotice[] }> {
  const [ran, notices]: [string[], StageNotice[]] = [[], []];
  const file = await StudyFile.claim(folder, IDENTITY, {});
  const observer = { onStage: (notice: StageNotice) => notices.push(notice) };
  await runStages(stages(ran, failing), file, observer).catch((error: unknown) => {
    if (!(error instanceof GenerationError)) throw error;
  });
  return { ran, notices };
}

describe("runStages", () => {
  test("goes on with the stage that was interrupted, and with none twice", async () => {
    expect((await attempt("b")).ran).toEqual(["a", "b"]);
    const second = await attempt();
    expect(second.ran).toEqual(["b", "c"]);
    expect(second.notices.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "a was-done",
      "b begins",
      "b ended",
      "c begins",
      "c ended",
    ]);
    expect(second.notices[1]).toMatchObject({ index: 2, of: 3, plan: "plan of b" });
    expect((await attempt()).ran).toEqual([]);
  });

  test("a stage whose output came about but was not recorded runs again", async () => {
    await attempt("b");
    writeFileSync(join(folder, "b"), "half");
    expect((await attempt()).ran).toEqual(["b", "c"]);
  });

  test("what follows a stage that had to run again runs again too", async () => {
    await attempt();
    rmSync(join(folder, "b"));
    expect((await attempt()).ran).toEqual(["b", "c"]);
  });

  test("records results and time in study.json", async () => {
    await attempt();
    const state = JSON.parse(readFileSync(join(folder, "study.json"), "utf8"));
    expect(state.identity).toEqual(IDENTITY);
    expect(state.stages.b).toMatchObject({ result: { from: "b" }, seconds: expect.any(Number) });
  });

  test("stops between stages when told to", async () => {
    const file = await StudyFile.claim(folder, IDENTITY, {});
    const ran: string[] = [];
    const signal = AbortSignal.abort(new GenerationError("interrupted"));
    await expect(runStages(stages(ran), file, {}, signal)).rejects.toThrow("interrupted");
    expect(ran).toEqual([]);
  });
});

describe("StudyFile.claim", () => {
  test("refuses another recipe in one line that names what differs", async () => {
    await StudyFile.claim(folder, IDENTITY, {});
    const other = { sets: 2, recipe: { seed: 2, sit: { train: { learningRate: 0.1, epochs: 3 } } } };
    await expect(StudyFile.claim(folder, other, {})).rejects.toMatchObject({
      name: "ConfigError",
      message: expect.stringMatching(
        /got another: recipe\.seed 1 there, 2 asked; recipe\.sit\.train\.epochs absent there, 3 asked$/,
      ),
      hint: expect.stringContaining("--out"),
    });
  });

  test("takes the same recipe whatever the order of its keys", async () => {
    await StudyFile.claim(folder, { a: 1, b: { c: [1, 2] } }, {});
    await expect(
      StudyFile.claim(folder, { b: { c: [1, 2] }, a: 1 }, { machine: "other" }),
    ).resolves.toBeDefined();
  });
});
