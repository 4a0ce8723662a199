/**
 * @file AdamW on the host: adapters are a few megabytes, so an update costs milliseconds whatever the device.
 * Loshchilov & Hutter 2019 (arXiv 1711.05101), with torch.optim.AdamW's order of operations in float32 storage.
 */
import { InternalError } from "../core/errors.js";

/** Parameters, gradients or moments by name. */
export type NamedArrays = ReadonlyMap<string, Float32Array>;

/** AdamW's hyperparameters. */
export interface AdamWOptions {
  /** Default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled: every step multiplies the parameters by 1 − learningRate · weightDecay. Default 0. */
  readonly weightDecay?: number;
}

/** What an optimiser must keep to go on bit for bit. */
export interface AdamWState {
  /** Updates done. */
  readonly step: number;
  /** First moments. */
  readonly mean: NamedArrays;
  /** Second moments. */
  readonly square: NamedArrays;
}

/** AdamW over named parameters, updated in place. */
export class AdamW {
  private readonly parameters: NamedArrays;
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private readonly weightDecay: number;
  private readonly mean: Map<string, Float32Array>;
  private readonly square: Map<string, Float32Array>;
  private steps: number;

  /** @throws InternalError when `state` does not fit the parameters */
  constructor(parameters: NamedArrays, options: AdamWOptions = {}, state?: AdamWState) {
    this.parameters = parameters;
    [this.beta1, this.beta2] = options.betas ?? [0.9, 0.999];
    this.epsilon = options.epsilon ?? 1e-8;
    this.weightDecay = options.weightDecay ?? 0;
    this.steps = state?.step ?? 0;
    this.mean = momentsLike(parameters, state?.mean);
    this.square = momentsLike(parameters, state?.square);
  }

  /** The state as it is now; arrays are shared, not copied. */
  get state(): AdamWState {
    return { step: this.steps, mean: this.mean, square: this.square };
  }

  /**
   * One update.
   *   p ← p(1 − ηλ);  m ← m + (1−β₁)(g − m);  v ← β₂v + (1−β₂)g²;  p ← p − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
   */
  update(gradients: NamedArrays, learningRate: number): void {
    this.steps += 1;
    const scale = {
      decay: 1 - learningRate * this.weightDecay,
      step: learningRate / (1 - this.beta1 ** this.steps),
      root: Math.sqrt(1 - this.beta2 ** this.steps),
    };
    for (const [name, parameter] of this.parameters) {
      this.updateOne(
        parameter,
        member(gradients, name),
        member(this.mean, name),
        member(this.square, name),
        scale,
      );
    }
  }

  private updateOne(
    parameter: Float32Array,
    gradient: Float32Array,
    mean: Float32Array,
    square: Float32Array,
    scale: { readonly decay: number; readonly step: number; readonly root: number },
  ): void {
    const { beta1, beta2, epsilon } = this;
    for (let i = 0; i < parameter.length; i++) {
      const g = gradient[i] as number;
      const m = (mean[i] as number) + (1 - beta1) * (g - (mean[i] as number));
      const v = beta2 * (square[i] as number) + (1 - beta2) * g * g;
      mean[i] = m;
      square[i] = v;
      const denominator = Math.sqrt(square[i] as number) / scale.root + epsilon;
      parameter[i] =
        (parameter[i] as number) * scale.decay - (scale.step * (mean[i] as number)) / denominator;
    }
  }
}

function momentsLike(parameters: NamedArrays, stored: NamedArrays | undefined): Map<string, Float32Array> {
  return new Map(
    Array.from(parameters, ([name, parameter]) => {
      const moment = stored === undefined ? new Float32Array(parameter.length) : member(stored, name).slice();
      if (moment.length !== parameter.length) throw misfit(name, parameter.length, moment.length);
      return [name, moment];
    }),
  );
}

function member(arrays: NamedArrays, name: string): Float32Array {
  const array = arrays.get(name);
  if (array === undefined) throw misfit(name, "an array", "none");
  return array;
}

function misfit(name: string, expected: number | string, got: number | string): InternalError {
  return new InternalError(`AdamW: expected ${expected} for ${name}, got ${got}`);
}
