/**
 * @file Where the time of one run of a graph goes, by operation, from ONNX Runtime's own profiler; a Markdown table:
 * `npx tsx bench/profile.ts dpo|sft|decode [--rows N] [--past N] [--shapes]`. Host work around the run (packing, copying
 * the cache, AdamW, drawing tokens) is not in it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Argument, Command, Option } from "commander";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { InternalError } from "../src/core/errors.js";
import { toPreferencePairs, toPromptCompletions } from "../src/data/columns.js";
import { readRows } from "../src/data/readers.js";
import type { EmittedModel, Engine, Session, TensorData } from "../src/engine/types.js";
import { conversationEncoder } from "../src/generate/open-local-chat-model.js";
import { buildDecodeGraph } from "../src/models/decoder/decode-graph.js";
import { LOGIT_CHUNKS } from "../src/models/decoder/token-log-probs.js";
import type { LoadedModel, LoraConfig, WeightScheme } from "../src/models/loaded-model.js";
import { loraModules } from "../src/models/lora/lora.js";
import { openModel } from "../src/models/open.js";
import { packRows } from "../src/train/gradient.js";
import { freshFactors } from "../src/train/lora-init.js";
import type { TrainingRow } from "../src/train/method.js";
import { dpoMethod } from "../src/train/methods/dpo-method.js";
import { sftMethod } from "../src/train/methods/sft-method.js";
import { prepareCompletions, preparePairs } from "../src/train/prepare.js";
import { SessionRunner } from "../src/train/session-runner.js";
import { buildStepGraph, dpoStep, sftStep } from "../src/train/step-graph.js";

const DPO_LOSS = { loss: "sigmoid", beta: 0.1, labelSmoothing: 0, nllWeight: 0 } as const;
const MAX_LENGTH = 512;
const RANK = 8;
/** Operations below this share are one line. */
const SMALL_SHARE = 0.005;

interface Flags {
  readonly rows: string;
  readonly past: string;
  readonly threads: string;
  readonly runs: string;
  readonly model: string;
  readonly weights: WeightScheme;
  readonly shapes?: boolean;
}

/** A graph ready to run as often as wanted. */
interface Subject {
  readonly title: string;
  run(): Promise<void>;
}

async function main(what: "dpo" | "sft" | "decode", flags: Flags): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "safe-to-serve-profile-"));
  try {
    const profiler = new Profiler(folder, Number(flags.threads));
    const model = await openModel(flags.model, { weights: flags.weights });
    const subject =
      what === "decode"
        ? await decodeStep(model, flags, profiler)
        : await trainingStep(what, model, flags, profiler);
    // The first run also allocates; it is left out of the table.
    for (let i = 0; i <= Number(flags.runs); i++) await subject.run();
    const events = runEvents(profiler.finish());
    process.stdout.write(table(subject.title, events, Number(flags.runs), flags.shapes === true));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opens profiled sessions; an {@link Engine} as far as a step runner needs one. */
class Profiler {
  private session: InferenceSession | null = null;
  private readonly folder: string;
  private readonly threads: number;

  constructor(folder: string, threads: number) {
    this.folder = folder;
    this.threads = threads;
  }

  async open(graph: EmittedModel): Promise<Session> {
    const session = await InferenceSession.create(graph.bytes, this.options(graph));
    this.session = session;
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: async (feeds) => {
        const tensors = Object.entries(feeds).map(
          ([name, feed]) => [name, tensor(feed as TensorData)] as const,
        );
        return tensorData(await session.run(Object.fromEntries(tensors)));
      },
      close: () => session.release(),
    };
  }

  get engine(): Engine {
    const none = () => Promise.reject(new InternalError("profile: the step graph has no resident buffers"));
    const open = (graph: EmittedModel) => this.open(graph);
    return {
      device: "cpu",
      threads: this.threads,
      open,
      allocate: none,
      write: none,
      copyRows: none,
      free: none,
      close: async () => {},
    };
  }

  /** Ends profiling and reads what was written. */
  finish(): ProfileEvent[] {
    this.session?.endProfiling();
    const [file] = readdirSync(this.folder);
    return JSON.parse(readFileSync(join(this.folder, file ?? ""), "utf8")) as ProfileEvent[];
  }

  /** As the engine's own sessions, with the profiler on. */
  private options(graph: EmittedModel): InferenceSession.SessionOptions {
    const session = {
      "intra_op.allow_spinning": "0",
      model_external_initializers_file_folder_path: graph.externalDataFolder ?? "",
    };
    return {
      executionProviders: ["cpu"],
      intraOpNumThreads: this.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      enableProfiling: true,
      profileFilePrefix: join(this.folder, "profile"),
      extra: { session },
    };
  }
}

function tensor({ dtype, data, shape }: TensorData): Tensor {
  return new Tensor(dtype, data as Float32Array, shape);
}

function tensorData(outputs: Readonly<Record<string, Tensor>>): Record<string, TensorData> {
  const plain = ({ type, dims, data }: Tensor): TensorData => ({
    dtype: type as TensorData["dtype"],
    shape: dims,
    data: data as TensorData["data"],
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, plain(output)]));
}

/** The step that `bench/run.ts` times: the first rows of the same file, the same adapter. */
async function trainingStep(
  what: "dpo" | "sft",
  model: LoadedModel,
  flags: Flags,
  profiler: Profiler,
): Promise<Subject> {
  const isDpo = what === "dpo";
  const rows = (await trainingRows(what, model)).slice(0, Number(flags.rows));
  const modules = loraModules(model.config, isDpo ? ["all-linear"] : ["q_proj", "v_proj"]);
  const lora: LoraConfig = { rank: RANK, alpha: 2 * RANK, dropout: 0, modules };
  const shapes = freshFactors(model.config, lora, 0);
  const runner = new SessionRunner({
    engine: profiler.engine,
    stepGraph: () => buildStepGraph(model, lora, isDpo ? dpoStep(DPO_LOSS) : sftStep),
    scoreGraph: () => buildStepGraph(model, lora, sftStep),
    shapes,
    noiseWidth: 0,
  });
  const packed = packRows(rows, { chunks: LOGIT_CHUNKS });
  const pairs = rows.map((row) => ({ ...row, referenceChosen: 0, referenceRejected: 0 }));
  const inputs = isDpo
    ? dpoMethod(DPO_LOSS, false).inputs(pairs, pairs)
    : sftMethod("sft").inputs(rows, rows);
  const factors = new Map(Array.from(shapes, ([name, { data }]) => [name, data]));
  const title = `${what.toUpperCase()} step, ${rows.length} rows packed to ${packed.rows} × ${packed.length} positions, ${packed.labels.length} labels`;
  return {
    title,
    run: async () => {
      await runner.step({ packed, factors, inputs, noiseKey: [0, 0, 0] });
    },
  };
}

async function trainingRows(what: "dpo" | "sft", model: LoadedModel): Promise<readonly TrainingRow[]> {
  const encoder = conversationEncoder(model);
  const options = { maxLength: MAX_LENGTH, stopTokenIds: encoder.stopIds };
  const file = join(import.meta.dirname, "data", what === "dpo" ? "dpo-64.jsonl" : "sft-256.jsonl");
  const sources = await readRows(file);
  return what === "dpo"
    ? preparePairs(toPreferencePairs(sources), encoder, options).rows
    : prepareCompletions(toPromptCompletions(sources), encoder, options).rows;
}

/** One new token for every sequence over a cache that is full. */
async function decodeStep(model: LoadedModel, flags: Flags, profiler: Profiler): Promise<Subject> {
  const session = await profiler.open(buildDecodeGraph(model, null));
  const [batch, past] = [Number(flags.rows), Number(flags.past)];
  const { numHiddenLayers, numKeyValueHeads, headDim } = model.config;
  const shape = [batch, numKeyValueHeads, past, headDim];
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
  const cache: TensorData = { dtype: "float32", shape, data };
  const integers = (value: number, ...dims: number[]): TensorData => ({
    dtype: "int64",
    shape: dims,
    data: new BigInt64Array(batch).fill(BigInt(value)),
  });
  const feeds: Record<string, TensorData> = {
    input_ids: integers(1, batch, 1),
    position_ids: integers(past, batch, 1),
    past_lengths: integers(past, batch),
    last_index: integers(0, batch),
  };
  for (let l = 0; l < numHiddenLayers; l++) {
    feeds[`past.${l}.key`] = cache;
    feeds[`past.${l}.value`] = cache;
  }
  return {
    title: `Decode step, ${batch} sequences, ${past} cached positions`,
    run: async () => {
      await session.run(feeds);
    },
  };
}

/** The parts of the profiler's events (Chrome's trace format) that are read here; microseconds. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Record<string, number[]>[];
  };
}

/** Events from the second run of the model on. */
function runEvents(events: readonly ProfileEvent[]): ProfileEvent[] {
  const runs = events.filter(({ name }) => name === "model_run").toSorted((a, b) => a.ts - b.ts);
  const from = runs[1]?.ts ?? Number.POSITIVE_INFINITY;
  return events.filter(({ ts }) => ts >= from);
}

interface Line {
  readonly name: string;
  readonly ms: number;
  readonly calls: number;
}

/** Time by operation, greatest first; what no kernel accounts for is ONNX Runtime's own work between them. */
function table(title: string, events: readonly ProfileEvent[], runs: number, byShape: boolean): string {
  const wholeMs = milliseconds(events.filter(({ name }) => name === "model_run")) / runs;
  const lines = byOperation(events, runs, byShape);
  const isLarge = ({ ms }: Line) => ms >= SMALL_SHARE * wholeMs;
  const small = lines.filter((line) => !isLarge(line));
  const others = {
    name: `${small.length} others`,
    ms: totalMs(small),
    calls: small.reduce((n, l) => n + l.calls, 0),
  };
  const between = { name: "between kernels", ms: wholeMs - totalMs(lines), calls: null };
  const rows = [...lines.filter(isLarge), others, between].map(
    ({ name, ms, calls }) =>
      `| ${name} | ${((100 * ms) / wholeMs).toFixed(1)} % | ${ms.toFixed(1)} | ${calls ?? ""} |`,
  );
  const header = "| operation | share | ms a run | calls a run |\n| --- | ---: | ---: | ---: |";
  return `${title}: ${wholeMs.toFixed(0)} ms a run, mean of ${runs}.\n\n${header}\n${rows.join("\n")}\n`;
}

function totalMs(lines: readonly Line[]): number {
  return lines.reduce((total, { ms }) => total + ms, 0);
}

function byOperation(events: readonly ProfileEvent[], runs: number, byShape: boolean): Line[] {
  const groups = new Map<string, ProfileEvent[]>();
  for (const event of events.filter(({ name }) => name.endsWith("_kernel_time"))) {
    const name = operationOf(event, byShape);
    groups.set(name, [...(groups.get(name) ?? []), event]);
  }
  return Array.from(groups, ([name, found]) => ({
    name,
    ms: milliseconds(found) / runs,
    calls: Math.round(found.length / runs),
  })).sort((a, b) => b.ms - a.ms);
}

function operationOf({ args }: ProfileEvent, byShape: boolean): string {
  const operation = args?.op_name ?? "unnamed";
  if (!byShape) return operation;
  const shapes = (args?.input_type_shape ?? []).flatMap((typed) => Object.values(typed));
  return `${operation} ${shapes.map((shape) => `[${shape.join()}]`).join(" ")}`;
}

function milliseconds(events: readonly ProfileEvent[]): number {
  return events.reduce((total, { dur }) => total + dur, 0) / 1000;
}

await new Command("profile")
  .addArgument(new Argument("<what>", "a training step or a decoding step").choices(["dpo", "sft", "decode"]))
  .option("--rows <n>", "training rows of the step, or sequences decoded side by side", "4")
  .option("--past <n>", "decode: cached positions of every sequence", "128")
  .option("--runs <n>", "runs that the table is the mean of", "3")
  .option("--threads <n>", "threads of one operation", "2")
  .option("--model <name>", "registry name, folder, file or hub id", "smollm2-135m-instruct")
  .addOption(
    new Option("--weights <scheme>", "decode: how the base's weights are held")
      .choices(["f32", "int8", "int4"])
      .default("f32"),
  )
  .option("--shapes", "a line for every combination of operation and input shapes")
  .action(main)
  .parseAsync();
