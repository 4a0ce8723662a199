/**
 * @file Seeded random numbers as pure functions of a key, so that no result depends on the order of work.
 * Generator: SplitMix32-style mixing of a 64-bit key folded from its parts (MurmurHash3 finaliser), counter based.
 */

/** Parts of a random key, e.g. (seed, prompt id, sample, position). */
export type RandomKey = readonly (number | string)[];

/** A uniform number in [0, 1) with 32 bits, determined by the key alone. */
export function uniformAt(key: RandomKey): number {
  return hashKey(key) / 4294967296;
}

/** 32-bit hash of a key: FNV-1a over its text form, then the MurmurHash3 finaliser. */
export function hashKey(key: RandomKey): number {
  let hash = 0x811c9dc5;
  const text = key.join("\u0000");
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return mix(hash);
}

function mix(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A stream of random numbers from one key (mulberry32). */
export class SeededRandom {
  private state: number;

  constructor(...key: RandomKey) {
    this.state = hashKey(key);
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** Uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** A permutation of 0 … length − 1 (Fisher–Yates). */
  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = order[i] as number;
      order[i] = order[j] as number;
      order[j] = held;
    }
    return order;
  }

  /** The items in random order; the input is left as it is. */
  shuffled<T>(items: readonly T[]): T[] {
    return Array.from(this.permutation(items.length), (i) => items[i] as T);
  }
}
