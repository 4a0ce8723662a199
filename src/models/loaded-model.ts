/** @file A checkpoint ready for graphs: where each float32 tensor lies on disk, and the files that make text of it. */
import type { DecoderConfig } from "./config.js";

/** A float32 tensor inside a file, little endian, row major. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** File name inside the model's folder. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** How the weights of a base are held: as they were opened, or in blocks of 8 or 4 bits. */
export type WeightScheme = "f32" | QuantisedScheme;

/** The schemes that quantise. */
export type QuantisedScheme = "int8" | "int4";

/** A matrix [out, in] in blocks along the input axis; see quantise.ts for the layout. */
export interface QuantisedTensor {
  readonly bits: 4 | 8;
  readonly codes: StoredTensor;
  readonly scales: StoredTensor;
  /** null when all are 0 */
  readonly offsets: StoredTensor | null;
}

/** The quantised part of a checkpoint. */
export interface QuantisedWeights {
  readonly scheme: QuantisedScheme;
  /** By checkpoint name, stacked ones by that of linear-layers.ts; these are not among the model's float32 tensors. */
  readonly tensors: ReadonlyMap<string, QuantisedTensor>;
  /** What the other factor of a product is rounded to: 8 bits a block of 32 (fast), or not at all (slow, for tests). */
  readonly activations: "int8" | "float32";
}

/** What the tokenizer is built from, as Hugging Face writes it. */
export interface TokenizerFiles {
  /** Content of tokenizer.json. */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** Content of tokenizer_config.json; for GGUF made from its metadata. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Jinja text; null when the checkpoint has none. */
  readonly chatTemplate: string | null;
  /** Ids that end a generation (generation_config / config), at least one. */
  readonly eosTokenIds: readonly number[];
}

/** An opened checkpoint. */
export interface LoadedModel {
  /** Registry name, hub id or path as the user gave it. */
  readonly id: string;
  /** sha256 over the checkpoint's content (source file hash for GGUF, per-file hashes otherwise). */
  readonly hash: string;
  readonly config: DecoderConfig;
  /** The real folder (links resolved) that the tensors' files lie in. */
  readonly folder: string;
  /** By checkpoint name, e.g. `model.layers.0.self_attn.q_proj.weight`, [out, in]. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly text: TokenizerFiles;
  /** Absent for a model in float32; such a model can be sampled and scored, not trained. */
  readonly quantised?: QuantisedWeights;
}

/** The PEFT LoRA hyperparameters that shape graphs. */
export interface LoraConfig {
  /** R */
  readonly rank: number;
  readonly alpha: number;
  /** Probability of dropping an input element while training. */
  readonly dropout: number;
  /** Full module names, e.g. `model.layers.0.self_attn.q_proj`, in checkpoint order. */
  readonly modules: readonly string[];
  /** Labels of the class head that is trained with the factors; absent without one. */
  readonly labels?: number;
}

/**
 * Factors of a LoRA adapter by PEFT parameter name (`base_model.model.<module>.lora_A.weight` [R, in], `…lora_B.weight` [out, R]);
 * last, where there is one, its class head `base_model.model.score.weight` [labels, D].
 */
export interface Adapter {
  readonly config: LoraConfig;
  readonly factors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** sha256 of the factors and the config; "" for none. */
  readonly hash: string;
}
