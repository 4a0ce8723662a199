/** @file Time as endpoints need it, in one place, so that tests of waiting do not wait. */
import { setTimeout as delay } from "node:timers/promises";

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Waits; rejects as soon as the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls back once after so long, unless what it returns is called before. */
  after(ms: number, action: () => void): () => void;
}

/** The machine's own. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
  after: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
