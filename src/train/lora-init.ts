/** @file A fresh LoRA adapter as PEFT starts one: A Kaiming-uniform, B zero, so that training starts from the base. */
import { SeededRandom } from "../core/random.js";
import type { DecoderConfig } from "../models/config.js";
import type { LoraConfig } from "../models/loaded-model.js";
import { loraFactors } from "../models/lora/lora.js";

/** One factor, row major. */
export interface Factor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Factors of a fresh adapter by PEFT name: A uniform in ±1/√in (kaiming_uniform with a = √5), B zero.
 * @param seed every factor is a function of (seed, its name) alone
 */
export function freshFactors(
  config: DecoderConfig,
  lora: LoraConfig,
  seed: number,
): ReadonlyMap<string, Factor> {
  return new Map(
    loraFactors(config, lora).map(({ name, shape }) => {
      const data = new Float32Array(shape[0] * shape[1]);
      if (name.includes(".lora_A."))
        fillUniform(data, 1 / Math.sqrt(shape[1]), new SeededRandom("lora", seed, name));
      return [name, { shape, data }];
    }),
  );
}

function fillUniform(data: Float32Array, bound: number, random: SeededRandom): void {
  for (let i = 0; i < data.length; i++) data[i] = (2 * random.next() - 1) * bound;
}
