/** @file Runs `tokenize`. */
import { readFile } from "node:fs/promises";
import { DatasetError } from "../../core/errors.js";
import { writeFileDurably } from "../../core/files.js";
import { openModel } from "../../models/open.js";
import { Tokenizer } from "../../text/tokenizer.js";
import type { TokenizeOptions } from "../commands/tokenize.js";
import { printLine } from "../output.js";

/** Reads rows {text}, writes rows {ids}. */
export async function runTokenize(options: TokenizeOptions): Promise<void> {
  const lines = (await readFile(options.data, "utf8")).split("\n");
  const texts = lines.flatMap((line, i) =>
    line.trim() === "" ? [] : [parseText(line, options.data, i + 1)],
  );
  const model = await openModel(options.model);
  const tokenizer = new Tokenizer(model.text);
  const rows = texts.map((text) => `${JSON.stringify({ ids: tokenizer.encode(text) })}\n`);
  await writeFileDurably(options.out, rows.join(""));
  printLine(`${texts.length} texts tokenized into ${options.out}`);
}

function parseText(line: string, path: string, number: number): string {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (cause) {
    throw new DatasetError(`${path}:${number}: expected a JSON object, got text that does not parse`, {
      cause,
    });
  }
  if (typeof row === "object" && row !== null && "text" in row && typeof row.text === "string")
    return row.text;
  throw new DatasetError(`${path}:${number}: expected {"text": …}, got no text`, {
    hint: "every row needs a member text that is a string",
  });
}
