import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { refusalMatcher } from "../../judges/refusal-matcher.js";
import { wilson } from "../../stats/intervals.js";
import { mcnemarExact } from "../../stats/mcnemar.js";
import type { Message } from "../../text/messages.js";
import { MockChatModel } from "../../text/mock-chat-model.js";
import { type Evaluation, readEvaluation } from "../read.js";
import { evaluate } from "../run.js";
import { suite } from "../tasks/suites.js";
import { type Sweep, sumUpSweep } from "./table.js";
import { askIn, variantModel } from "./variant-model.js";
import { fillPrompt, loadSweep, type Variant } from "./variants.js";

const root = mkdtempSync(join(tmpdir(), "sweep-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const REFUSAL = "I'm sorry, but I can't help with that.";
const VARIANTS: readonly Variant[] = [
  { name: "plain" },
  { name: "around", prompt: "{prompt} Please." },
  { name: "system", system: "Be brief." },
];

/** Refuses two thirds of the prompts by their length, so other ones with something around them; a system prompt changes nothing. */
function respond(messages: readonly Message[]): string {
  const text = messages.at(-1)?.content ?? "";
  return text.length % 3 === 0 ? "Sure, here it is." : REFUSAL;
}

let sweeps = 0;

async function swept(repeats = 1): Promise<{ sweep: Sweep; evaluations: Evaluation[] }> {
  const folder = join(root, `sweep-${sweeps++}`);
  const model = new MockChatModel({ respond });
  const evaluations: Evaluation[] = [];
  for (const variant of VARIANTS) {
    const out = join(folder, variant.name);
    await evaluate({
      model: variantModel(model, variant),
      judges: [refusalMatcher()],
      tasks: suite("demo"),
      out,
      repeats,
      sampling: { temperature: repeats > 1 ? 1 : 0 },
    });
    evaluations.push(readEvaluation(out));
  }
  return { sweep: sumUpSweep(VARIANTS, evaluations), evaluations };
}

test("sums up by set: shares, paired changes against plain, and the worst over variants", async () => {
  const { sweep, evaluations } = await swept();
  const row = sweep.rows.find(({ name }) => name === "I-CoNa");
  const answered = evaluations.map(({ samples }) =>
    samples.filter(({ task, response }) => task === "I-CoNa" && response !== REFUSAL).map(({ id }) => id),
  );
  const [plain = [], around = []] = answered;
  const newly = plain.filter((id) => !around.includes(id)).length;
  const noLonger = around.filter((id) => !plain.includes(id)).length;
  expect(newly + noLonger).toBeGreaterThan(3);
  expect(row).toMatchObject({ judge: "refusal-matcher", share: "refused", fault: "not refused" });
  expect(row?.variants[0]).toMatchObject({
    share: wilson(40 - plain.length, 40),
    change: null,
    pValue: null,
  });
  expect(row?.variants[1]).toMatchObject({
    share: wilson(40 - around.length, 40),
    change: { value: (newly - noLonger) / 40, n: 40 },
    newly,
    noLonger,
    pValue: mcnemarExact(newly, noLonger),
  });
  expect(row?.variants[2]).toMatchObject({ newly: 0, noLonger: 0, pValue: 1, pValueHolm: 1 });
  expect(row?.worst).toMatchObject({ ...wilson(new Set([...plain, ...around]).size, 40), unscored: 0 });
  const harmless = sweep.rows.find(({ name }) => name === "xstest-safe");
  expect(harmless?.fault).toBe("refused");
});

test("journals keep the plain prompt, and folders of two variants are not mixed up", async () => {
  const { evaluations } = await swept();
  const [plain, around] = evaluations;
  const questions = (each: Evaluation | undefined) => each?.samples.map(({ messages }) => messages);
  expect(questions(around)).toEqual(questions(plain));
  expect(new Set(evaluations.map(({ manifest }) => manifest.modelHash)).size).toBe(3);
  expect(around?.results.notes.join()).toMatch(/variant around: prompt changed/);
});

test("several answers a prompt: means of prompts are paired, and one answer at fault is enough for the worst", async () => {
  const { sweep } = await swept(2);
  const single = (await swept()).sweep;
  const [row, one] = [sweep.rows[0], single.rows[0]];
  expect(row?.variants[1]?.change).toMatchObject({
    value: one?.variants[1]?.change?.value,
    method: "paired-t",
  });
  expect(row?.variants[1]?.pValue).toBeNull();
  expect(row?.worst).toEqual(one?.worst);
});

test("a variant changes the last message and the system prompt, whatever the prompt holds", () => {
  const messages = [
    { role: "system", content: "Old." },
    { role: "user", content: "$& {prompt} ünï" },
  ] as const;
  expect(askIn({ name: "v", prompt: "<{prompt}>", system: "New." }, messages)).toEqual([
    { role: "system", content: "New." },
    { role: "user", content: "<$& {prompt} ünï>" },
  ]);
  expect(Buffer.from(fillPrompt("{base64}", "ünï"), "base64").toString()).toBe("ünï");
  const model = new MockChatModel();
  expect(variantModel(model, { name: "warm", temperature: 1 })).toBe(model);
});

test("the bundled sweep has a plain variant first and a source for every wording", () => {
  const variants = loadSweep("default");
  expect(variants[0]).toEqual({ name: "plain" });
  expect(variants.length).toBeGreaterThan(6);
  for (const { system, prompt, source } of variants)
    expect(source === undefined).toBe(system === undefined && prompt === undefined);
});

test.each([
  ["variants: []", /expected a list, got an empty list/],
  ["variants: [{name: a}]", /expected a temperature, a system prompt or a prompt, got none/],
  ["variants: [{name: plain, temperature: 1}]", /another name than plain/],
  ["variants: [{name: ../up, temperature: 1}]", /a name of letters/],
  ["variants: [{name: a, prompt: no place}]", /with \{prompt\} or \{base64\} once, got 0/],
  ["variants: [{name: a, temperature: 1}, {name: a, temperature: 2}]", /names that differ, got a twice/],
  ["variants: [{name: a, temprature: 1}]", /expected a known key, got temprature/],
])("refuses the file %s", (content, message) => {
  const file = join(root, "sweep.yaml");
  writeFileSync(file, content);
  expect(() => loadSweep(file)).toThrow(message);
});
