/** @file Looking into replies whose shape nobody vouches for. */
import { oneLine } from "../../core/one-line.js";

const LONGEST_DETAIL = 200;

/** A member of an object; undefined where there is no object or no such member. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** What a reply says went wrong, in OpenAI's shape and two others; null where it says nothing. */
export function errorOf(reply: unknown): { readonly code: string; readonly message: string } | null {
  const error = memberOf(reply, "error") ?? null;
  const message = memberOf(error, "message") ?? (typeof error === "string" ? error : undefined);
  const said = message ?? memberOf(reply, "message") ?? memberOf(reply, "detail");
  if (error === null && said === undefined) return null;
  const code = memberOf(error, "code") ?? memberOf(error, "type") ?? "";
  return { code: String(code), message: typeof said === "string" ? shortened(said) : "no message" };
}

/** One line, not too long. */
export function shortened(text: string): string {
  const line = oneLine(text).trim();
  return line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL)}…` : line;
}
