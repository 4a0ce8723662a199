/**
 * @file What the harness itself costs: an evaluation of an endpoint that answers at once, in a process of its own. Time and
 * processor time a sample, and the peak of memory. `npx tsx bench/endpoint.ts [--samples 20000] [--concurrency 64]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { evaluate } from "../src/evaluate/run.js";
import { taskNamed } from "../src/evaluate/tasks/suites.js";
import { EndpointChatModel } from "../src/generate/endpoint/endpoint-chat-model.js";
import { refusalMatcher } from "../src/judges/refusal-matcher.js";

interface Flags {
  readonly samples: string;
  readonly concurrency: string;
  /** Of the server's process. */
  readonly serve?: boolean;
}

const ANSWER = "Here is what you could do about it, one step after the other. ".repeat(6);

function serve(): void {
  const content = { role: "assistant", content: ANSWER };
  const usage = { prompt_tokens: 40, completion_tokens: 90 };
  const reply = JSON.stringify({ choices: [{ index: 0, message: content, finish_reason: "stop" }], usage });
  const server = createServer((request, response) => {
    request
      .resume()
      .on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(reply));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}

async function measure(url: string, samples: number, concurrency: number, folder: string): Promise<void> {
  const dataset = join(folder, "prompts.jsonl");
  const rows = Array.from({ length: samples }, (_, i) =>
    JSON.stringify({ id: `p${i}`, prompt: `Question ${i}: what would you do about it? `.repeat(5) }),
  );
  writeFileSync(dataset, rows.join("\n"));
  const task = { ...taskNamed("I-Alpaca"), name: "bench", dataset };
  const model = new EndpointChatModel({ url, model: "mock", concurrency });
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  await evaluate({
    model,
    judges: [refusalMatcher()],
    tasks: [{ task, limit: null }],
    out: join(folder, "out"),
  });
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  const each = (ms: number): string => (ms / samples).toFixed(3);
  process.stdout.write(
    `${samples} samples, concurrency ${concurrency}: ${each(wallMs)} ms a sample (${each((user + system) / 1000)} ms of processor), ` +
      `peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB\n`,
  );
}

async function main(flags: Flags): Promise<void> {
  if (flags.serve === true) return serve();
  const child = fork(import.meta.filename, ["--serve"]);
  const folder = mkdtempSync(join(tmpdir(), "bench-endpoint-"));
  try {
    const [port] = (await once(child, "message")) as [number];
    await measure(`http://127.0.0.1:${port}`, Number(flags.samples), Number(flags.concurrency), folder);
  } finally {
    child.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

await new Command("endpoint")
  .option("--samples <n>", "prompts asked", "20000")
  .option("--concurrency <n>", "requests under way at most", "64")
  .option("--serve", "be the server")
  .action(main)
  .parseAsync();
