/**
 * @file Multiple choice beside lm-evaluation-harness in one run: `npx tsx bench/lm-eval.ts --python P --data-dir DIR`. Float32,
 * the same seeded sample of each set; lm-eval at the best of its batch sizes, found on a small part; our side before and
 * after. Besides rates and memory it tells whether both gave the same log-likelihoods, predictions and accuracies.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { ConfigError, ExecutionError } from "../src/core/errors.js";
import { DATA_DIR_VARIABLE, resolveDataset } from "../src/data/catalogue.js";
import { readRows } from "../src/data/readers.js";
import { loadTask } from "../src/evaluate/tasks/load.js";
import { taskNamed } from "../src/evaluate/tasks/suites.js";
import { openModel } from "../src/models/open.js";
import { MODEL_REGISTRY } from "../src/models/registry.js";
import { agreement } from "./agreement.js";
import { CHOICE_SETS, type ChoiceJob, type ScoredQuestion } from "./job.js";
import { type MeasuredResult, measure } from "./measure.js";
import { type ComparisonRecord, type Run, rateOf, toMarkdown } from "./record.js";
import { build, environment, keep, machine } from "./setting.js";

const HERE = import.meta.dirname;
const SEED = 42;
const BATCHES = [1, 8, 16, 32];

interface Flags {
  readonly python: string;
  readonly dataDir: string;
  readonly set?: string;
  readonly questions?: string;
  readonly trial: string;
  readonly threads: string;
  readonly save?: boolean;
  readonly build: boolean;
}

/** One set, ready to be asked. */
interface Subject {
  readonly set: string;
  readonly flags: Flags;
  readonly modelFolder: string;
  readonly scratch: string;
}

interface Scored {
  readonly result: MeasuredResult;
  readonly questions: readonly ScoredQuestion[];
}

async function main(flags: Flags): Promise<void> {
  if (flags.build) build();
  process.env[DATA_DIR_VARIABLE] = flags.dataDir;
  const [entry] = MODEL_REGISTRY;
  if (entry === undefined) throw new ConfigError("bench: expected an embedded model, got none");
  const { folder: modelFolder } = await openModel(entry.name);
  const scratch = mkdtempSync(join(tmpdir(), "safe-to-serve-bench-"));
  try {
    for (const set of flags.set === undefined ? Object.keys(CHOICE_SETS) : [flags.set]) {
      const record = await compare({ set, flags, modelFolder, scratch });
      process.stdout.write(`\n${toMarkdown(record)}\n`);
      if (flags.save) keep(set, record);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function compare(subject: Subject): Promise<ComparisonRecord> {
  const { set, flags } = subject;
  const count = Number(flags.questions ?? CHOICE_SETS[set]);
  const before = await ours(subject, count);
  const best = await bestBatch(subject, Math.min(count, Number(flags.trial)));
  const theirs = await lmEval(subject, count, best.batchSize);
  const after = await ours(subject, count);
  return {
    title: `Multiple choice, ${set}, ${count} questions`,
    input: `a seeded sample of ${set}`,
    unit: "questions",
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    threads: Number(flags.threads),
    runs: [
      ourRun(before),
      ...best.trials,
      lmEvalRun(`batches of ${best.batchSize}`, theirs.result),
      ourRun(after),
    ],
    findings: agreement(before.questions, theirs.questions),
  };
}

function ourRun({ result }: Scored): Run {
  return { side: "safe-to-serve", variant: "defaults", isOurs: true, result };
}

function lmEvalRun(variant: string, result: MeasuredResult): Run {
  return { side: "lm-eval", variant, isOurs: false, result };
}

/** The fastest batch size on a few questions, and the runs that showed it. */
async function bestBatch(
  subject: Subject,
  count: number,
): Promise<{ readonly batchSize: number; readonly trials: readonly Run[] }> {
  const tried: { readonly batchSize: number; readonly result: MeasuredResult }[] = [];
  for (const batchSize of BATCHES)
    tried.push({ batchSize, result: (await lmEval(subject, count, batchSize)).result });
  const [best] = tried.toSorted((a, b) => rateOf("questions", b.result) - rateOf("questions", a.result));
  const trials = tried.map(({ batchSize, result }) =>
    lmEvalRun(`trial: batches of ${batchSize} (${count} questions)`, result),
  );
  return { batchSize: best?.batchSize ?? 1, trials };
}

function ours(subject: Subject, count: number): Promise<Scored> {
  return score("safe-to-serve", [process.execPath, "--import", "tsx", join(HERE, "ours.ts")], subject, count);
}

function lmEval(subject: Subject, count: number, batchSize: number): Promise<Scored> {
  const command = [subject.flags.python, join(HERE, "peers/lm_eval_choices.py")];
  return score(`lm-eval, batches of ${batchSize}`, command, subject, count, batchSize);
}

async function score(
  what: string,
  command: readonly string[],
  { set, flags, modelFolder, scratch }: Subject,
  count: number,
  batchSize = 1,
): Promise<Scored> {
  process.stderr.write(`${set}: ${what}, ${count} questions …\n`);
  const [data, out, path] = [
    join(scratch, "rows.jsonl"),
    join(scratch, "scored.jsonl"),
    join(scratch, "job.json"),
  ];
  rmSync(`${out}.journal`, { force: true });
  writeFileSync(data, (await rowsOf(set, count)).map((row) => `${JSON.stringify(row)}\n`).join(""));
  const job: ChoiceJob = {
    task: "choices",
    set,
    questions: count,
    modelFolder,
    gguf: "",
    data,
    out,
    batchSize,
    threads: Number(flags.threads),
    seed: SEED,
  };
  writeFileSync(path, JSON.stringify(job));
  const result = await measure([...command, path], environment(job.threads));
  if (result.items !== count)
    throw new ExecutionError(`${what}: expected ${count} questions done, got ${result.items}`);
  process.stderr.write(
    `  ${rateOf("questions", result).toFixed(2)} questions/s, peak ${result.peakMiB?.toFixed(0)} MiB\n`,
  );
  const lines = readFileSync(out, "utf8").trimEnd().split("\n");
  return { result, questions: lines.map((line) => JSON.parse(line) as ScoredQuestion) };
}

/** The rows of the sample that `evaluate --limit` takes, as they stand in the set's file. */
async function rowsOf(set: string, count: number): Promise<Readonly<Record<string, unknown>>[]> {
  const task = taskNamed(set);
  const { prompts } = await loadTask(task, { limit: count, seed: SEED });
  const rows = await readRows((await resolveDataset(task.dataset)).path);
  const byId = new Map(rows.map(({ fields }) => [String(fields["id"]), fields]));
  return prompts.map(({ id }) => byId.get(id) ?? {});
}

await new Command("lm-eval")
  .requiredOption("--data-dir <folder>", "folder that holds multiple_choice/")
  .option("--python <path>", "Python with peers/requirements.txt installed", "python3")
  .addOption(new Option("--set <name>", "one set only").choices(Object.keys(CHOICE_SETS)))
  .option("--questions <n>", "questions of each set (default: those of the table)")
  .option("--trial <n>", "questions on which lm-eval's batch sizes are tried", "32")
  .option("--threads <n>", "threads of both sides", "2")
  .option("--save", "keep the figures in results/ and write results.md")
  .option("--no-build", "use dist/ as it is")
  .action(main)
  .parseAsync();
