import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const { exports, bin, files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
  files: string[];
};
/** Folders that are commands' insides: used through the command line only. */
const INTERNAL = ["cli", "study"];
const folders = readdirSync(join(root, "src"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const doors = Object.entries(exports).flatMap(([door, target]) =>
  typeof target === "string" ? [] : [{ door, ...target }],
);

test("every folder of src is a door of the package, or internal by decision", () => {
  const expected = folders.filter((name) => !INTERNAL.includes(name)).map((name) => `./${name}`);
  expect(doors.map(({ door }) => door).sort()).toEqual(expected.sort());
  expect(INTERNAL.filter((name) => existsSync(join(root, "src", name, "index.ts")))).toEqual([]);
});

describe.each(doors)("$door", ({ door, types, default: file }) => {
  test("leads to built files that load", async () => {
    expect(existsSync(join(root, types))).toBe(true);
    expect(files).toContain("dist");
    const loaded = (await import(/* @vite-ignore */ `safe-to-serve/${door.slice(2)}`)) as Record<
      string,
      unknown
    >;
    expect(Object.keys(loaded).length).toBeGreaterThan(0);
    expect(file).toBe(`./dist/${door.slice(2)}/index.js`);
  });

  test("says what it is for", () => {
    expect(readFileSync(join(root, "src", door, "index.ts"), "utf8")).toMatch(/^\/\*\*\s*(\* )?@module \S/);
  });
});

test("the command and every plain file of the package exist", () => {
  const plain = Object.values(exports).filter((target) => typeof target === "string");
  for (const path of [...Object.values(bin), ...plain]) expect(existsSync(join(root, path))).toBe(true);
});
