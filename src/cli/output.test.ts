import { expect, test } from "vitest";
import { formatTable } from "./output.js";

test("lays out a table, numbers at the right", () => {
  const rows = [
    ["base", 0.18, "–"],
    ["sit, then dpo", 0.9, "12 %"],
  ];
  expect(formatTable(["model", "refused", "change"], rows)).toBe(
    [
      "model          refused  change",
      "─────────────  ───────  ──────",
      "base              0.18       –",
      "sit, then dpo      0.9    12 %",
    ].join("\n"),
  );
});

test("a table without rows is its header", () => {
  expect(formatTable(["a", "b"], [])).toBe("a  b\n─  ─");
});
