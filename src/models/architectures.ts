/**
 * @file The architectures that one decoder covers: for each `model_type`, what transformers' configuration and modelling
 * classes of that name fix in code and `config.json` leaves unsaid. Source: transformers 5, models/<type>/.
 */
import type { Architecture, LinearLayer } from "./config.js";
import type { JsonObject } from "./weights/json-fields.js";

/** How the `config.json` of a model type is read. */
export interface ArchitectureRules {
  /** The class that `architectures` names. */
  readonly className: string;
  /** Defaults of absent fields, where they are not those of every type. */
  readonly defaults: JsonObject;
  /** Linear layers that always add a bias. */
  readonly biases: readonly LinearLayer[];
  /** Boolean fields that give biases to further layers. */
  readonly biasFields: Readonly<Record<string, readonly LinearLayer[]>>;
  /** See {@link DecoderConfig.qkNorm}. */
  readonly qkNorm: boolean;
  /**
   * Which layers attend through `sliding_window`: none; all, unless it is null; or, where `use_sliding_window` is set,
   * those that `layer_types` names, by default those from `max_window_layers` on.
   */
  readonly slidingWindow: "none" | "all" | "chosen";
}

const ATTENTION: readonly LinearLayer[] = ["q_proj", "k_proj", "v_proj", "o_proj"];
const FEED_FORWARD: readonly LinearLayer[] = ["gate_proj", "up_proj", "down_proj"];

/** The rules of every architecture. */
export const ARCHITECTURES: Readonly<Record<Architecture, ArchitectureRules>> = {
  llama: {
    className: "LlamaForCausalLM",
    defaults: { max_position_embeddings: 2048 },
    biases: [],
    biasFields: { attention_bias: ATTENTION, mlp_bias: FEED_FORWARD },
    qkNorm: false,
    slidingWindow: "none",
  },
  mistral: {
    className: "MistralForCausalLM",
    defaults: { max_position_embeddings: 131072, num_key_value_heads: 8, sliding_window: 4096 },
    biases: [],
    biasFields: {},
    qkNorm: false,
    slidingWindow: "all",
  },
  qwen2: {
    className: "Qwen2ForCausalLM",
    defaults: { max_position_embeddings: 32768, num_key_value_heads: 32, sliding_window: 4096 },
    biases: ["q_proj", "k_proj", "v_proj"],
    biasFields: {},
    qkNorm: false,
    slidingWindow: "chosen",
  },
  qwen3: {
    className: "Qwen3ForCausalLM",
    defaults: {
      max_position_embeddings: 32768,
      num_key_value_heads: 32,
      head_dim: 128,
      sliding_window: 4096,
    },
    biases: [],
    biasFields: { attention_bias: ATTENTION },
    qkNorm: true,
    slidingWindow: "chosen",
  },
};

/** Values of `model_type` that can be opened. */
export const SUPPORTED_MODEL_TYPES: readonly string[] = Object.keys(ARCHITECTURES);

/** Whether a `model_type` is one of them. */
export function isArchitecture(type: unknown): type is Architecture {
  return typeof type === "string" && SUPPORTED_MODEL_TYPES.includes(type);
}
