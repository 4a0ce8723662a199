import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, expect, test } from "vitest";
import { mean } from "../stats/intervals.js";
import { MockChatModel } from "../text/mock-chat-model.js";
import type { BertScoring } from "./bert-scores.js";
import { compareEvaluations } from "./compare.js";
import { readEvaluation } from "./read.js";
import type { ResultRow } from "./results.js";
import { evaluate } from "./run.js";
import { loadTaskFile } from "./tasks/task-file.js";

const root = mkdtempSync(join(tmpdir(), "bertscores-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

writeFileSync(
  join(root, "rows.jsonl"),
  ["a b", "b c", "c d d"]
    .map((response, i) => JSON.stringify({ id: `${i}`, prompt: `p${i}`, response }))
    .join("\n"),
);
writeFileSync(
  join(root, "task.yaml"),
  "name: own\ndata: rows.jsonl\nexpectation: should-answer\nreferences: true\n",
);

/** Letters as tokens, each with an embedding of its own; 0 and 1 stand around every text. */
class Letters {
  readonly hash: string;
  readonly specialIds: ReadonlySet<number> = new Set([0, 1]);
  embedded = 0;
  constructor(hash = "letters") {
    this.hash = hash;
  }
  encode(text: string): number[] {
    return [0, ...[...text].filter((c) => c !== " ").map((c) => c.charCodeAt(0) - 95), 1];
  }
  embed(texts: readonly string[]): Promise<{ ids: number[]; embeddings: Float32Array }[]> {
    this.embedded += texts.length;
    const rows = texts.map((text) => this.encode(text));
    const oneHot = (ids: readonly number[]) =>
      ids.flatMap((id) => Array.from({ length: 8 }, (_, k) => Number(k === id)));
    return Promise.resolve(rows.map((ids) => ({ ids, embeddings: Float32Array.from(oneHot(ids)) })));
  }
}

async function measured(
  bertScore: BertScoring,
  out: string,
  limit: number | null = null,
): Promise<(metric: string) => ResultRow | undefined> {
  const { tasks } = await evaluate({
    model: new MockChatModel({ respond: () => "b d" }),
    judges: [],
    tasks: [{ task: loadTaskFile(join(root, "task.yaml"), []), limit }],
    out: join(root, out),
    bertScore,
  });
  return (metric) => tasks.find((row) => row.metric === metric);
}

test("means over answers of matched letters, journalled and never computed twice", async () => {
  const embedder = new Letters();
  const rowOf = await measured({ embedder }, "plain");
  // "b d" against "a b", "b c", "c d d": one of two letters, one of two, one of two; and 1/2, 1/2, 2/3 of the reference.
  expect(rowOf("bertscore-precision")).toMatchObject({ value: 0.5, n: 3, method: "t", unscored: 0 });
  expect(rowOf("bertscore-recall")?.value).toBeCloseTo(mean([1 / 2, 1 / 2, 2 / 3]), 12);
  expect(rowOf("bertscore-f1")?.value).toBeCloseTo(mean([1 / 2, 1 / 2, 4 / 7]), 12);
  expect(embedder.embedded).toBe(6);
  const again = await measured({ embedder }, "plain");
  expect(again("bertscore-f1")).toEqual(rowOf("bertscore-f1"));
  expect(embedder.embedded).toBe(6);
  const schema = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../schemas/results.schema.json"), "utf8"),
  );
  const validate = new Ajv2020().compile(schema);
  expect(validate(JSON.parse(readFileSync(join(root, "plain/results.json"), "utf8")))).toBe(true);
});

test("another encoder or other weights are other scores", async () => {
  await measured({ embedder: new Letters() }, "both");
  const other = new Letters("other");
  await measured({ embedder: other }, "both");
  expect(other.embedded).toBe(6);
  const weighed = await measured({ embedder: other, idf: true }, "both");
  expect(other.embedded).toBe(12);
  // b stands in two of three references, d in one: weights ln(4/3) and ln 2.
  const [b, d] = [Math.log(4 / 3), Math.log(2)];
  expect(weighed("bertscore-precision")?.value).toBeCloseTo(mean([b, b, d]) / (b + d), 12);
});

test("where idf leaves no token a weight there is no score, at once and when read back", async () => {
  const embedder = new Letters();
  for (const _ of ["drawn", "read back"]) {
    const rowOf = await measured({ embedder, idf: true }, "one", 1);
    for (const part of ["precision", "recall", "f1"])
      expect(rowOf(`bertscore-${part}`)).toMatchObject({ n: 0, unscored: 1 });
  }
});

test("is paired by compare where both have it by the same encoder", async () => {
  const answer = async (out: string, text: string, embedder: Letters) => {
    await evaluate({
      model: new MockChatModel({ respond: () => text }),
      judges: [],
      tasks: [{ task: loadTaskFile(join(root, "task.yaml"), []), limit: null }],
      out: join(root, out),
      bertScore: { embedder },
    });
    return readEvaluation(join(root, out));
  };
  const base = await answer("pair-base", "b d", new Letters());
  const better = await answer("pair-better", "b c", new Letters());
  const [text] = compareEvaluations([base, better]).texts;
  // "b c" against "a b", "b c", "c d d": F1 1/2, 1 and 2·(1/2)(1/3)/(5/6).
  const change = text?.differences.find(({ metric }) => metric === "bertscore-f1")?.change;
  expect(change).toMatchObject({ n: 3, method: "paired-t" });
  expect(change?.value).toBeCloseTo(mean([1 / 2, 1, 2 / 5]) - mean([1 / 2, 1 / 2, 4 / 7]), 12);
  const foreign = await answer("pair-foreign", "b c", new Letters("other"));
  const [unpaired] = compareEvaluations([base, foreign]).texts;
  expect(unpaired?.differences.map(({ metric }) => metric)).toEqual(["rouge1", "rouge2", "rougeL"]);
});
