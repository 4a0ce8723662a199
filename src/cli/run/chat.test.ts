import { expect, test } from "vitest";
import { ContextLengthError } from "../../core/errors.js";
import type { LocalChatModel } from "../../generate/local-chat-model.js";
import type { Message } from "../../text/messages.js";
import { type ChatTerminal, converse } from "./chat.js";

/** Answers "one", "two", … word by word, and remembers the conversations it saw. */
class CountingModel implements Pick<LocalChatModel, "generate"> {
  readonly seen: (readonly Message[])[] = [];
  readonly limit: number;

  constructor(limit = 99) {
    this.limit = limit;
  }

  async *generate(...[requests, options]: Parameters<LocalChatModel["generate"]>) {
    const { id = "", messages = [] } = requests[0] ?? {};
    this.seen.push(messages);
    if (messages.length > this.limit) throw new ContextLengthError("too long");
    const words = ["answer", " ", String(this.seen.length)];
    for (const [token, text] of words.entries()) {
      options.onToken?.({ id, sample: 0, token, text });
      options.signal?.throwIfAborted();
    }
    const response = words.join("");
    yield { id, sample: 0, response, tokenIds: [], finishReason: "stop", seed: 0 } as const;
  }
}

function terminal(lines: readonly string[], interruptAt = -1): ChatTerminal & { readonly written: string[] } {
  const written: string[] = [];
  let stop: (() => void) | null = null;
  return {
    written,
    lines: (async function* () {
      yield* lines;
    })(),
    prompt: () => written.push("> "),
    write: (text) => {
      written.push(text);
      if (written.length === interruptAt) stop?.();
    },
    onInterrupt: (next) => {
      stop = next;
    },
  };
}

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

test("each turn sees the turns before it; /reset forgets them, /quit ends", async () => {
  const model = new CountingModel();
  const io = terminal(["hi", "", "again", "/reset", "new", "/quit", "never"]);
  await converse(model, io, {});
  expect(model.seen).toEqual([
    [user("hi")],
    [user("hi"), assistant("answer 1"), user("again")],
    [user("new")],
  ]);
  expect(io.written.join("")).toBe("> answer 1\n> > answer 2\n> > answer 3\n> ");
});

test("an interrupted answer stays in the conversation as far as it came", async () => {
  const model = new CountingModel();
  const io = terminal(["hi", "again"], 2);
  await converse(model, io, {});
  expect(model.seen[1]).toEqual([user("hi"), assistant("answer"), user("again")]);
});

test("a turn that does not fit is told and left out", async () => {
  const model = new CountingModel(2);
  const io = terminal(["hi", "again", "/reset", "new"]);
  await converse(model, io, {});
  expect(io.written.join("")).toContain("too long for this model");
  expect(model.seen).toHaveLength(3);
});
