/** @file Deduplication: what is dropped is what should be, and is counted under the right name. */
import { expect, test } from "vitest";
import { DATA_DIR_VARIABLE, resolveDataset } from "./catalogue.js";
import { toPreferencePairs, toPromptCompletions } from "./columns.js";
import { dedupeCompletions, dedupePairs } from "./dedupe.js";
import { readRows } from "./readers.js";

function pairs(...rows: readonly (readonly [string, string, string])[]) {
  const fields = rows.map(([prompt, chosen, rejected]) => ({ prompt, chosen, rejected }));
  return toPreferencePairs(fields.map((row, i) => ({ file: "p", line: i, fields: row })));
}

test("counts empty, identical, repeated and contradictory pairs, each once", () => {
  const { rows, report } = dedupePairs(
    pairs(
      ["q1", "a", "b"],
      ["q1", "a", "b"], // repeated
      ["q2", "a", " "], // empty
      ["q3", "a", "a"], // identical
      ["q4", "a", "b"], // contradicted by the next two, which repeat each other
      ["q4", "b", "a"],
      ["q4", "b", "a"],
      ["q5", "b", "a"], // another prompt: no contradiction
    ),
  );
  expect(rows.map((row) => row.id)).toEqual(["p:0", "p:7"]);
  expect(report).toEqual({ rows: 8, kept: 2, empty: 1, identical: 1, duplicates: 2, contradictory: 2 });
});

test("keeps the first of repeated completions and drops empty ones", () => {
  const fields = [
    { prompt: "q", completion: "a" },
    { prompt: "q", completion: "b" },
    { prompt: "q", completion: "a" },
    { prompt: "q", completion: "" },
  ];
  const completions = toPromptCompletions(fields.map((row, i) => ({ file: "p", line: i, fields: row })));
  const { rows, report } = dedupeCompletions(completions);
  expect(rows.map((row) => row.id)).toEqual(["p:0", "p:1"]);
  expect(report).toMatchObject({ rows: 4, kept: 2, empty: 1, duplicates: 1 });
});

const dataDir = process.env[DATA_DIR_VARIABLE] ?? "";
test.skipIf(dataDir === "")(
  "finds the known faults of the paper's pairs (needs SAFE_TO_SERVE_DATA)",
  async () => {
    const reports = [];
    for (const name of ["dpo_safe_rlhf_eval", "dpo_safe_rlhf_test"]) {
      const { path } = await resolveDataset(name, { dataDir });
      reports.push(dedupePairs(toPreferencePairs(await readRows(path))).report);
    }
    expect(reports).toMatchObject([
      { rows: 3456, empty: 3, duplicates: 106, contradictory: 24 },
      { rows: 1233, empty: 0, duplicates: 121, contradictory: 16 },
    ]);
  },
);
