/**
 * @file Serves a labelling on 127.0.0.1. What comes in is trusted only with the token of this run, a loopback `Host` (against DNS
 * rebinding) and, where there is one, the page's own `Origin`. What goes out is one answer at a time: no id, no verdict.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, SafeToServeError, StorageError } from "../../core/errors.js";
import type { Labelling } from "../../judges/labelling/labelling.js";
import { visibleControls } from "../html.js";
import { LABELLING_POLICY, renderLabellingPage } from "./page.js";

/** A page that is being served. */
export interface LabellingServer {
  /** With the token in the fragment. */
  readonly url: string;
  /** Resolves when the labeller has finished on the page. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts to serve.
 * @param port 0 takes a free one
 * @throws ConfigError when the port cannot be had
 */
export async function serveLabelling(labelling: Labelling, port = 0): Promise<LabellingServer> {
  const token = randomBytes(24).toString("base64url");
  const page = renderLabellingPage(labelling.words);
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = createServer((request, response) => {
    void replyTo(request, { labelling, token, page }).then((reply) => {
      send(response, reply);
      if (reply.isLast === true) response.once("close", finish);
    });
  });
  const address = await listen(server, port);
  return { url: `http://127.0.0.1:${address.port}/#${token}`, finished, close: () => close(server) };
}

/** Characters of a request's body at most. */
const MAX_BODY_CHARACTERS = 4096;
/** Names of this machine for itself; the port may be a forwarded one. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/;

const HEADERS = {
  "content-security-policy": LABELLING_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
} as const;

interface Context {
  readonly labelling: Labelling;
  readonly token: string;
  readonly page: string;
}

interface Reply {
  readonly status: number;
  /** HTML as it is; anything else becomes JSON. */
  readonly body: string | object;
  readonly isLast?: boolean;
}

async function replyTo(request: IncomingMessage, context: Context): Promise<Reply> {
  const { host = "", origin, authorization = "" } = request.headers;
  if (!LOOPBACK.test(host)) return refusal(403, "expected a request to this machine by its own name");
  if (origin !== undefined && origin !== `http://${host}`)
    return refusal(403, "expected a request of this page, got one of another");
  const path = request.url ?? "";
  if (path === "/") return request.method === "GET" ? page(context) : refusal(405, "expected GET");
  if (!isSame(authorization, `Bearer ${context.token}`))
    return refusal(401, "expected the token of this run; open the address that the command printed");
  try {
    return await replyToApi(request, path, context.labelling);
  } catch (cause) {
    const isAsked = cause instanceof SafeToServeError && !(cause instanceof StorageError);
    return refusal(isAsked ? 400 : 500, cause instanceof Error ? cause.message : String(cause));
  }
}

async function replyToApi(request: IncomingMessage, path: string, labelling: Labelling): Promise<Reply> {
  const [, resource = "", number = ""] =
    /^\/api\/(state|open|answers|finish)(?:\/(\d{1,9}))?$/.exec(path) ?? [];
  const place = number === "" ? null : Number(number);
  const isPlace = place !== null && place < labelling.answers.length;
  switch (`${request.method} ${resource}`) {
    case "GET state":
      return ok({ ...progressOf(labelling, 0), total: labelling.answers.length });
    case "GET open":
      return isPlace ? ok(progressOf(labelling, place)) : unknown();
    case "GET answers":
      return isPlace ? ok(answerAt(labelling, place)) : unknown();
    case "POST answers":
      return isPlace ? storeLabel(labelling, place, await readBody(request)) : unknown();
    case "POST finish":
      return { ...ok({}), isLast: true };
    default:
      return unknown();
  }
}

function page({ page: body }: Context): Reply {
  return { status: 200, body };
}

function progressOf(labelling: Labelling, from: number): { labelled: number; next: number | null } {
  return { labelled: labelling.labelled, next: labelling.openFrom(from) };
}

/** Nothing that would tell whose answer it is or what a judge said. */
function answerAt(labelling: Labelling, place: number): object {
  const { messages = [], response = "" } = labelling.answers[place] ?? {};
  return {
    messages: messages.map(({ role, content }) => ({ role, content: visibleControls(content) })),
    response: visibleControls(response),
    label: labelling.labelOf(place),
  };
}

function storeLabel(labelling: Labelling, place: number, body: unknown): Reply {
  const { label, seconds } = (typeof body === "object" && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const isTime =
    seconds === null || (typeof seconds === "number" && seconds >= 0 && Number.isFinite(seconds));
  if ((label !== null && typeof label !== "string") || !isTime)
    return refusal(400, "expected {label, seconds}, got something else");
  labelling.setLabel(place, label, seconds);
  return ok(progressOf(labelling, place));
}

/** @throws ConfigError for what is too long or no JSON */
async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk as string;
    if (text.length > MAX_BODY_CHARACTERS)
      throw new ConfigError(`request: expected at most ${MAX_BODY_CHARACTERS} characters, got more`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError("request: expected JSON, got text that does not parse", { cause });
  }
}

function ok(body: object): Reply {
  return { status: 200, body };
}

function unknown(): Reply {
  return refusal(404, "there is no such answer or request");
}

function refusal(status: number, error: string): Reply {
  return { status, body: { error } };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  const isPage = typeof body === "string";
  const type = isPage ? "text/html; charset=utf-8" : "application/json";
  response.writeHead(status, { ...HEADERS, "content-type": type });
  response.end(isPage ? body : JSON.stringify(body));
}

function isSame(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}

async function listen(server: Server, port: number): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        new ConfigError(`--port ${port}: expected a free port, got ${cause.code ?? cause.message}`, {
          cause,
        }),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return server.address() as AddressInfo;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
