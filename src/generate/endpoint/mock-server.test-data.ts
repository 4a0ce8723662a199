/** @file A chat server for tests that answers, and fails, as it is told; and a clock on which no test waits. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "./clock.js";

/** A request as it arrived. */
export interface Arrived {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  /** Text of the last message, or the raw prompt. */
  readonly prompt: string;
}

/** What to do about a request: a reply's JSON, or anything at all. */
export type Behaviour = (request: Arrived, response: ServerResponse) => object | undefined;

/** A running server. */
export interface MockServer {
  readonly url: string;
  readonly arrived: Arrived[];
  /** Requests under way at most. */
  readonly peak: number;
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** Starts a server on a free port of this machine. */
export async function mockServer(first: Behaviour): Promise<MockServer> {
  let behaviour = first;
  const arrived: Arrived[] = [];
  let open = 0;
  let peak = 0;
  const server = createServer((message, response) => {
    peak = Math.max(peak, ++open);
    response.on("close", () => open--);
    void readRequest(message).then((request) => {
      arrived.push(request);
      const reply = behaviour(request, response);
      if (reply !== undefined) sendJson(response, 200, reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    arrived,
    get peak() {
      return peak;
    },
    behave(next) {
      behaviour = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  reply: object,
  headers: Readonly<Record<string, string>> = {},
): undefined {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(reply));
}

/** A chat reply. */
export function chatReply(content: string | null, finishReason: string | null = "stop"): object {
  return {
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finishReason }],
    usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
  };
}

async function readRequest(message: IncomingMessage): Promise<Arrived> {
  let text = "";
  for await (const chunk of message) text += String(chunk);
  const body = JSON.parse(text) as Record<string, unknown>;
  const messages = body["messages"] as readonly { readonly content: string }[] | undefined;
  const prompt = messages?.at(-1)?.content ?? String(body["prompt"]);
  return { path: message.url ?? "", headers: message.headers, body, prompt };
}

/** A clock on which sleeping takes no time and time-outs happen when a test says so. */
export class FakeClock implements Clock {
  readonly sleeps: number[] = [];
  private timeMs = Date.UTC(2026, 0, 1);
  private readonly timers = new Set<() => void>();

  nowMs(): number {
    return this.timeMs;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.sleeps.push(ms);
    this.timeMs += ms;
  }

  after(_: number, action: () => void): () => void {
    this.timers.add(action);
    return () => this.timers.delete(action);
  }

  /** All time-outs that are running expire. */
  expire(): void {
    for (const action of [...this.timers]) action();
  }
}
