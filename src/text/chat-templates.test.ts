import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { TokenizerError } from "../core/errors.js";
import type { Message } from "./messages.js";
import { promptTemplate } from "./template.js";

// What transformers renders, from reference/templates_golden.py; null where the template refuses the conversation.
const golden: {
  readonly tokens: Readonly<Record<string, string>>;
  readonly conversations: readonly (readonly Message[])[];
  readonly templates: Readonly<
    Record<
      string,
      {
        readonly template: string;
        readonly prompts: readonly (string | null)[];
        readonly conversations: readonly (string | null)[];
      }
    >
  >;
} = JSON.parse(readFileSync(new URL("../../test/golden/chat-templates.json", import.meta.url), "utf8"));

/** Dates are those of the day. */
const undated = (text: string | null): string | null =>
  text?.replace(/Today Date: \d\d [A-Z][a-z]{2} \d{4}/, "Today Date: day") ?? null;

function rendered(render: () => string): string | null {
  try {
    return undated(render());
  } catch (error) {
    if (error instanceof TokenizerError) return null;
    throw error;
  }
}

describe.each(Object.entries(golden.templates))("the template of %s", (_, known) => {
  const template = promptTemplate("chat", { chatTemplate: known.template, config: golden.tokens });

  test("renders prompts and conversations as transformers does", () => {
    golden.conversations.forEach((messages, n) => {
      expect(rendered(() => template.renderPrompt(messages))).toBe(undated(known.prompts[n] ?? null));
      expect(rendered(() => template.renderConversation(messages))).toBe(
        undated(known.conversations[n] ?? null),
      );
    });
  });
});

test("the golden has conversations that are refused, and ones that are not", () => {
  const counts = Object.values(golden.templates).map(
    ({ prompts }) => prompts.filter((p) => p === null).length,
  );
  expect(Math.max(...counts)).toBeGreaterThan(0);
  expect(Math.max(...counts)).toBeLessThan(golden.conversations.length);
});
