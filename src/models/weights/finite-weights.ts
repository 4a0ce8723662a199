/**
 * @file Weights that are used where they lie are not read when a model is opened, so NaN in them is looked for once a file,
 * before its hash is taken, and that is remembered. Weights that are converted are looked at on the way (`readTensor`).
 */

import { remembered } from "../hub/cache.js";
import { type ByteSource, withFile } from "./byte-source.js";
import { refuseNonFinite } from "./float-formats.js";
import type { SafetensorsEntry } from "./safetensors.js";

/** Numbers looked at before other work gets its turn. */
const CHUNK = 1 << 22;

/**
 * Looks through all float32 tensors of a file.
 * @param path links resolved
 * @throws CheckpointError naming the first tensor with NaN or an infinite number
 */
export async function checkFinite(path: string, entries: readonly SafetensorsEntry[]): Promise<void> {
  await remembered("finite", "finite", path, async () => {
    for (const entry of entries) {
      for (let done = 0; done < entry.length; done += CHUNK * 4) {
        withFile(path, (source) => checkChunk(source, entry, done));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return "all";
  });
}

function checkChunk(source: ByteSource, entry: SafetensorsEntry, done: number): void {
  const bytes = source.read(entry.offset + done, Math.min(CHUNK * 4, entry.length - done));
  refuseNonFinite(new Float32Array(bytes.buffer), `${source.name}: tensor ${entry.name}`, done / 4);
}
