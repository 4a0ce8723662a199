/** @file LoRA factors in the engine's buffers, fed to every run by reference; rewritten in place while training. */
import { InternalError } from "../core/errors.js";
import type { BufferRef, Engine } from "../engine/types.js";
import type { Adapter } from "../models/loaded-model.js";
import type { AdapterFeeds } from "./decode-graph-run.js";

/** An adapter beside the sessions. */
export class ResidentAdapter {
  private readonly engine: Engine;
  private readonly buffers: Map<string, BufferRef> = new Map();
  private readonly strength: number;

  private constructor(engine: Engine, strength: number) {
    this.engine = engine;
    this.strength = strength;
  }

  /** Copies the factors to the engine. */
  static async allocate(engine: Engine, adapter: Adapter, strength: number): Promise<ResidentAdapter> {
    const resident = new ResidentAdapter(engine, strength);
    for (const [name, { shape, data }] of adapter.factors) {
      resident.buffers.set(name, await engine.allocate(shape, data));
    }
    return resident;
  }

  /** Inputs of the decode and score graphs: factors by PEFT name and `adapter_strength` [1]. */
  feeds(): AdapterFeeds {
    const strength = { dtype: "float32", shape: [1], data: Float32Array.of(this.strength) } as const;
    return { ...Object.fromEntries(this.buffers), adapter_strength: strength };
  }

  /** Overwrites all factors with values of the same names and sizes. */
  async write(factors: ReadonlyMap<string, Float32Array>): Promise<void> {
    for (const [name, buffer] of this.buffers) {
      const data = factors.get(name);
      const size = buffer.shape.reduce((product, n) => product * n, 1);
      if (data?.length !== size) {
        throw new InternalError(`adapter ${name}: expected ${size} numbers, got ${data?.length ?? "none"}`);
      }
      await this.engine.write(buffer, data);
    }
  }

  /** Gives the memory back. */
  async free(): Promise<void> {
    for (const buffer of this.buffers.values()) await this.engine.free(buffer);
    this.buffers.clear();
  }
}
