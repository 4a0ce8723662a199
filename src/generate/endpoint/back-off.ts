/** @file How long to wait before a request is tried again: as long as the server says, otherwise exponentially longer. */
import type { IncomingHttpHeaders } from "node:http";
import { type RandomKey, uniformAt } from "../../core/random.js";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/**
 * The wait after a failed try: 1 s, 2 s, 4 s … 60 s, of which a random half keeps requests apart that failed together. What
 * the server asks for is waited in full, and up to a second more.
 * @param attempt      tries so far, from 1
 * @param retryAfterMs what the server asked for, if it did
 * @param key          of the random number
 */
export function backOffMs(attempt: number, retryAfterMs: number | null, key: RandomKey): number {
  const share = uniformAt(["back-off", ...key, attempt]);
  if (retryAfterMs !== null) return retryAfterMs + share * FIRST_WAIT_MS;
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  return wait * (0.5 + 0.5 * share);
}

/**
 * What `retry-after-ms` or `retry-after` asks for, in milliseconds from now: seconds, or a date (RFC 9110, 10.2.3). null
 * without either, or where it cannot be read.
 */
export function readRetryAfterMs(headers: IncomingHttpHeaders, nowMs: number): number | null {
  const milliseconds = nonNegative(headers["retry-after-ms"]);
  if (milliseconds !== null) return milliseconds;
  const header = headers["retry-after"];
  const seconds = nonNegative(header);
  if (seconds !== null) return seconds * 1000;
  const date = Date.parse(header ?? "");
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

function nonNegative(header: string | readonly string[] | undefined): number | null {
  return typeof header === "string" && /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : null;
}
