/** @file Gradient clipping by global norm, as torch.nn.utils.clip_grad_norm_ does it (Pascanu et al. 2013). */
import type { NamedArrays } from "./optimizer.js";

/** Added to the norm before dividing, as PyTorch does. */
const NORM_EPSILON = 1e-6;

/** Euclidean norm over all gradients together. */
export function globalNorm(gradients: NamedArrays): number {
  let sum = 0;
  for (const gradient of gradients.values()) {
    for (let i = 0; i < gradient.length; i++) sum += (gradient[i] as number) ** 2;
  }
  return Math.sqrt(sum);
}

/**
 * Scales all gradients in place so that their global norm is at most `maxNorm`.
 * @param maxNorm 0 leaves them as they are
 * @returns the norm before clipping, which is what gets logged
 */
export function clipByGlobalNorm(gradients: NamedArrays, maxNorm: number): number {
  const norm = globalNorm(gradients);
  const factor = maxNorm / (norm + NORM_EPSILON);
  if (maxNorm <= 0 || !(factor < 1)) return norm;
  for (const gradient of gradients.values()) {
    for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] as number) * factor;
  }
  return norm;
}
