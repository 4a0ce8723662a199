/** @file YAML read strictly: what does not parse, or does not fit its reader, is refused in one line that names file and line. */
import { isNode, LineCounter, parseDocument } from "yaml";
import { ConfigError } from "./errors.js";
import type { Place, Reader } from "./fields.js";
import { readTextFile } from "./read-back.js";

/**
 * Reads a YAML file by a reader.
 * @param what what the file should be, for the message: "a recipe"
 * @throws ConfigError when there is no such file, or as {@link parseYaml}
 */
export function readYaml<T>(path: string, reader: Reader<T>, what: string): T {
  return parseYaml(readTextFile(path, what), path, reader);
}

/** Reads YAML text by a reader; `file` names it in errors. @throws ConfigError naming file, line and key */
export function parseYaml<T>(content: string, file: string, reader: Reader<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    throw new ConfigError(`${file}:${line}: expected YAML, got ${problem.message.split("\n")[0] ?? ""}`, {
      hint: "mend that line; keys and values are written `key: value`, members are indented",
    });
  }
  const lineOf: Place["lineOf"] = (path) => {
    const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
    return isNode(node) && node.range ? lines.linePos(node.range[0]).line : null;
  };
  return reader(document.toJS(), { file, path: [], lineOf });
}
