/** @file The comparisons: which file, which settings, which peers, and in which variants each side is tried. */
import type { WeightScheme } from "../src/models/loaded-model.js";
import type { Job, Settings } from "./job.js";

/** A way to run one side. */
export interface Variant {
  readonly label: string;
  readonly settings: Settings;
  /** Take only the first rows: a slow variant shows its rate on a part. */
  readonly rows?: number;
}

/** One side of a comparison. */
export interface Side {
  readonly name: string;
  readonly runtime: "ours" | "python" | "node-llama-cpp";
  /** Script under `peers/`; ours is `ours.ts`. */
  readonly script: string;
  /** The fastest one counts. */
  readonly variants: readonly Variant[];
  /** More variants, tried with `--all-variants`. */
  readonly moreVariants?: readonly Variant[];
}

/** One row of the table. */
export interface Comparison {
  readonly title: string;
  readonly task: Job["task"];
  /** File under `data/`. */
  readonly file: string;
  readonly settings: Settings;
  /** What a second is counted in: `items` by name, or tokens. */
  readonly unit: "pairs" | "tokens";
  /** Rows of one `--steps`. */
  readonly rowsPerStep: number;
  /** Rows without `--steps`; default all of the file. */
  readonly rows?: number;
  readonly ours: Side;
  readonly peers: readonly Side[];
}

const DPO_BATCH = 4;
const SFT_BATCH = 8;
/** Rows that a variant of few sequences is timed on. */
const FEW_PROMPTS = 8;
const BATCHES = [1, 8, 16, 32, 64];
const SEQUENCES = [1, 8, 16, 32];

/** By the name that `run.ts` takes. */
export const COMPARISONS: Readonly<Record<string, Comparison>> = {
  dpo: {
    title: "DPO, 64 pairs, max length 512, batch 4, all linear layers, reference included",
    task: "dpo",
    file: "dpo-64.jsonl",
    settings: {
      batchSize: DPO_BATCH,
      maxLength: 512,
      learningRate: 5e-5,
      loraRank: 8,
      loraTargets: ["all-linear"],
    },
    unit: "pairs",
    rowsPerStep: DPO_BATCH,
    ours: ours([{ label: "defaults", settings: {} }]),
    peers: [python("TRL DPOTrainer", "trl_dpo.py", trainingVariants(DPO_BATCH, true))],
  },
  sft: {
    title: "SFT, 256 Alpaca rows, max length 512, LoRA r 8 on q_proj and v_proj, 8 rows a step",
    task: "sft",
    file: "sft-256.jsonl",
    settings: {
      batchSize: SFT_BATCH,
      maxLength: 512,
      learningRate: 2e-4,
      loraRank: 8,
      loraTargets: ["q_proj", "v_proj"],
    },
    unit: "tokens",
    rowsPerStep: SFT_BATCH,
    ours: ours([{ label: "defaults", settings: {} }]),
    peers: [python("PEFT, plain loop", "peft_sft.py", trainingVariants(SFT_BATCH, false))],
  },
  sample: {
    title: "Sampling, 64 prompts, exactly 128 new tokens each, temperature 0.8, prefill included",
    task: "sample",
    file: "prompts-64.jsonl",
    settings: { maxNewTokens: 128, temperature: 0.8 },
    unit: "tokens",
    rowsPerStep: 1,
    ours: ours([32, 64].map((n) => sequences(n, "sequences"))),
    peers: [
      python("transformers generate", "transformers_generate.py", [
        BATCHES.map((n) => sequences(n, "a batch")),
        [],
      ]),
      llama("llama.cpp Q4_1 by node-llama-cpp", SEQUENCES),
    ],
  },
  single: {
    title: "One sequence, greedy, 8 prompts, 128 new tokens each, prefill included",
    task: "sample",
    file: "prompts-64.jsonl",
    settings: { maxNewTokens: 128, temperature: 0 },
    unit: "tokens",
    rowsPerStep: 1,
    rows: FEW_PROMPTS,
    ours: ours([held("int4"), held("int8"), sequences(1, "sequences")]),
    peers: [llama("llama.cpp Q4_1 by node-llama-cpp", [1])],
  },
};

function ours(variants: readonly Variant[]): Side {
  return { name: "safe-to-serve", runtime: "ours", script: "ours.ts", variants };
}

function python(
  name: string,
  script: string,
  [variants, moreVariants]: readonly [readonly Variant[], readonly Variant[]],
): Side {
  return { name, runtime: "python", script, variants, moreVariants };
}

function llama(name: string, counts: readonly number[]): Side {
  const variants = counts.map((n) => sequences(n, "sequences"));
  return { name, runtime: "node-llama-cpp", script: "node-llama-cpp/generate.mjs", variants };
}

function sequences(batchSize: number, word: string): Variant {
  return {
    label: batchSize === 1 ? "1 sequence" : `${batchSize} ${word}`,
    settings: { batchSize },
    ...(batchSize === 1 && { rows: FEW_PROMPTS }),
  };
}

/** One sequence with quantised weights. */
function held(weights: WeightScheme): Variant {
  const plain = sequences(1, "sequences");
  return { ...plain, label: `${plain.label}, ${weights}`, settings: { ...plain.settings, weights } };
}

/** The plain variant, and every other that changes the plain one in one respect. */
function trainingVariants(
  batch: number,
  hasReference: boolean,
): readonly [readonly Variant[], readonly Variant[]] {
  const micro = [1, 2, 4, 8].filter((n) => n < batch);
  return [
    [{ label: `micro-batch ${batch}`, settings: {} }],
    [
      ...micro.map((n) => ({ label: `micro-batch ${n}`, settings: { microBatch: n } })),
      { label: "grouped by length", settings: { groupByLength: true } },
      { label: "checkpointing", settings: { checkpointing: true } },
      { label: "eager attention", settings: { attention: "eager" } },
      ...(hasReference
        ? [{ label: "reference precomputed", settings: { precomputeReference: true } } as const]
        : []),
    ],
  ];
}
