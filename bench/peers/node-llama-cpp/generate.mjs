/**
 * @file llama.cpp through node-llama-cpp on the same GGUF: `batchSize` sequences of one context decode side by side, a
 * free sequence takes the next prompt; exactly `maxNewTokens` each. Timed: all evaluation, prefill included; not timed:
 * model and context. Run by bench/run.ts: node generate.mjs JOB.json
 */
import { readFileSync } from "node:fs";
import { getLlama } from "node-llama-cpp";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const rows = readFileSync(job.data, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: job.threads });
const model = await llama.loadModel({ modelPath: job.gguf });
const longest = Math.max(...rows.map(({ promptIds }) => promptIds.length));
const context = await model.createContext({
  sequences: job.batchSize,
  contextSize: longest + job.maxNewTokens + 1,
  batchSize: Math.max(512, job.batchSize),
  threads: job.threads,
});

let tokens = 0;
const queue = [...rows];
const startMs = performance.now();
await Promise.all(Array.from({ length: job.batchSize }, () => serve(context.getSequence())));
const seconds = (performance.now() - startMs) / 1000;

const { version } = JSON.parse(
  readFileSync(new URL("./node_modules/node-llama-cpp/package.json", import.meta.url), "utf8"),
);
const versions = {
  node: process.versions.node,
  "node-llama-cpp": version,
  "llama.cpp": llama.llamaCppRelease.release,
};
console.log(JSON.stringify({ items: rows.length, tokens, seconds, versions }));
process.exit(0);

/** Draws answers in one sequence until the queue is empty. */
async function serve(sequence) {
  for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
    await sequence.clearHistory();
    const options = {
      temperature: job.temperature,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: job.seed,
      yieldEogToken: true,
    };
    let drawn = 0;
    for await (const _ of sequence.evaluate(row.promptIds, options)) {
      tokens++;
      if (++drawn === job.maxNewTokens) break;
    }
  }
}
