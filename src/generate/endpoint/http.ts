/** @file One POST: sent, timed out, and its end told apart: answered, to be tried again, refused, or no endpoint at all. */
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

/**
 * Sends a request.
 * @returns the reply's JSON, whatever it holds
 * @throws EndpointError when no other request would fare better: a wrong key, path or certificate
 * @throws the signal's reason when it was aborted
 */
export async function postJson(request: HttpRequest): Promise<Outcome<unknown>> {
  const { apiKey, clock, timeoutMs, signal, url } = request;
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let hasTimedOut = false;
  const cancelTimeout = clock.after(timeoutMs, () => {
    hasTimedOut = true;
    abort();
  });
  signal.addEventListener("abort", abort, { once: true });
  try {
    const response = await send(request, controller.signal);
    const text = await response.text();
    const safeText = apiKey === null ? text : text.replaceAll(apiKey, "[key]");
    return readResponse(url, response, safeText, clock);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof EndpointError) throw cause;
    if (hasTimedOut) return { kind: "retry", reason: `time-out: no whole reply within ${timeoutMs} ms` };
    return connectionFailure(url, cause);
  } finally {
    cancelTimeout();
    signal.removeEventListener("abort", abort);
  }
}

/** A redirect is not followed: a POST would arrive as something else, a key at another host. */
function send({ url, apiKey, body }: HttpRequest, signal: AbortSignal): Promise<Response> {
  const authorization = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorization },
    body,
    redirect: "manual",
    signal,
  });
}

const LEFT_OPEN = new Set([408, 409, 425, 429]);
const OVERLOADED = new Set([429, 503, 529]);

function readResponse(url: string, response: Response, text: string, clock: Clock): Outcome<unknown> {
  const { status, headers, ok } = response;
  const reply = parseOrNull(text);
  if (ok) return reply === null ? malformed("JSON") : { kind: "done", value: reply };
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

/** Node's fetch hides the reason in `cause`. */
function connectionFailure(url: string, cause: unknown): Retry {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "";
  const said = code || (inner instanceof Error ? shortened(inner.message) : "no reason");
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code))
    throw new EndpointError(`${url}: expected a trusted certificate, got ${said}`, {
      hint: "name the certificate's file in NODE_EXTRA_CA_CERTS, or use http:// on your own machine",
    });
  return { kind: "retry", reason: `connection: ${said}`, isUnreachable: UNREACHABLE.has(code) };
}
