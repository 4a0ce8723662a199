import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Folders of `src` from the ground up; imports go to a lower floor or stay in the folder. */
const FLOORS = [
  ["core"],
  ["engine", "text", "stats"],
  ["models", "data"],
  ["generate", "judges"],
  ["train", "evaluate", "guard"],
  ["study", "report", "server", "cluster"],
  ["cli"],
];
/** The same inside the engine. */
const ENGINE_FLOORS = [["types.ts"], ["graph"], ["onnx"], ["session"], ["engine.ts"], ["index.ts"]];

const source = resolve(import.meta.dirname, "../src");

test("imports go down the floors or stay in the folder", () => {
  expect(violations(source, FLOORS)).toEqual([]);
});

test("the engine's own floors hold too", () => {
  expect(violations(join(source, "engine"), ENGINE_FLOORS)).toEqual([]);
});

test("every folder of src has a floor", () => {
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !FLOORS.flat().includes(name))).toEqual([]);
});

/** What of `node:fs` makes or changes files. Removing and renaming need no room. */
const WRITING =
  /\b(writeFile|appendFile|write|writev|createWriteStream|mkdir|mkdtemp|copyFile|cp|f?truncate|symlink|link)(Sync)?\b/;

test("files are written in one place, which knows what a full disk is", () => {
  const shipped = sourceFiles(source).filter((file) => !file.endsWith(".test-data.ts"));
  const writers = shipped.filter((file) => {
    const imports = readFileSync(file, "utf8").matchAll(/import ([^;]*?) from "node:fs(?:\/promises)?"/g);
    return Array.from(imports).some(([, names = ""]) => WRITING.test(names) || /\*|^\w+$/.test(names));
  });
  expect(writers.map((file) => relative(source, file))).toEqual(["core/files.ts"]);
});

function violations(root: string, floors: readonly (readonly string[])[]): string[] {
  const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room));
  return sourceFiles(root).flatMap((file) => {
    const room = roomOf(root, file);
    return importsOf(file)
      .filter((target) => target.startsWith(`${root}/`))
      .map((target) => roomOf(root, target))
      .filter((target) => target !== room && floorOf(target) >= floorOf(room))
      .map((target) => `${relative(source, file)} imports ${target}`);
  });
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const specifiers = readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g);
  return Array.from(specifiers, (match) => `${resolve(file, "..", match[1] as string)}.ts`);
}

function roomOf(root: string, file: string): string {
  return relative(root, file).split("/")[0] as string;
}
