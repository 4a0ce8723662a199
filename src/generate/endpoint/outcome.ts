/** @file What one request came to. Only an endpoint that cannot be used at all is thrown, as an `EndpointError`. */

/** A value; no value and no use in asking again; or no value yet. */
export type Outcome<Value> = Done<Value> | Failed | Retry;

/** The request was answered. */
export interface Done<Value> {
  readonly kind: "done";
  readonly value: Value;
}

/** This request has no answer. */
export interface Failed {
  readonly kind: "failed";
  /** `what` or `what: detail`; the part before the colon is what failures are counted by. */
  readonly reason: string;
}

/** It may have one later. */
export interface Retry {
  readonly kind: "retry";
  readonly reason: string;
  /** The server has too much to do; others should hold back, too. */
  readonly isOverload?: boolean;
  /** Nobody listens there: no fault of this request. */
  readonly isUnreachable?: boolean;
  readonly retryAfterMs?: number | null;
}

/** The reason of answers that a provider's filter took away: the endpoint works, and refuses this prompt. */
export const CONTENT_FILTER = "content filter";

/** A reply that is not what the interface says. */
export function malformed(expected: string): Retry {
  return { kind: "retry", reason: `malformed reply: expected ${expected}` };
}
