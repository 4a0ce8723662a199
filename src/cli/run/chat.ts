/** @file Runs `chat`: a conversation over lines of text, streamed as it is drawn. */
import { createInterface } from "node:readline/promises";
import { ContextLengthError } from "../../core/errors.js";
import type { LocalChatModel, LocalSamplingOptions } from "../../generate/local-chat-model.js";
import type { Message } from "../../text/messages.js";
import type { ChatOptions } from "../command-options.js";
import { openFlaggedModel } from "./chat-model.js";

/** Where a conversation reads and writes. */
export interface ChatTerminal {
  readonly lines: AsyncIterable<string>;
  /** Asks for the next line. */
  prompt(): void;
  write(text: string): void;
  /** Names the function that stops the answer being drawn; null when none is. */
  onInterrupt(stop: (() => void) | null): void;
}

type Answering = Pick<LocalChatModel, "generate">;

/** Opens the model and talks until the input ends or /quit. */
export async function runChat(options: ChatOptions): Promise<void> {
  const model = await openFlaggedModel(options, false);
  const { maxNewTokens, minNewTokens, temperature, topK, topP, frequencyPenalty, stop, seed } = options;
  const sampling = { maxNewTokens, minNewTokens, temperature, topK, topP, frequencyPenalty, stop, seed };
  const terminal = openTerminal();
  terminal.write(`${model.id}. /reset starts anew, /quit leaves, Ctrl-C stops an answer.\n`);
  try {
    await converse(model, terminal, sampling);
  } finally {
    terminal.close();
    await model.close();
  }
}

/** The conversation itself: every line is a turn of the user, answered by the model. */
export async function converse(
  model: Answering,
  terminal: ChatTerminal,
  sampling: LocalSamplingOptions,
): Promise<void> {
  let messages: Message[] = [];
  terminal.prompt();
  for await (const line of terminal.lines) {
    const content = line.trim();
    if (content === "/quit" || content === "/exit") return;
    if (content === "/reset") messages = [];
    else if (content !== "") messages = await takeTurn(model, terminal, sampling, messages, content);
    terminal.prompt();
  }
}

/** The conversation after the user's words and the answer; without both when they do not fit the context. */
async function takeTurn(
  model: Answering,
  terminal: ChatTerminal,
  sampling: LocalSamplingOptions,
  earlier: readonly Message[],
  content: string,
): Promise<Message[]> {
  const messages: Message[] = [...earlier, { role: "user", content }];
  try {
    const answer = await stream(model, terminal, sampling, messages);
    return [...messages, { role: "assistant", content: answer }];
  } catch (error) {
    if (!(error instanceof ContextLengthError)) throw error;
    terminal.write(`The conversation is too long for this model: ${error.message}. /reset starts anew.\n`);
    return [...earlier];
  }
}

/** Writes the answer as it comes and returns it; what was drawn before an interruption counts as the answer. */
async function stream(
  model: Answering,
  terminal: ChatTerminal,
  sampling: LocalSamplingOptions,
  messages: readonly Message[],
): Promise<string> {
  const controller = new AbortController();
  let written = "";
  const onToken: LocalSamplingOptions["onToken"] = ({ text }) => {
    written += text;
    terminal.write(text);
  };
  terminal.onInterrupt(() => controller.abort());
  try {
    const request = { id: `turn ${messages.length}`, messages };
    const options = { ...sampling, batchSize: 1, onToken, signal: controller.signal };
    for await (const completion of model.generate([request], options)) written = completion.response;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    terminal.onInterrupt(null);
  }
  terminal.write("\n");
  return written;
}

function openTerminal(): ChatTerminal & { close(): void } {
  const isTerminal = process.stdin.isTTY === true;
  const reader = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: isTerminal,
    prompt: "> ",
  });
  let stop: (() => void) | null = null;
  reader.on("SIGINT", () => {
    if (stop === null) reader.close();
    else stop();
  });
  return {
    lines: reader,
    prompt: () => {
      if (isTerminal) reader.prompt();
    },
    write: (text) => process.stdout.write(text),
    onInterrupt: (next) => {
      stop = next;
    },
    close: () => reader.close(),
  };
}
