import { expect, test } from "vitest";
import { duration, type ProgressOptions, progress } from "./progress.js";

/** A progress line on a recording stream and a clock that the test moves. */
function recorded(options: Partial<ProgressOptions>, isTTY: boolean) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const stream = { isTTY, columns: 60, write: (text: string) => written.push(text) };
  const bar = progress({
    label: "work",
    unit: "tokens",
    total: 100,
    stream,
    now: () => clock.ms,
    ...options,
  });
  return { bar, written, clock };
}

test("prints a plain line every ten seconds and the last state where there is no terminal", () => {
  const { bar, written, clock } = recorded({}, false);
  for (clock.ms = 1000; clock.ms <= 25_000; clock.ms += 1000) bar.advance(2);
  bar.done("loss 1.2");
  expect(written).toEqual([
    "work  20/100 tokens  20 %  2 tokens/s  40 s left\n",
    "work  40/100 tokens  40 %  2 tokens/s  30 s left\n",
    "work  50/100 tokens  50 %  1.9 tokens/s  26 s left  loss 1.2\n",
  ]);
});

test("does not repeat the last state on a log that shows it already", () => {
  const { bar, written, clock } = recorded({}, false);
  clock.ms = 20_000;
  bar.reach(100, "loss 1.2");
  bar.done();
  expect(written).toEqual(["work  100/100 tokens  100 %  5 tokens/s  in 20 s  loss 1.2\n"]);
});

test("tells rate and time left only once 3 % of its own work is done", () => {
  const { bar, written, clock } = recorded({ initial: 20 }, false);
  for (const [ms, done] of [
    [60_000, 20],
    [70_000, 22.39],
    [80_000, 22.5],
  ] as const) {
    clock.ms = ms;
    bar.reach(done);
  }
  expect(written).toEqual([
    "work  20/100 tokens  20 %  in 1 min 00 s\n",
    "work  22/100 tokens  22 %  in 1 min 10 s\n",
    "work  22/100 tokens  22 %  0.031 tokens/s  41 min 20 s left\n",
  ]);
});

test("redraws one line on a terminal, cut to its width, at most ten times a second", () => {
  const { bar, written, clock } = recorded(
    { label: "a label that is far too long for a terminal of sixty columns" },
    true,
  );
  clock.ms = 50;
  bar.advance(1);
  clock.ms = 150;
  bar.advance(1);
  bar.done();
  expect(written).toHaveLength(4);
  expect(written[1]).toHaveLength("\r\u001b[K".length + 59);
  expect(written.at(-1)).toBe("\n");
});

test("leaves work done before a resume out of the rate", () => {
  const { bar, written, clock } = recorded({ initial: 50 }, false);
  clock.ms = 10_000;
  bar.advance(10);
  expect(written).toEqual(["work  60/100 tokens  60 %  1 tokens/s  40 s left\n"]);
});

test("logs a line of its own without tearing the progress line", () => {
  const { bar, written } = recorded({}, true);
  bar.log("warning: loops rise");
  expect(written[1]).toBe("\r\u001b[Kwarning: loops rise\n");
  expect(written[2]?.startsWith("\r\u001b[Kwork")).toBe(true);
});

test("prints nothing when silent", () => {
  const { bar, written } = recorded({ silent: true }, true);
  bar.advance(1);
  bar.log("x");
  bar.done();
  expect(written).toEqual([]);
});

test("counts without a total, bytes as bytes", () => {
  const { bar, written, clock } = recorded({ unit: "bytes" }, false);
  clock.ms = 10_000;
  bar.advance(98_362_432);
  bar.done();
  expect(written.at(-1)).toContain("98.4M/100B");
  const unknown = progress({ label: "x", unit: "rows", stream: { write: (text) => written.push(text) } });
  unknown.done();
  expect(written.at(-1)).toBe("x  0 rows\n");
});

test("says durations as people do", () => {
  expect([0.4, 59.4, 200, 7500, -1].map(duration)).toEqual([
    "0 s",
    "59 s",
    "3 min 20 s",
    "2 h 05 min",
    "0 s",
  ]);
});
