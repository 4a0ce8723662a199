/** @file Bad input that is noticed only when a model is asked: one line, one hint, exit code 2, no answer written. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { safeToServe } from "./spawn.js";
import { tinyRun } from "./tiny-run.js";

const { root, model, cache } = tinyRun();
afterAll(() => rmSync(root, { recursive: true }));

/** A copy of the tiny model with another chat template. */
function withTemplate(name: string, template: string): string {
  const folder = join(root, name);
  cpSync(model, folder, { recursive: true });
  const path = join(folder, "tokenizer_config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...config, chat_template: template }));
  return folder;
}

test.each<[string, string, string, RegExp]>([
  [
    "a prompt that is too long",
    model,
    "hello ".repeat(200),
    /prompt a: expected at most 512 tokens with its answer/,
  ],
  [
    "a template that loops for ever",
    withTemplate("loops", "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"),
    "hello",
    /chat template: expected at most \d+ steps/,
  ],
  [
    "a template that reads a file",
    withTemplate("reads", "{% include '/etc/hostname' %}"),
    "hello",
    /chat template: does not parse/,
  ],
  [
    "a template that refuses",
    withTemplate("refuses", "{{ raise_exception('no user turn, please') }}"),
    "hello",
    /chat template: refuses this conversation: no user turn, please/,
  ],
])("%s", async (name, folder, prompt, message) => {
  const prompts = join(root, "prompts.jsonl");
  writeFileSync(prompts, `${JSON.stringify({ id: "a", prompt })}\n`);
  const out = join(root, `${name}.jsonl`);
  const argv = ["generate", "--model", folder, "--prompts", prompts, "--out", out, "--max-new-tokens", "2"];
  const { code, stdout, stderr } = await safeToServe([...argv, "--json"], { cache });
  const lines = stderr.split("\n").filter((line) => line !== "");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(lines[0]).toMatch(/^error: /);
  expect(lines[0]).toMatch(message);
  expect(lines.slice(1).map((line) => line.slice(0, 6))).toEqual(["hint: "]);
  expect(existsSync(out) && readFileSync(out, "utf8") !== "").toBe(false);
});
