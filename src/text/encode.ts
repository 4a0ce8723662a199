/**
 * @file Conversations to token ids. The text that a template renders is cut at the control tokens that the template
 * itself put in; everything between, all that people and models wrote, is encoded as plain text: content that says
 * `<|im_end|>` ends no turn (docs/decisions/0012). Prompt and completion are encoded apart and joined by ids.
 */
import { TokenizerError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import type { Message } from "./messages.js";
import type { PromptTemplate } from "./template.js";
import { type Segment, type Tokenizer, wellFormed } from "./tokenizer.js";

/** What an encoder is made from. */
export interface ConversationEncoderParts {
  readonly tokenizer: Tokenizer;
  readonly template: PromptTemplate;
  /** Put before conversations that have no system message. */
  readonly system?: string | undefined;
  /** Ids that the checkpoint says end a generation. */
  readonly eosTokenIds?: readonly number[];
}

/** A prompt with its answer as token ids; the model reads the two joined. */
export interface EncodedExample {
  readonly promptIds: readonly number[];
  /** All that the template renders after the generation prompt: answer, end of turn, and what follows it. */
  readonly completionIds: readonly number[];
  /** Index in `completionIds` of the token that ends the (last) turn; generation and scoring stop with it. */
  readonly endOfTurnIndex: number;
}

/** A low surrogate on its own: not part of well-formed text, so it marks what came from content. */
const CONTENT_MARK = "\uDC00";
const CONTENT_MARKS = /\uDC00/gu;

/** Encodes conversations for one tokenizer, template and system prompt. */
export class ConversationEncoder {
  /** Hash of tokenizer, template and system prompt. */
  readonly hash: string;
  /** Ids that end a generation: the checkpoint's and the template's end of turn. */
  readonly stopIds: readonly number[];
  readonly tokenizer: Tokenizer;
  readonly template: PromptTemplate;
  private readonly system: string | undefined;
  private readonly prefixIds: readonly number[];

  /** @throws TokenizerError when the template ends an answer with no control token */
  constructor({ tokenizer, template, system, eosTokenIds = [] }: ConversationEncoderParts) {
    this.tokenizer = tokenizer;
    this.template = template;
    this.system = system;
    // A chat template writes its own BOS; the others leave it to the tokenizer.
    this.prefixIds = template.name === "chat" ? [] : tokenizer.prefixIds;
    this.hash = hashJson({ tokenizer: tokenizer.hash, template: template.hash, system });
    this.stopIds = [...new Set([this.findEndOfTurn(), ...eosTokenIds])];
  }

  /** Ids of everything up to where the model starts to write. */
  encodePrompt(messages: readonly Message[]): number[] {
    return this.encodeStart(this.template.renderPrompt(this.prepare(messages)));
  }

  /**
   * Ids of a prompt and of the answer to it.
   * @throws TokenizerError when the rendered conversation does not start with the rendered prompt
   */
  encodeExample(prompt: readonly Message[], completion: readonly Message[]): EncodedExample {
    const { start, rest } = this.render(prompt, completion);
    const completionIds = this.encodeSegments(this.tokenizer.segments(rest), true);
    const endOfTurnIndex = completionIds.findLastIndex((id) => this.stopIds.includes(id));
    if (endOfTurnIndex < 0) throw noEndOfTurn(this.template.name);
    return { promptIds: this.encodeStart(start), completionIds, endOfTurnIndex };
  }

  /** Text of an answer's ids, without special tokens. */
  decodeResponse(ids: readonly number[]): string {
    return this.tokenizer.decode(ids, { skipSpecialTokens: true });
  }

  private render(
    prompt: readonly Message[],
    completion: readonly Message[],
  ): { start: string; rest: string } {
    const prepared = this.prepare(prompt);
    const start = this.template.renderPrompt(prepared);
    const whole = this.template.renderConversation([...prepared, ...completion.map((m) => this.mark(m))]);
    if (whole.startsWith(start)) return { start, rest: whole.slice(start.length) };
    throw new TokenizerError(
      `--template ${this.template.name}: expected the conversation to start with its prompt, got another text`,
      {
        hint: "this template rewrites earlier turns or its generation prompt; choose --template alpaca or none",
      },
    );
  }

  private prepare(messages: readonly Message[]): Message[] {
    const lacksSystem = this.system !== undefined && messages[0]?.role !== "system";
    const system: Message[] = lacksSystem ? [{ role: "system", content: this.system ?? "" }] : [];
    return [...system, ...messages].map((message) => this.mark(message));
  }

  /** Breaks control tokens in content: every character of one is followed by the mark, which encoding takes out. */
  private mark(message: Message): Message {
    const content = wellFormed(message.content);
    return { ...message, content: content.replace(this.tokenizer.controlPattern, (token) => broken(token)) };
  }

  /** The only place that adds a BOS of the tokenizer's. */
  private encodeStart(rendered: string): number[] {
    const isContinued = this.prefixIds.length > 0;
    return [...this.prefixIds, ...this.encodeSegments(this.tokenizer.segments(rendered), isContinued)];
  }

  private encodeSegments(segments: readonly Segment[], continued: boolean): number[] {
    return segments.flatMap(({ text, id }, i) =>
      id === null
        ? this.tokenizer.encodeText(text.replace(CONTENT_MARKS, ""), { continued: continued || i > 0 })
        : [id],
    );
  }

  /** Renders an answer and takes the first control token after its words. */
  private findEndOfTurn(): number {
    const { rest } = this.render(
      [{ role: "user", content: "Question" }],
      [{ role: "assistant", content: PROBE }],
    );
    const segments = this.tokenizer.segments(rest);
    const answer = segments.findIndex((segment) => segment.id === null && segment.text.includes(PROBE));
    const end = segments.slice(answer + 1).find((segment) => segment.id !== null);
    if (answer < 0 || end === undefined || end.id === null) throw noEndOfTurn(this.template.name);
    return end.id;
  }
}

const PROBE = "Answer";

function broken(token: string): string {
  return [...token].map((character) => character + CONTENT_MARK).join("");
}

function noEndOfTurn(template: string): TokenizerError {
  return new TokenizerError(`--template ${template}: expected a control token after the answer, got none`, {
    hint: "a model trained on this template would never learn to stop; choose another --template",
  });
}
