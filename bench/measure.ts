/** @file Runs a command, watches the memory of its process tree, and reads its result line. Memory is Linux only. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { ExecutionError } from "../src/core/errors.js";
import type { JobResult } from "./job.js";

/** A result with the peak memory of the whole process tree. */
export interface MeasuredResult extends JobResult {
  /** Greatest sum of resident sizes seen, loading included; null where it cannot be measured. */
  readonly peakMiB: number | null;
}

const POLL_MS = 250;
const KEPT_OUTPUT = 2000;

/** Runs a command to its end. @throws ExecutionError with the end of its output when it fails or prints no result */
export async function measure(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<MeasuredResult> {
  const [program = "", ...given] = command;
  const child = spawn(program, given, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (output.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output.stderr += data.toString()));
  const peak = new PeakMemory(child.pid ?? 0);
  const timer = setInterval(() => peak.look(), POLL_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", (cause) => reject(new ExecutionError(`${program}: could not be started`, { cause })));
    child.on("close", resolve);
  }).finally(() => clearInterval(timer));
  if (code !== 0) throw failure(command, `exit code ${code}`, output.stderr);
  return { ...lastLine(command, output.stdout), peakMiB: peak.mebibytes };
}

function lastLine(command: readonly string[], stdout: string): JobResult {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line) as JobResult;
  } catch {
    throw failure(command, "no result line", stdout);
  }
}

function failure(command: readonly string[], what: string, output: string): ExecutionError {
  return new ExecutionError(`${command.join(" ")}: ${what}: ${output.trimEnd().slice(-KEPT_OUTPUT)}`);
}

/** Peak resident memory of a process and its descendants, from /proc. */
class PeakMemory {
  private readonly root: number;
  private peakKiB = 0;

  constructor(root: number) {
    this.root = root;
  }

  get mebibytes(): number | null {
    return this.peakKiB === 0 ? null : this.peakKiB / 1024;
  }

  /** The kernel's own high-water mark catches what falls between two looks, for the largest process. */
  look(): void {
    const sizes = descendants(this.root).map(memoryOf);
    const sum = sizes.reduce((total, { rss }) => total + rss, 0);
    this.peakKiB = Math.max(this.peakKiB, sum, ...sizes.map(({ highWater }) => highWater));
  }
}

function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processIds()) {
    const parent = Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function processIds(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function memoryOf(pid: number): { readonly rss: number; readonly highWater: number } {
  const status = read(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { rss: field("VmRSS"), highWater: field("VmHWM") };
}

/** Empty for a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
