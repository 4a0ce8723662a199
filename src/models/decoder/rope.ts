/**
 * @file Rotary frequencies (Su et al. 2021, arXiv 2104.09864) and their scaling: how `config.json` states it, and what it
 * does. Source: transformers 5, modeling_rope_utils.py.
 */
import { CheckpointError } from "../../core/errors.js";
import type { DecoderConfig, RopeScaling } from "../config.js";
import {
  isJsonObject,
  type JsonObject,
  positiveInteger,
  positiveNumber,
  shown,
} from "../weights/json-fields.js";

/** Values of `rope_type` that are built. */
const SUPPORTED_ROPE_TYPES: readonly unknown[] = ["default", "linear", "llama3"];

/**
 * Rotary options of a checkpoint. transformers 4 wrote `rope_theta` beside `rope_scaling`, transformers 5 writes both
 * into `rope_parameters`.
 * @param where the file's path, for messages
 * @throws CheckpointError for types that are not built, incomplete options, and options stated twice and not alike
 */
export function parseRope(
  json: JsonObject,
  where: string,
): { readonly ropeTheta: number; readonly ropeScaling: RopeScaling | null } {
  const { field, options } = rotaryOptions(json, where);
  const hint = `supported rope types: ${SUPPORTED_ROPE_TYPES.join(", ")}, the same for all layers and the whole head`;
  const type = options["rope_type"] ?? options["type"] ?? "default";
  if (!SUPPORTED_ROPE_TYPES.includes(type) || Object.values(options).some(isJsonObject))
    throw new CheckpointError(`${where}: ${field} = ${shown(options)} is not supported`, { hint });
  const rotated = options["partial_rotary_factor"] ?? json["partial_rotary_factor"] ?? 1;
  if (rotated !== 1)
    throw new CheckpointError(`${where}: partial_rotary_factor = ${shown(rotated)} is not supported`, {
      hint,
    });
  const at = `${where}: ${field}`;
  return {
    ropeTheta: positiveNumber({ rope_theta: json["rope_theta"], ...options }, "rope_theta", where, 10000),
    ropeScaling:
      type === "linear"
        ? { type, factor: positiveNumber(options, "factor", at) }
        : type === "llama3"
          ? llama3Scaling(json, options, at, where)
          : null,
  };
}

/** The field that holds the options, and them; empty ones when there is none. */
function rotaryOptions(json: JsonObject, where: string): { field: string; options: JsonObject } {
  const given = ["rope_scaling", "rope_parameters"].flatMap((field) => {
    const options = json[field] ?? {};
    if (!isJsonObject(options))
      throw new CheckpointError(`${where}: expected ${field} to be an object, got ${shown(options)}`);
    return Object.keys(options).length > 0 ? [{ field, options }] : [];
  });
  if (given.length === 2 && JSON.stringify(given[0]?.options) !== JSON.stringify(given[1]?.options))
    throw new CheckpointError(`${where}: rope_scaling and rope_parameters say different things`, {
      hint: "keep rope_parameters, the name that transformers 5 gives them",
    });
  return given[0] ?? { field: "rope_parameters", options: {} };
}

function llama3Scaling(json: JsonObject, options: JsonObject, at: string, where: string): RopeScaling {
  const original = "original_max_position_embeddings";
  const scaling = {
    type: "llama3",
    factor: positiveNumber(options, "factor", at),
    lowFreqFactor: positiveNumber(options, "low_freq_factor", at),
    highFreqFactor: positiveNumber(options, "high_freq_factor", at),
    // As transformers resolves it: beside the options, within them, else the whole length.
    originalMaxPositionEmbeddings:
      json[original] !== undefined
        ? positiveInteger(json, original, where)
        : positiveInteger(options, original, at, Number(json["max_position_embeddings"])),
  } as const;
  if (scaling.highFreqFactor > scaling.lowFreqFactor) return scaling;
  throw new CheckpointError(
    `${at}: expected high_freq_factor above low_freq_factor, got ${scaling.highFreqFactor} and ${scaling.lowFreqFactor}`,
  );
}

/** Radians a position that each of the K/2 pairs of a head turns by: θ^(−2i/K), scaled. */
export function rotaryFrequencies(
  config: Pick<DecoderConfig, "headDim" | "ropeTheta" | "ropeScaling">,
): number[] {
  const { headDim, ropeTheta, ropeScaling } = config;
  const plain = Array.from({ length: headDim / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headDim));
  return ropeScaling === null ? plain : plain.map((frequency) => scaled(frequency, ropeScaling));
}

/**
 * linear: all frequencies divided by the factor. llama3: only those that turn less than `lowFreqFactor` times within the
 * original length are; those that turn more than `highFreqFactor` times stay, and between the two it changes smoothly.
 */
function scaled(frequency: number, scaling: RopeScaling): number {
  if (scaling.type === "linear") return frequency / scaling.factor;
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
  const turns = (originalMaxPositionEmbeddings * frequency) / (2 * Math.PI);
  const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  const share = Math.min(1, Math.max(0, kept));
  return (1 - share) * (frequency / factor) + share * frequency;
}
