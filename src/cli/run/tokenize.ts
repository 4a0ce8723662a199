/** @file Runs `tokenize`. */
import { DatasetError } from "../../core/errors.js";
import { requireWritable, writeFileDurably } from "../../core/files.js";
import { readRows, type SourceRow } from "../../data/readers.js";
import { openModel } from "../../models/open.js";
import { Tokenizer } from "../../text/tokenizer.js";
import type { TokenizeOptions } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { printJson, printLine } from "../output.js";

/** Reads rows {text}, writes rows {ids}. */
export async function runTokenize(options: TokenizeOptions): Promise<void> {
  const texts = (await readRows(options.data)).map(textOf);
  requireWritable(options.out);
  const report = openProgress(options.json);
  const model = await openModel(options.model, { onProgress: report.onProgress });
  report.done();
  const tokenizer = new Tokenizer(model.text);
  const rows = texts.map((text) => tokenizer.encode(text));
  await writeFileDurably(options.out, rows.map((ids) => `${JSON.stringify({ ids })}\n`).join(""));
  const tokens = rows.reduce((sum, ids) => sum + ids.length, 0);
  if (options.json) printJson({ out: options.out, texts: rows.length, tokens });
  else printLine(`${rows.length} texts, ${tokens} tokens: ${options.out}`);
}

function textOf({ file, line, fields }: SourceRow): string {
  if (typeof fields["text"] === "string") return fields["text"];
  throw new DatasetError(`${file}:${line}: expected a text column, got ${Object.keys(fields).join(", ")}`, {
    hint: 'tokenize takes rows {"text": …}',
  });
}
