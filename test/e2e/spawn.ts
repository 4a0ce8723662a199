/** @file The built command line as a user starts it, and as a machine kills it. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const command = resolve(import.meta.dirname, "../../dist/cli/main.js");

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How it is watched. */
export interface SpawnOptions {
  /** The models' cache: keeps the user's own out of tests. */
  readonly cache: string;
  /** Kills the process without warning as soon as this holds. */
  readonly killWhen?: () => boolean;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `safe-to-serve` with these arguments, without network. */
export async function safeToServe(args: readonly string[], options: SpawnOptions): Promise<Ended> {
  const own = { SAFE_TO_SERVE_CACHE: options.cache, HF_HUB_OFFLINE: "1", NO_COLOR: "1" };
  const env = { ...process.env, ...own, ...options.env };
  const child = spawn(process.execPath, [command, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code, signal) => done({ code, signal, ...output }));
  });
  while (child.exitCode === null && child.signalCode === null && options.killWhen) {
    if (options.killWhen()) child.kill("SIGKILL");
    await sleep(2);
  }
  return ended;
}

/** The whole lines of a file; the last one may be half written. */
export function wholeLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}
