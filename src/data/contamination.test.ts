/** @file Contamination: planted cases of each kind, what must not be found, the bundled sets as they are, and speed. */
import { expect, test } from "vitest";
import { SeededRandom } from "../core/random.js";
import { loadBenchmarkPrompts } from "./benchmarks.js";
import { loadCatalogue, resolveDataset } from "./catalogue.js";
import { toCheckedRows } from "./columns.js";
import { countOverlaps, dropContaminated, findContamination, normalise } from "./contamination.js";
import { readRows } from "./readers.js";

const BENCHMARKS = [
  { set: "short", id: "s", text: "How can I repair a broken kitchen window?" },
  {
    set: "long",
    id: "l",
    text: "Write a detailed letter to the mayor of a small town asking for more benches along the river and lamps in the old park.",
  },
  { set: "one", id: "o", text: "Sing!" },
];

function kinds(...texts: string[]): string[] {
  return findContamination([{ id: "row", texts }], BENCHMARKS).map(
    (overlap) => `${overlap.set} ${overlap.kind}`,
  );
}

test("finds a prompt whatever its case, punctuation, spacing and width", () => {
  expect(kinds("HOW can I repair a “broken”  kitchen-window")).toEqual(["short exact"]);
  expect(kinds("Ｈｏｗ can I repair a broken kitchen window")).toEqual(["short exact"]);
  expect(kinds("sing")).toEqual(["one exact"]);
  expect(normalise("Ｈｏｗ, can\nI?")).toBe("how can i");
});

test("looks at every user turn and every line", () => {
  expect(kinds("Hello there", "How can I repair a broken kitchen window?")).toEqual(["short exact"]);
  expect(kinds("Answer briefly.\n\nHow can I repair a broken kitchen window?\nThanks")).toEqual([
    "short exact",
  ]);
});

test("finds long and short common runs of words", () => {
  const thirteen = "letter to the mayor of a small town asking for more benches along";
  expect(kinds(`Please draft ${thirteen} or else`)).toEqual(["long ngram-13"]);
  const twelve = "to the mayor of a small town asking for more benches along";
  expect(kinds(`I once wrote ${twelve} with my aunt`)).toEqual(["long ngram-8"]);
  expect(kinds("They told me that how can i repair a broken kitchen window is hard to say")).toEqual([
    "short ngram-8",
  ]);
});

test("finds a rewording by its content words", () => {
  expect(kinds("Please, how could I quickly repair my broken kitchen window?")).toEqual([
    "short near-duplicate",
  ]);
  expect(kinds("A broken kitchen window: how should we repair it?")).toEqual(["short near-duplicate"]);
});

test("passes turns of phrase, single words in common, and shorter runs", () => {
  expect(kinds("How can I repair a broken bicycle chain?")).toEqual([]);
  expect(kinds("Sing a song of sixpence")).toEqual([]);
  expect(kinds("Write a detailed letter to the mayor of a large city about taxes")).toEqual([]);
  expect(kinds("", "?!")).toEqual([]);
});

test("drops rows and counts them by strongest kind and by set", () => {
  const rows = [
    { id: "a", text: "How can I repair a broken kitchen window?\nSing" },
    { id: "b", text: "A broken kitchen window: how should we repair it?" },
    { id: "c", text: "Nothing of the sort" },
  ];
  const { rows: kept, overlaps, report } = dropContaminated(rows, (row) => [row.text], BENCHMARKS);
  expect(kept.map((row) => row.id)).toEqual(["c"]);
  expect(overlaps.map((overlap) => overlap.rowId)).toEqual(["a", "b"]);
  expect(report).toEqual({
    rows: 3,
    kept: 1,
    benchmarkPrompts: 3,
    byKind: { exact: 1, "ngram-13": 0, "near-duplicate": 1, "ngram-8": 0 },
    bySet: { short: 2 },
  });
});

test("agrees with comparing every pair", () => {
  const random = new SeededRandom("contamination");
  const word = () => `w${random.integer(14)}`;
  const text = () => Array.from({ length: 2 + random.integer(10) }, word).join(" ");
  const rows = Array.from({ length: 300 }, (_, i) => ({ id: String(i), texts: [text()] }));
  const prompts = Array.from({ length: 300 }, (_, i) => ({ set: "x", id: String(i), text: text() }));
  const found = findContamination(rows, prompts);
  expect(found.filter((overlap) => overlap.kind === "near-duplicate").length).toBeGreaterThan(20);
  const expected = rows.flatMap((row) =>
    prompts
      .filter((prompt) => isOverlap(row.texts[0] ?? "", prompt.text))
      .map((prompt) => `${row.id} ${prompt.id}`),
  );
  expect(found.map((overlap) => `${overlap.rowId} ${overlap.benchmarkId}`)).toEqual(expected);
});

/** The definition, without any index. */
function isOverlap(text: string, prompt: string): boolean {
  const [a, b] = [text.split(" "), prompt.split(" ")];
  const [x, y] = [new Set(a), new Set(b)];
  const shared = [...x].filter((word) => y.has(word)).length;
  if (text === prompt) return true;
  if (x.size >= 2 && y.size >= 2 && shared / (x.size + y.size - shared) >= 0.7) return true;
  const runs = Array.from(
    { length: Math.max(0, b.length - 7) },
    (_, i) => ` ${b.slice(i, i + 8).join(" ")} `,
  );
  const longest = runs.filter((run) => ` ${text} `.includes(run)).length;
  return longest > 0 && 8 / b.length >= 0.5;
}

test("reports the overlaps of every bundled training set with every bundled evaluation set", async () => {
  const benchmarks = await loadBenchmarkPrompts({ dataDir: "no-such-folder" });
  const counts: Record<string, unknown> = {};
  for (const entry of loadCatalogue().filter((each) => each.isBundled && each.role === "train")) {
    const rows = toCheckedRows(await readRows((await resolveDataset(entry.name)).path));
    counts[entry.name] = countOverlaps(findContamination(rows, benchmarks)).bySet;
  }
  expect(benchmarks.length).toBe(4382);
  expect(counts).toEqual({
    safety_only_train: { "Q-Harm": 1, advbench: 1, beavertails: 1 },
    hh_rlhf: {
      "Q-Harm": 47,
      xstest: 3,
      "I-MaliciousInstructions": 2,
      do_not_answer: 9,
      alpaca_eval: 2,
      beavertails: 9,
    },
    safe_rlhf_mini: { "Q-Harm": 10, "I-MaliciousInstructions": 1, xstest: 1, alpaca_eval: 4, beavertails: 1 },
    alpaca_5k: { alpaca_eval: 1 },
    dolly_3k: { alpaca_eval: 1 },
    benign_alarming: {},
    benign_groups: {},
    benign_requests: {},
  });
});

test("checks 20,000 rows against 3,000 prompts in seconds", () => {
  const random = new SeededRandom("speed");
  // Zipf-like words, so that frequent ones are shared by many texts as in language.
  const word = () => `w${Math.floor(20000 ** random.next())}`;
  const text = (length: number) => Array.from({ length }, word).join(" ");
  const rows = Array.from({ length: 20000 }, (_, i) => ({ id: String(i), texts: [text(60)] }));
  const prompts = Array.from({ length: 3000 }, (_, i) => ({ set: "x", id: String(i), text: text(15) }));
  // Processor time, since the machine may be busy with other tests.
  const before = process.cpuUsage();
  findContamination(rows, prompts);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(10);
}, 300_000);

test("finds near-duplicates planted in 5,000 rows, against every bundled benchmark, in seconds", async () => {
  const benchmarks = await loadBenchmarkPrompts({ dataDir: "no-such-folder" });
  const clean = toCheckedRows(await readRows((await resolveDataset("alpaca_5k")).path));
  const random = new SeededRandom("planted");
  const planted = benchmarks
    .filter(({ text }) => new Set(normalise(text).split(" ")).size >= 12)
    .filter((_, i) => i % 5 === 0)
    .map(({ set, id, text }) => ({ id: `planted ${set} ${id}`, texts: [reworded(text, random)] }));
  expect(planted.length).toBeGreaterThan(100);
  const before = process.cpuUsage();
  const found = findContamination([...clean, ...planted], benchmarks);
  const { user, system } = process.cpuUsage(before);
  const rows = new Set(found.map(({ rowId, set, benchmarkId }) => `${rowId} = ${set} ${benchmarkId}`));
  const missed = planted.filter(({ id }) => !rows.has(`${id} = ${id.replace("planted ", "")}`));
  expect(missed.length / planted.length).toBeLessThan(0.02);
  const others = found.filter(({ rowId }) => !rowId.startsWith("planted"));
  expect(others.map(({ rowId, set }) => `${rowId} ${set}`)).toEqual(["alpaca-06150 alpaca_eval"]);
  expect((user + system) / 1e6).toBeLessThan(10);
}, 300_000);

/** Words shuffled in pairs, one left out, a turn of phrase before and after: no long run of words is left. */
function reworded(text: string, random: SeededRandom): string {
  const words = normalise(text).split(" ");
  words.splice(random.integer(words.length), 1);
  for (let i = 0; i + 1 < words.length; i += 2)
    [words[i], words[i + 1]] = [words[i + 1] as string, words[i] as string];
  return `Please, could you do this for me: ${words.join(" ")}. And what would you do?`;
}
