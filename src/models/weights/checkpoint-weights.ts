/** @file The tensors of an opened checkpoint as initialisers of one graph, and the layers that are a weight and a bias. */
import { CheckpointError } from "../../core/errors.js";
import { add, external, matmul, reduceMean, rmsNorm, sub, type Value } from "../../engine/graph/ops.js";
import type { StoredTensor } from "../loaded-model.js";

/** Makes each tensor an initialiser once. */
export class CheckpointWeights {
  private readonly tensors: ReadonlyMap<string, StoredTensor>;
  private readonly values = new Map<string, Value>();

  constructor(tensors: ReadonlyMap<string, StoredTensor>) {
    this.tensors = tensors;
  }

  /** A tensor by its checkpoint name. @throws CheckpointError when there is none */
  get(name: string): Value {
    const known = this.values.get(name);
    if (known) return known;
    const tensor = this.tensors.get(name);
    if (!tensor) throw new CheckpointError(`tensor ${name} is missing`);
    const value = external(name, "float32", tensor.shape, tensor);
    this.values.set(name, value);
    return value;
  }

  /** The same for a graph that names every tensor with a prefix which the checkpoint leaves out. */
  under(prefix: string): CheckpointWeights {
    return new CheckpointWeights(new Map([...this.tensors].map(([name, tensor]) => [prefix + name, tensor])));
  }

  /** x·Wᵀ + b for W [out, in]: […, out]. */
  linear(x: Value, module: string): Value {
    return add(matmul(x, this.get(`${module}.weight`), { transposeB: true }), this.get(`${module}.bias`));
  }

  /** x·W + b for W [in, out], as GPT-2's `Conv1D` stores it: […, out]. */
  conv1d(x: Value, module: string): Value {
    return add(matmul(x, this.get(`${module}.weight`)), this.get(`${module}.bias`));
  }

  /**
   * Layer normalisation over the last axis (Ba et al. 2016, arXiv 1607.06450): w·(x − μ)/√(σ² + ε) + b. What is left when
   * the mean is taken off has its variance as mean square, so the rest is RMSNorm.
   */
  layerNorm(x: Value, module: string, epsilon: number): Value {
    const centred = sub(x, reduceMean(x, [-1], true));
    return add(rmsNorm(centred, this.get(`${module}.weight`), epsilon), this.get(`${module}.bias`));
  }
}
