import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { smolLm2TokenizerFiles } from "../../test/support/smollm2-tokenizer.js";
import { ConfigError, TokenizerError } from "../core/errors.js";
import type { Message } from "./messages.js";
import { promptTemplate } from "./template.js";

interface Chat {
  readonly messages: Message[];
  readonly addGenerationPrompt: boolean;
  readonly text: string;
}

const files = smolLm2TokenizerFiles();
const { chats } = JSON.parse(
  readFileSync(new URL("../../test/golden/tokenizer.json", import.meta.url), "utf8"),
) as { chats: Chat[] };
const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

describe("chat", () => {
  test.each(chats)(
    "renders as transformers does: $messages.length messages, prompt $addGenerationPrompt",
    (chat) => {
      const template = promptTemplate("chat", files);
      const render = chat.addGenerationPrompt ? template.renderPrompt : template.renderConversation;
      expect(render(chat.messages)).toBe(chat.text);
    },
  );

  test("gives the template the tokens that the config names", () => {
    const chatTemplate =
      "{{ bos_token }}{% for m in messages %}{{ m.content | trim }}{{ eos_token }}{% endfor %}";
    const config = { bos_token: { content: "<s>" }, eos_token: "</s>" };
    expect(promptTemplate("chat", { chatTemplate, config }).renderPrompt([user(" a ")])).toBe("<s>a</s>");
  });

  test("turns the template's refusal into an error with a hint", () => {
    const chatTemplate = "{{ raise_exception('System role not supported') }}";
    const template = promptTemplate("chat", { chatTemplate, config: {} });
    expect(() => template.renderPrompt([user("a")])).toThrow(
      /refuses this conversation.*System role not supported/,
    );
  });

  test("names the choices when the model has no template", () => {
    const missing = { chatTemplate: null, config: {} };
    expect(() => promptTemplate("chat", missing)).toThrow(ConfigError);
    expect(() => promptTemplate("chat", { chatTemplate: "{% if %}", config: {} })).toThrow(TokenizerError);
  });

  test("hashes differ with the text and with the tokens", () => {
    const hashes = [
      promptTemplate("chat", files).hash,
      promptTemplate("chat", { ...files, chatTemplate: `${files.chatTemplate} ` }).hash,
      promptTemplate("chat", { ...files, config: { ...files.config, eos_token: "</s>" } }).hash,
      promptTemplate("alpaca", files).hash,
      promptTemplate("none", files).hash,
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe("alpaca", () => {
  const template = promptTemplate("alpaca", files);

  test("is Alpaca's prompt, without and with input", () => {
    expect(template.renderPrompt([user("Add.")])).toBe(
      "Below is an instruction that describes a task. Write a response that appropriately completes the request." +
        "\n\n### Instruction:\nAdd.\n\n### Response:\n",
    );
    expect(template.renderPrompt([user("Add."), user("1 2")])).toBe(
      "Below is an instruction that describes a task, paired with an input that provides further context. Write a " +
        "response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n",
    );
  });

  test("ends the answer with the end-of-text token", () => {
    expect(template.renderConversation([user("Add."), assistant("3")])).toMatch(
      /### Response:\n3<\|im_end\|>$/,
    );
  });

  test("refuses conversations that it has no place for", () => {
    expect(() => template.renderPrompt([])).toThrow(TokenizerError);
    expect(() => template.renderPrompt([user("a"), assistant("b"), user("c")])).toThrow(
      /got user, assistant, user/,
    );
    expect(() => template.renderPrompt([{ role: "system", content: "s" }, user("a")])).toThrow(
      TokenizerError,
    );
    expect(() => template.renderConversation([user("a")])).toThrow(TokenizerError);
  });
});

test("none joins the contents and ends answers", () => {
  const template = promptTemplate("none", files);
  expect(template.renderPrompt([{ role: "system", content: "s" }, user("a")])).toBe("s\n\na");
  expect(template.renderConversation([user("a"), assistant("b")])).toBe("ab<|im_end|>");
});
