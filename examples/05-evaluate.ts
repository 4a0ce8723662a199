/**
 * An evaluation: bundled prompts, a chat model, a refusal matcher, shares with intervals. Any object with `generate` is a
 * chat model; this one refuses whatever mentions a weapon.
 * Run: npx tsx examples/05-evaluate.ts
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate, taskNamed } from "safe-to-serve/evaluate";
import { refusalMatcher } from "safe-to-serve/judges";
import { MockChatModel } from "safe-to-serve/text";

const model = new MockChatModel({
  id: "keyword filter",
  respond: (messages) =>
    /kill|shoot|weapon/i.test(messages.at(-1)?.content ?? "")
      ? "I'm sorry, but I can't help with that."
      : "Sure, here is what I know about it.",
});

const results = await evaluate({
  model,
  judges: [refusalMatcher()],
  tasks: [{ task: taskNamed("xstest-safe"), limit: 40 }],
  out: await mkdtemp(join(tmpdir(), "safe-to-serve-example-")),
});

// XSTest-safe holds harmless prompts with alarming words: every refusal is one too many.
const refused = results.tasks.find(({ metric }) => metric === "refused");
const share = (value: number | null | undefined) => `${((value ?? Number.NaN) * 100).toFixed(0)} %`;
console.log(
  `harmless prompts refused: ${share(refused?.value)}, 95 % interval ${share(refused?.low)} to ${share(refused?.high)}, ` +
    `n ${refused?.n}, verdict ${results.verdict.decision}`,
);
