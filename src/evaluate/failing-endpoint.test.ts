import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EndpointError } from "../core/errors.js";
import { EndpointChatModel } from "../generate/endpoint/endpoint-chat-model.js";
import {
  type Behaviour,
  chatReply,
  FakeClock,
  type MockServer,
  mockServer,
  sendJson,
} from "../generate/endpoint/mock-server.test-data.js";
import { refusalMatcher } from "../judges/refusal-matcher.js";
import { readEvaluation } from "./read.js";
import type { EvaluationResults, ResultRow } from "./results.js";
import { evaluate } from "./run.js";
import { taskNamed } from "./tasks/suites.js";
import type { Task } from "./tasks/task.js";

const root = mkdtempSync(join(tmpdir(), "failing-endpoint-"));
const servers: MockServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
  rmSync(root, { recursive: true, force: true });
});

const clock = new FakeClock();
const REFUSAL = "I'm sorry, but I can't help with that.";

/** One way to fail each, for good; what the reply says would count as a refusal if it were scored. */
const FAILURES: Readonly<Record<string, Behaviour>> = {
  "429": (_, response) => sendJson(response, 429, { error: { message: REFUSAL } }),
  "429-told-when": (_, response) => sendJson(response, 429, {}, { "retry-after": "3" }),
  "500": (_, response) => sendJson(response, 500, { error: { message: REFUSAL } }),
  hang: () => void setImmediate(() => clock.expire()),
  cut: (_, response) => {
    response.writeHead(200, { "content-length": "900" });
    response.write(JSON.stringify(chatReply(REFUSAL)));
    setImmediate(() => response.destroy());
    return undefined;
  },
  "wrong-json": (_, response) => void response.end(`{"choices": [{"message": {"content": "${REFUSAL}"`),
  "no-choices": () => ({ choices: [] }),
  filter: () => chatReply(REFUSAL, "content_filter"),
  "half-a-reply": () => chatReply(REFUSAL, null),
};
const WAYS = Object.keys(FAILURES);

function writeRows(name: string, rows: readonly object[]): string {
  const path = join(root, name);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

async function serve(behaviour: Behaviour): Promise<{ server: MockServer; model: EndpointChatModel }> {
  const server = await mockServer(behaviour);
  servers.push(server);
  // One at a time: time-outs expire for all that are under way.
  return { server, model: new EndpointChatModel({ url: server.url, model: "m", concurrency: 1, clock }) };
}

const rowOf = (results: EvaluationResults, metric: string): ResultRow | undefined =>
  results.tasks.find((row) => row.metric === metric);

test("an endpoint that fails in every way: nothing is scored, all is counted, the next run asks again", async () => {
  const prompts = Array.from({ length: 4 * WAYS.length }, (_, i) => ({
    id: `p${i}`,
    prompt: i % 4 === 0 ? `fail ${WAYS[i / 4]}` : `answer ${i}`,
  }));
  const dataset = writeRows("prompts.jsonl", prompts);
  const task: Task = { ...taskNamed("I-CoNa"), name: "set", dataset, expectation: "should-answer" };
  let isFailing = true;
  const { server, model } = await serve((request, response) => {
    const failure = FAILURES[request.prompt.slice("fail ".length)];
    return isFailing && failure !== undefined
      ? failure(request, response)
      : chatReply("Of course: do it so.");
  });
  const out = join(root, "out");
  const run = (): Promise<EvaluationResults> =>
    evaluate({ model, judges: [refusalMatcher()], tasks: [{ task, limit: null }], out });

  const first = await run();
  const answered = 3 * WAYS.length;
  const counts = { n: answered, unscored: WAYS.length, value: 0, bestCase: 0 };
  expect(rowOf(first, "refused")).toMatchObject({ ...counts, worstCase: WAYS.length / prompts.length });
  for (const metric of ["loops", "truncated"]) expect(rowOf(first, metric)).toMatchObject(counts);
  expect(rowOf(first, "response-tokens")).toMatchObject({ n: answered, value: 7 });
  expect(first.notes).toContain(
    "set: 9 of 36 without an answer and unscored (connection 1, content filter 1, malformed reply 2, overload 2, " +
      "server error 1, time-out 1, unknown end 1); the same command tries them again",
  );

  isFailing = false;
  const before = server.arrived.length;
  const second = await run();
  expect(
    server.arrived
      .slice(before)
      .map(({ prompt }) => prompt)
      .sort(),
  ).toEqual(WAYS.map((way) => `fail ${way}`).sort());
  expect(rowOf(second, "refused")).toMatchObject({ n: prompts.length, unscored: 0 });
  expect(second.notes.join()).not.toContain("unscored");
  expect(readEvaluation(out).samples).toHaveLength(prompts.length);
  expect(readFileSync(join(out, "samples.jsonl"), "utf8").trim().split("\n")).toHaveLength(
    prompts.length + WAYS.length,
  );
});

const questions = Array.from({ length: 20 }, (_, i) => ({
  id: `q${i}`,
  question: `How many is ${i}?`,
  choices: ["few", "rather many"],
  answer: 0,
}));
const choice: Task = {
  ...taskNamed("arc-easy"),
  name: "counting",
  dataset: writeRows("questions.jsonl", questions),
};

/** Echoes words with log-probabilities; the first choice is the likelier one. */
function echoed(prompt: string, lost = 0): object {
  const tokens = prompt.split(/(?=[ \n])/);
  const values = tokens.map((token, i) => (i === 0 ? null : -token.length));
  const logprobs = { tokens, token_logprobs: values.slice(0, tokens.length - lost) };
  return { choices: [{ text: prompt, logprobs, finish_reason: "length" }] };
}

test("questions whose log-probabilities are missing or of a wrong count are unscored, and asked again", async () => {
  let isFailing = true;
  const { server, model } = await serve(({ prompt }) => {
    if (isFailing && / (3|7)\?/.test(prompt)) return echoed(prompt, 1);
    if (isFailing && / 5\?/.test(prompt)) return { choices: [{ text: prompt, logprobs: null }] };
    return echoed(prompt);
  });
  const out = join(root, "choices");
  const run = (): Promise<EvaluationResults> =>
    evaluate({ model, judges: [], tasks: [{ task: choice, limit: null }], out });
  const first = await run();
  expect(rowOf(first, "acc")).toMatchObject({ n: 17, unscored: 3, value: 1, worstCase: 0.85, bestCase: 1 });
  expect(rowOf(first, "brier_score")).toMatchObject({ n: 17, unscored: 3 });
  expect(first.notes).toContain(
    "counting: 3 of 20 without an answer and unscored (not measurable 3); the same command tries them again",
  );
  isFailing = false;
  const before = server.arrived.length;
  expect(rowOf(await run(), "acc")).toMatchObject({ n: 20, unscored: 0, value: 1 });
  // The probe, and two choices of three questions.
  expect(server.arrived.length - before).toBe(7);
});

test("multiple choice is left out with the reason where the endpoint gives no log-probabilities", async () => {
  const { model } = await serve(({ path, prompt }) =>
    path.endsWith("/chat/completions") ? chatReply("Yes.") : { choices: [{ text: prompt, logprobs: null }] },
  );
  const tasks = [
    { task: choice, limit: null },
    { task: taskNamed("I-Alpaca"), limit: 3 },
  ];
  const results = await evaluate({ model, judges: [], tasks, out: join(root, "left-out") });
  expect(results.settings.sets.map(({ name }) => name)).toEqual(["I-Alpaca"]);
  expect(results.notes[0]).toMatch(
    /^counting: not measurable, the endpoint gives no log-prob.*are missing\)$/,
  );
});

test("a server that breaks down stops the run; what was answered is kept", async () => {
  let isBroken = true;
  const { server, model } = await serve(({ prompt }, response) =>
    isBroken && server.arrived.length > 10 ? sendJson(response, 500, {}) : chatReply(`Yes, ${prompt}`),
  );
  const out = join(root, "broken");
  const options = {
    model,
    judges: [refusalMatcher()],
    tasks: [{ task: taskNamed("I-CoNa"), limit: 60 }],
    out,
  };
  await expect(evaluate(options)).rejects.toThrow(EndpointError);
  isBroken = false;
  const before = server.arrived.length;
  expect(rowOf(await evaluate(options), "refused")).toMatchObject({ n: 60, unscored: 0 });
  // A request that was aborted may still arrive, and is one of those that are asked again.
  expect(new Set(server.arrived.slice(before).map(({ prompt }) => prompt)).size).toBe(50);
});
