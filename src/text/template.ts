/**
 * @file How a conversation becomes text. `chat` is the model's own Jinja template; `alpaca` is the prompt of Stanford
 * Alpaca as Alpaca-LoRA and the paper use it; `none` joins the contents. The text carries the control tokens by name.
 */
import { ConfigError, TokenizerError } from "../core/errors.js";
import { hashJson, sha256 } from "../core/hash.js";
import { BoundedTemplate, templateRefusal } from "./bounded-template.js";
import type { Message, TemplateName } from "./messages.js";
import { TEMPLATE_DATE } from "./template-date.js";
import { type JsonObject, namedToken } from "./tokenizer-json.js";

/** A way of writing conversations. */
export interface PromptTemplate {
  readonly name: TemplateName;
  /** sha256 over the template's text, the tokens it puts in, and the day it sees where it asks for one. */
  readonly hash: string;
  /** Everything up to where the model starts to write. */
  renderPrompt(messages: readonly Message[]): string;
  /** The whole conversation, ended as the model should end it. */
  renderConversation(messages: readonly Message[]): string;
}

/** What templates are made from. */
export interface TemplateSource {
  /** Jinja text; null when the checkpoint has none. */
  readonly chatTemplate: string | null;
  /** Content of tokenizer_config.json: names bos_token, eos_token and others. */
  readonly config: JsonObject;
}

/**
 * The template of that name.
 * @throws ConfigError when `chat` is asked of a checkpoint without a chat template
 * @throws TokenizerError when the chat template does not parse; rendering throws it for conversations that the template
 *   refuses, and for templates that do too much
 */
export function promptTemplate(name: TemplateName, source: TemplateSource): PromptTemplate {
  if (name === "alpaca") return alpacaTemplate(namedToken(source.config, "eos_token") ?? "");
  if (name === "none") return plainTemplate(namedToken(source.config, "eos_token") ?? "");
  if (source.chatTemplate === null) {
    throw new ConfigError("--template chat: expected a model with a chat template, got one without", {
      hint: "choose --template alpaca or --template none",
    });
  }
  return chatTemplate(source.chatTemplate, source.config);
}

const CHAT_TOKENS = ["bos_token", "eos_token", "pad_token", "unk_token"];

function chatTemplate(text: string, config: JsonObject): PromptTemplate {
  const template = parseTemplate(text);
  const tokens = Object.fromEntries(CHAT_TOKENS.map((name) => [name, namedToken(config, name) ?? undefined]));
  const render = (messages: readonly Message[], addGenerationPrompt: boolean): string =>
    renderTemplate(template, messages, { ...tokens, add_generation_prompt: addGenerationPrompt });
  return {
    name: "chat",
    hash: hashJson({ text, tokens, ...(text.includes("strftime_now") && { today: TEMPLATE_DATE }) }),
    renderPrompt: (messages) => render(messages, true),
    renderConversation: (messages) => render(messages, false),
  };
}

function parseTemplate(text: string): BoundedTemplate {
  try {
    return new BoundedTemplate(text);
  } catch (cause) {
    if (cause instanceof TokenizerError) throw cause;
    throw new TokenizerError(`chat template: does not parse: ${reasonOf(cause)}`, {
      hint: "choose --template alpaca or none, or mend chat_template",
      cause,
    });
  }
}

function renderTemplate(
  template: BoundedTemplate,
  messages: readonly Message[],
  variables: Readonly<Record<string, unknown>>,
): string {
  try {
    return template.render({ ...variables, messages }, messages.length);
  } catch (cause) {
    throw cause instanceof TokenizerError ? cause : templateRefusal(reasonOf(cause), cause);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

const ALPACA_WITHOUT_INPUT =
  "Below is an instruction that describes a task. Write a response that appropriately completes the request.";
const ALPACA_WITH_INPUT =
  "Below is an instruction that describes a task, paired with an input that provides further context. " +
  "Write a response that appropriately completes the request.";

/**
 * Alpaca's prompt (Taori et al. 2023; text as in alpaca-lora's `templates/alpaca.json`).
 * @param input further context; empty for none
 */
function alpacaPrompt(instruction: string, input: string): string {
  return input === ""
    ? `${ALPACA_WITHOUT_INPUT}\n\n### Instruction:\n${instruction}\n\n### Response:\n`
    : `${ALPACA_WITH_INPUT}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:\n`;
}

function alpacaTemplate(endOfText: string): PromptTemplate {
  const renderPrompt = (messages: readonly Message[]): string => {
    const [instruction, input, ...more] = messages;
    const isUsers = messages.every((message) => message.role === "user");
    if (instruction === undefined || more.length > 0 || !isUsers) throw alpacaShapeError(messages);
    return alpacaPrompt(instruction.content, input?.content ?? "");
  };
  return {
    name: "alpaca",
    hash: hashJson({
      alpaca: sha256(alpacaPrompt("instruction", "") + alpacaPrompt("instruction", "input")),
      endOfText,
    }),
    renderPrompt,
    renderConversation: (messages) => {
      const answer = messages.at(-1);
      if (answer?.role !== "assistant") throw alpacaShapeError(messages);
      return renderPrompt(messages.slice(0, -1)) + answer.content + endOfText;
    },
  };
}

function alpacaShapeError(messages: readonly Message[]): TokenizerError {
  const roles = messages.map((message) => message.role).join(", ");
  return new TokenizerError(
    `--template alpaca: expected one user message (the instruction), or two (instruction and input), got ${roles || "none"}`,
    {
      hint: "Alpaca's prompt has no place for a system prompt or earlier turns; use --template chat for those",
    },
  );
}

function plainTemplate(endOfText: string): PromptTemplate {
  const ends = { system: "\n\n", user: "", assistant: endOfText };
  const render = (messages: readonly Message[]): string =>
    messages.map((message) => message.content + ends[message.role]).join("");
  return { name: "none", hash: hashJson({ plain: ends }), renderPrompt: render, renderConversation: render };
}
