/** @file What all comparisons share: the built library, the machine in words, the peers' environment, the kept figures. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem, type } from "node:os";
import { join } from "node:path";
import { COMPARISONS } from "./comparisons.js";
import { CHOICE_SETS } from "./job.js";
import { type ComparisonRecord, toMarkdown } from "./record.js";

const HERE = import.meta.dirname;
const RESULTS = join(HERE, "results");

/** Builds `dist/`, which is what is measured. */
export function build(): void {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: join(HERE, ".."), stdio: "inherit" });
}

/** Variables of every measured process: threads, and no network. */
export function environment(threads: number): Record<string, string> {
  return {
    OMP_NUM_THREADS: String(threads),
    MKL_NUM_THREADS: String(threads),
    TOKENIZERS_PARALLELISM: "false",
    HF_HUB_OFFLINE: "1",
    NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true",
  };
}

/** AVX-512 is named because it moves fp32 products and PyTorch's kernels alike. */
export function machine(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const facts = "/proc/cpuinfo";
  const avx512 = existsSync(facts) && readFileSync(facts, "utf8").includes("avx512f") ? ["AVX-512"] : [];
  return [
    first?.model.trim() ?? "unknown processor",
    ...avx512,
    `${cpus().length} cores`,
    `${memory} GiB`,
    type(),
  ].join(", ");
}

/** Keeps one comparison; results.md is made of all that were ever kept. */
export function keep(name: string, record: ComparisonRecord): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
  const names = [...Object.keys(COMPARISONS), ...Object.keys(CHOICE_SETS)];
  const files = names.map((known) => join(RESULTS, `${known}.json`));
  const records = files
    .filter(existsSync)
    .map((file) => JSON.parse(readFileSync(file, "utf8")) as ComparisonRecord);
  const intro =
    "# Results\n\nWritten by `--save` of run.ts and lm-eval.ts; what the rows mean: [README](README.md).\n";
  writeFileSync(join(HERE, "results.md"), [intro, ...records.map(toMarkdown)].join("\n"));
}
