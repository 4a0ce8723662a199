/**
 * Supervised fine-tuning of a LoRA adapter. `model` may be any registry name, folder, file or hub id.
 * Run: npx tsx examples/02-train-lora-sft.ts
 */
import { trainSft } from "safe-to-serve/train";
import { tinyModelFolder } from "./tiny-model.js";

const { model, runs } = await tinyModelFolder();
const animals = ["cat", "dog", "cow", "hen", "owl", "fox"];
const losses: number[] = [];

const result = await trainSft({
  model,
  data: animals.map((animal) => ({
    id: animal,
    prompt: [{ role: "user", content: `Is a ${animal} a plant?` }],
    completion: [{ role: "assistant", content: `No, a ${animal} is not.` }],
  })),
  out: `${runs}/sft`,
  maxSteps: 20,
  learningRate: 0.02,
  threads: 1,
  watch: false,
  onStep: ({ metrics }) => losses.push(Number(metrics["loss"])),
});

// The run's folder holds the PEFT adapter, metrics.jsonl, and certificate.json: which tokens carried loss.
const { rowsTrained } = result.certificate.train;
console.log(
  `${result.steps} steps on ${rowsTrained} rows: loss ${losses[0]?.toFixed(2)} -> ${losses.at(-1)?.toFixed(2)}`,
);
