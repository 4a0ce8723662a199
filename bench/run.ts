/**
 * @file Measures us against the peers, in turn, on the same rows: `npx tsx bench/run.ts dpo|sft|sample|single|all`.
 * Our side runs before and after the peers, so that a machine that changes its pace shows. See README.md here.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { ConfigError, SafeToServeError } from "../src/core/errors.js";
import { conversationEncoder } from "../src/generate/open-local-chat-model.js";
import { openModel } from "../src/models/open.js";
import { fetchRegistered, MODEL_REGISTRY } from "../src/models/registry.js";
import { COMPARISONS, type Comparison, type Side, type Variant } from "./comparisons.js";
import type { Job } from "./job.js";
import { type MeasuredResult, measure } from "./measure.js";
import { type ComparisonRecord, type Run, rateOf, toMarkdown } from "./record.js";
import { build, environment, keep, machine } from "./setting.js";

const HERE = import.meta.dirname;
const LLAMA = join(HERE, "peers/node-llama-cpp");
const SEED = 42;

interface Flags {
  readonly steps?: string;
  readonly python: string;
  readonly threads: string;
  readonly allVariants?: boolean;
  readonly only?: string;
  readonly save?: boolean;
  readonly build: boolean;
}

/** What all jobs of one call share. */
interface Setting {
  readonly flags: Flags;
  readonly modelFolder: string;
  readonly gguf: string;
  readonly promptIds: (prompt: string) => number[];
  readonly scratch: string;
}

function program(): Command {
  return new Command("bench")
    .argument("<comparison>", [...Object.keys(COMPARISONS), "all"].join(", "))
    .option("--steps <n>", "optimiser steps, or prompts when sampling (default: the whole file)")
    .option("--python <path>", "Python with peers/requirements.txt installed", "python3")
    .option("--threads <n>", "threads of every side", "2")
    .option("--all-variants", "try every variant of the training peers, not only the plain one")
    .addOption(
      new Option("--only <sides>", "ours or peers; the others are left out").choices(["ours", "peers"]),
    )
    .option("--save", "keep the figures in results/ and write results.md")
    .option("--no-build", "use dist/ as it is")
    .action(main);
}

async function main(name: string, flags: Flags): Promise<void> {
  const names = name === "all" ? Object.keys(COMPARISONS) : [name];
  const chosen = names.map((known) => [known, comparisonOf(known)] as const);
  if (flags.build) build();
  const scratch = mkdtempSync(join(tmpdir(), "safe-to-serve-bench-"));
  try {
    const setting = await openSetting(flags, scratch);
    for (const [known, comparison] of chosen) {
      const record = await compare(comparison, setting);
      process.stdout.write(`\n${toMarkdown(record)}\n`);
      if (flags.save) keep(known, record);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function comparisonOf(name: string): Comparison {
  const found = COMPARISONS[name];
  if (found !== undefined) return found;
  throw new ConfigError(`bench: expected ${Object.keys(COMPARISONS).join(", ")} or all, got ${name}`);
}

/** The embedded model, as a float32 folder and as the GGUF it came from. */
async function openSetting(flags: Flags, scratch: string): Promise<Setting> {
  const [entry] = MODEL_REGISTRY;
  if (entry === undefined) throw new ConfigError("bench: expected an embedded model, got none");
  const gguf = await fetchRegistered(entry);
  const model = await openModel(entry.name);
  const encoder = conversationEncoder(model);
  const promptIds = (content: string) => encoder.encodePrompt([{ role: "user", content }]);
  return { flags, modelFolder: model.folder, gguf, promptIds, scratch };
}

async function compare(comparison: Comparison, setting: Setting): Promise<ComparisonRecord> {
  const { only, allVariants, threads } = setting.flags;
  const runs: Run[] = [];
  const tryAll = async (side: Side) => {
    const more = allVariants ? (side.moreVariants ?? []) : [];
    for (const variant of [...side.variants, ...more])
      runs.push(await runVariant(side, variant, comparison, setting));
  };
  if (only !== "peers") await tryAll(comparison.ours);
  const best = fastest(comparison, runs);
  if (only !== "ours") for (const side of comparison.peers) await tryAll(side);
  if (best !== undefined && only === undefined)
    runs.push(await runVariant(comparison.ours, best, comparison, setting));
  return {
    title: comparison.title,
    input: inputOf(comparison, setting),
    unit: comparison.unit,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    threads: Number(threads),
    runs,
  };
}

function fastest({ ours, unit }: Comparison, runs: readonly Run[]): Variant | undefined {
  const rate = ({ label }: Variant) => {
    const result = runs.find((run) => run.isOurs && run.variant === label)?.result;
    return result !== undefined && "seconds" in result ? rateOf(unit, result) : 0;
  };
  return ours.variants.toSorted((a, b) => rate(b) - rate(a))[0];
}

/** A side that cannot run is a line of the table that says why. */
async function runVariant(
  side: Side,
  variant: Variant,
  comparison: Comparison,
  setting: Setting,
): Promise<Run> {
  process.stderr.write(`${side.name}, ${variant.label} …\n`);
  const rows = rowsOf(comparison, variant, setting);
  const common = { side: side.name, variant: rowNote(variant, rows, comparison, setting) };
  const run = { ...common, isOurs: side.runtime === "ours" };
  try {
    const result = await runJob(
      side,
      { ...comparison.settings, ...variant.settings },
      comparison,
      setting,
      rows,
    );
    process.stderr.write(`  ${rateOf(comparison.unit, result).toFixed(2)} ${comparison.unit}/s\n`);
    return { ...run, result };
  } catch (error) {
    if (!(error instanceof SafeToServeError)) throw error;
    process.stderr.write(`  failed: ${error.message}\n`);
    return { ...run, result: { failure: error.message } };
  }
}

function rowNote(
  variant: Variant,
  rows: readonly unknown[],
  comparison: Comparison,
  setting: Setting,
): string {
  const whole = rowsOf(comparison, { label: "", settings: {} }, setting).length;
  return rows.length === whole ? variant.label : `${variant.label} (${rows.length} rows)`;
}

type Row = Readonly<Record<string, unknown>> & { readonly prompt: string };

function rowsOf({ file, rowsPerStep, rows }: Comparison, variant: Variant, { flags }: Setting): Row[] {
  const lines = readFileSync(join(HERE, "data", file), "utf8")
    .trimEnd()
    .split("\n");
  const wanted = flags.steps === undefined ? rows : Number(flags.steps) * rowsPerStep;
  const limit = Math.min(lines.length, wanted ?? lines.length, variant.rows ?? lines.length);
  return lines.slice(0, limit).map((line) => JSON.parse(line) as Row);
}

function inputOf(comparison: Comparison, setting: Setting): string {
  const { length } = rowsOf(comparison, { label: "", settings: {} }, setting);
  return `bench/data/${comparison.file}, its first ${length} rows in order`;
}

async function runJob(
  side: Side,
  settings: Comparison["settings"],
  { task }: Comparison,
  setting: Setting,
  rows: readonly Row[],
): Promise<MeasuredResult> {
  const { flags, modelFolder, gguf, promptIds, scratch } = setting;
  const data = join(scratch, "rows.jsonl");
  const given = rows.map((row) => (task === "sample" ? { ...row, promptIds: promptIds(row.prompt) } : row));
  writeFileSync(data, `${given.map((row) => JSON.stringify(row)).join("\n")}\n`);
  const job: Job = { ...settings, task, modelFolder, gguf, data, threads: Number(flags.threads), seed: SEED };
  const path = join(scratch, "job.json");
  writeFileSync(path, JSON.stringify(job));
  const result = await measure([...commandOf(side, flags), path], environment(Number(flags.threads)));
  if (result.items !== rows.length)
    throw new ConfigError(`${side.name}: expected ${rows.length} rows done, got ${result.items}`);
  return result;
}

function commandOf({ runtime, script }: Side, { python }: Flags): string[] {
  if (runtime === "ours") return [process.execPath, "--import", "tsx", join(HERE, script)];
  if (runtime === "python") return [python, join(HERE, "peers", script)];
  if (!existsSync(join(LLAMA, "node_modules"))) installLlama();
  return [process.execPath, join(HERE, "peers", script)];
}

/** Prebuilt binaries for the processor only, from the registry; nothing is compiled. */
function installLlama(): void {
  execFileSync("npm", ["ci", "--ignore-scripts", "--omit=optional"], { cwd: LLAMA, stdio: "inherit" });
}

await program().parseAsync();
