/**
 * @file One POST: sent, timed out, and its end told apart: answered, to be tried again, refused, or no endpoint at all. Over
 * `node:http`, which costs half of what `fetch` does and sets no time-outs of its own.
 */
import { type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { EndpointError } from "../../core/errors.js";
import { readRetryAfterMs } from "./back-off.js";
import type { Clock } from "./clock.js";
import { errorOf, shortened } from "./json.js";
import { CONTENT_FILTER, malformed, type Outcome, type Retry } from "./outcome.js";

/** One request. */
export interface HttpRequest {
  readonly url: string;
  readonly body: string;
  /** Sent as a bearer token; struck out of whatever the server quotes. */
  readonly apiKey: string | null;
  /** For the whole reply. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly reply: Promise<HttpReply>;
  cancel(): void;
}

/**
 * Sends a request.
 * @returns the reply's JSON, whatever it holds
 * @throws EndpointError when no other request would fare better: a wrong key, path or certificate
 * @throws the signal's reason when it was aborted
 */
export async function postJson(request: HttpRequest): Promise<Outcome<unknown>> {
  const { clock, timeoutMs, signal, url } = request;
  signal.throwIfAborted();
  const sent = send(request);
  let hasTimedOut = false;
  const cancelTimeout = clock.after(timeoutMs, () => {
    hasTimedOut = true;
    sent.cancel();
  });
  signal.addEventListener("abort", sent.cancel, { once: true });
  try {
    return readReply(url, await sent.reply, clock);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof EndpointError) throw cause;
    if (hasTimedOut) return { kind: "retry", reason: `time-out: no whole reply within ${timeoutMs} ms` };
    return connectionFailure(url, cause);
  } finally {
    cancelTimeout();
    signal.removeEventListener("abort", sent.cancel);
  }
}

/** Redirects are not followed: a POST would arrive as something else, a key at another host. */
function send({ url, apiKey, body }: HttpRequest): Sent {
  const request = (url.startsWith("https:") ? requestHttps : requestHttp)(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
    },
  });
  const reply = new Promise<HttpReply>((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        const safeText = apiKey === null ? text : text.replaceAll(apiKey, "[key]");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: safeText });
      });
    });
  });
  request.end(body);
  return { reply, cancel: () => void request.destroy() };
}

const LEFT_OPEN = new Set([408, 409, 425, 429]);
const OVERLOADED = new Set([429, 503, 529]);

function readReply(url: string, { status, headers, text }: HttpReply, clock: Clock): Outcome<unknown> {
  const reply = parseOrNull(text);
  if (status >= 200 && status < 300)
    return reply === null ? malformed("JSON") : { kind: "done", value: reply };
  const error = errorOf(reply);
  const said = `status ${status}${error === null ? "" : `, ${error.message}`}`;
  if (/content.?(filter|policy)/.test(error?.code ?? "")) return { kind: "failed", reason: CONTENT_FILTER };
  const fault = faultOf(status, error?.code ?? "");
  if (fault !== null)
    throw new EndpointError(`${url}: expected an answer, got ${said}`, { hint: fault, status });
  if (!LEFT_OPEN.has(status) && (status < 500 || status === 501))
    return { kind: "failed", reason: `refused: ${said}` };
  const isOverload = OVERLOADED.has(status);
  const retryAfterMs = readRetryAfterMs(headers, clock.nowMs());
  const reason = `${isOverload ? "overload" : "server error"}: ${said}`;
  return { kind: "retry", reason, isOverload, retryAfterMs };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** What to do about a status that every request would get; null for all others. */
function faultOf(status: number, code: string): string | null {
  if (status === 401)
    return "the key is missing or wrong: name the variable that holds it with --api-key-env";
  if (status === 402 || code === "insufficient_quota") return "the account has nothing left to spend";
  if (status === 404) return "check the URL and the model's name: the server knows one of them not";
  if (status === 405) return "check the URL: something else answers there";
  if (status >= 300 && status < 400) return "it redirects: name the URL that it redirects to";
  return null;
}

const UNREACHABLE = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED"]);

function connectionFailure(url: string, cause: unknown): Retry {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const said = code || (cause instanceof Error ? shortened(cause.message) : "no reason");
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code))
    throw new EndpointError(`${url}: expected a trusted certificate, got ${said}`, {
      hint: "name the certificate's file in NODE_EXTRA_CA_CERTS, or use http:// on your own machine",
    });
  return { kind: "retry", reason: `connection: ${said}`, isUnreachable: UNREACHABLE.has(code) };
}
