/** @file What tests of graphs need besides a model: a folder of their own with a model cache in it, and an engine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createEngine } from "../../src/engine/engine.js";
import type { Engine } from "../../src/engine/types.js";

/** Both are gone after the last test of the file that asked for them. */
export async function scratchEngine(
  name: string,
): Promise<{ readonly root: string; readonly engine: Engine }> {
  const root = mkdtempSync(join(tmpdir(), `safe-to-serve-${name}-`));
  const cacheBefore = process.env["SAFE_TO_SERVE_CACHE"];
  process.env["SAFE_TO_SERVE_CACHE"] = join(root, "cache");
  const engine = await createEngine({ threads: 1, inProcess: true });
  afterAll(async () => {
    await engine.close();
    if (cacheBefore === undefined) delete process.env["SAFE_TO_SERVE_CACHE"];
    else process.env["SAFE_TO_SERVE_CACHE"] = cacheBefore;
    rmSync(root, { recursive: true, force: true });
  });
  return { root, engine };
}
