/**
 * @file Python's `random.Random(seed).sample`, which lm-evaluation-harness draws worked examples with: the Mersenne Twister
 * (Matsumoto and Nishimura 1998, MT19937) seeded and used as CPython's `_randommodule.c` and `random.py` do.
 */
import { ConfigError } from "../../core/errors.js";

const WORDS = 624;
const MIDDLE = 397;

/** The generator of Python's `random.Random(seed)` for whole seeds below 2³². */
export class PythonRandom {
  private readonly state: Uint32Array;
  private next = WORDS;

  constructor(seed: number) {
    this.state = seededByArray(seed >>> 0);
  }

  /**
   * `random.sample(range(size), count)`: places drawn without replacement, in the order drawn.
   * @throws ConfigError when more are asked for than there are
   */
  sample(size: number, count: number): number[] {
    if (count > size) throw new ConfigError(`sample: expected at most ${size} draws, got ${count}`);
    return count > 0 && size > setSize(count) ? this.sampleSet(size, count) : this.samplePool(size, count);
  }

  private samplePool(size: number, count: number): number[] {
    const pool = Array.from({ length: size }, (_, i) => i);
    return Array.from({ length: count }, (_, i) => {
      const place = this.below(size - i);
      const drawn = pool[place] as number;
      pool[place] = pool[size - i - 1] as number;
      return drawn;
    });
  }

  private sampleSet(size: number, count: number): number[] {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.below(size));
    return [...drawn];
  }

  /** `_randbelow_with_getrandbits`: as many bits as `limit` has, drawn again while they are too large. */
  private below(limit: number): number {
    const bits = 32 - Math.clz32(limit);
    let value = this.word() >>> (32 - bits);
    while (value >= limit) value = this.word() >>> (32 - bits);
    return value;
  }

  /** The next 32 bits. */
  private word(): number {
    if (this.next === WORDS) this.twist();
    let y = this.state[this.next++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { state } = this;
    const at = (i: number): number => state[i % WORDS] as number;
    for (let i = 0; i < WORDS; i++) {
      const y = (at(i) & 0x80000000) | (at(i + 1) & 0x7fffffff);
      state[i] = at(i + MIDDLE) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}

/** Where CPython changes from shuffling a list to drawing into a set. */
function setSize(count: number): number {
  return 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
}

/** `init_by_array` with the seed as its only word. */
function seededByArray(seed: number): Uint32Array {
  const state = seededByWord(19650218);
  let i = 1;
  const mix = (factor: number, add: number): void => {
    const before = state[i - 1] as number;
    state[i] = ((state[i] as number) ^ Math.imul(before ^ (before >>> 30), factor)) + add;
    if (++i < WORDS) return;
    state[0] = state[WORDS - 1] as number;
    i = 1;
  };
  for (let k = 0; k < WORDS; k++) mix(1664525, seed);
  for (let k = 0; k < WORDS - 1; k++) mix(1566083941, -i);
  state[0] = 0x80000000;
  return state;
}

function seededByWord(seed: number): Uint32Array {
  const state = new Uint32Array(WORDS);
  state[0] = seed;
  for (let i = 1; i < WORDS; i++) {
    const before = state[i - 1] as number;
    state[i] = Math.imul(before ^ (before >>> 30), 1812433253) + i;
  }
  return state;
}
