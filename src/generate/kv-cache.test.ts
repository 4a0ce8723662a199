import { expect, test } from "vitest";
import { TinyEngine } from "../../test/support/tiny-decoder.js";
import { capacityBucket, ResidentKvCache } from "./kv-cache.js";

const SHAPE = { numHiddenLayers: 2, numKeyValueHeads: 1, headDim: 4 };

test("capacities grow in fixed steps", () => {
  const buckets = [1, 64, 65, 192, 256, 257, 500, 513].map(capacityBucket);
  expect(buckets).toEqual([64, 64, 128, 192, 256, 384, 512, 640]);
});

test("resizing keeps the named sequences and gives the old memory back", async () => {
  const engine = new TinyEngine();
  const cache = await ResidentKvCache.allocate(engine, SHAPE, 3, 4);
  const filled = Float32Array.from({ length: 48 }, (_, i) => i);
  for (const buffer of Object.values(cache.feeds())) await engine.write(buffer, filled);
  await cache.resize(2, 8, [{ from: 2, to: 0, positions: 3 }]);
  expect([cache.slots, cache.capacity]).toEqual([2, 8]);
  expect(Object.keys(cache.feeds())).toEqual(["past.0.key", "past.0.value", "past.1.key", "past.1.value"]);
  for (const { buffer, shape } of Object.values(cache.feeds())) {
    expect(shape).toEqual([2, 1, 8, 4]);
    expect([...(engine.buffers.get(buffer) ?? []).slice(0, 13)]).toEqual([...filled.slice(32, 44), 0]);
  }
  expect(engine.buffers.size).toBe(4);
  await cache.free();
  expect(engine.buffers.size).toBe(0);
});
