import { afterEach, expect, test } from "vitest";
import { EndpointError } from "../../core/errors.js";
import type { ContinuationLogProbs, ContinuationRequest } from "../../text/chat-model.js";
import { EndpointChatModel } from "./endpoint-chat-model.js";
import {
  type Behaviour,
  chatReply,
  FakeClock,
  type MockServer,
  mockServer,
  sendJson,
} from "./mock-server.test-data.js";

const servers: MockServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(behaviour: Behaviour): Promise<{ server: MockServer; model: EndpointChatModel }> {
  const server = await mockServer(behaviour);
  servers.push(server);
  return { server, model: new EndpointChatModel({ url: server.url, model: "m", clock: new FakeClock() }) };
}

/** A reply whose tokens are words; a token costs a tenth of its letters. */
function echoed(
  prompt: string,
  change: (logProbs: Record<string, unknown[]>) => void = () => undefined,
): object {
  const tokens = ["<s>", ...prompt.split(/(?= )/), " drawn"];
  const values = tokens.map((token, i) => (i === 0 ? null : -token.length / 10));
  const logprobs: Record<string, unknown[]> = { tokens, token_logprobs: values };
  change(logprobs);
  return { choices: [{ text: tokens.join(""), logprobs, finish_reason: "length" }] };
}

const echoing: Behaviour = ({ prompt }) => echoed(prompt);

const question: ContinuationRequest = {
  id: "q",
  context: "Question: why?\nAnswer:",
  continuations: [" because", " so it is", " because"],
};

async function score(model: EndpointChatModel, requests = [question]): Promise<ContinuationLogProbs[]> {
  const scored: ContinuationLogProbs[] = [];
  for await (const each of model.scoreContinuations(requests)) scored.push(each);
  return scored;
}

test("sums the log-probabilities of the continuation's own tokens, and asks for equal ones once", async () => {
  const { server, model } = await start(echoing);
  expect(await model.probeContinuations()).toBeNull();
  const [scored] = await score(model);
  expect(scored?.logProbs[0]).toBeCloseTo(-0.8, 12);
  expect(scored?.logProbs[1]).toBeCloseTo(-0.9, 12);
  expect(scored?.logProbs[2]).toBe(scored?.logProbs[0]);
  expect([scored?.tokenCounts, scored?.error]).toEqual([[1, 3, 1], undefined]);
  expect(server.arrived.slice(1).map(({ prompt }) => prompt)).toEqual([
    "Question: why?\nAnswer: because",
    "Question: why?\nAnswer: so it is",
  ]);
  expect(server.arrived[1]?.body).toMatchObject({ echo: true, logprobs: 1, max_tokens: 1, temperature: 0 });
});

test("white space at the end of a context belongs to the continuation", async () => {
  const { model } = await start(echoing);
  const [scored] = await score(model, [{ id: "q", context: "It is ", continuations: ["so", "not so"] }]);
  expect(scored?.tokenCounts).toEqual([1, 2]);
});

const unusable: [string, Behaviour, RegExp][] = [
  ["no log-probabilities", ({ prompt }) => ({ choices: [{ text: prompt, logprobs: null }] }), /are missing/],
  [
    "too few log-probabilities",
    ({ prompt }) => echoed(prompt, (l) => l["token_logprobs"]?.pop()),
    /\d+ log-probabilities of \d+ tokens/,
  ],
  [
    "too many log-probabilities",
    ({ prompt }) => echoed(prompt, (l) => l["token_logprobs"]?.push(-1)),
    /\d+ log-probabilities of \d+ tokens/,
  ],
  [
    "no value for a token",
    ({ prompt }) => echoed(prompt, (l) => l["token_logprobs"]?.splice(-2, 1, null)),
    /not every token/,
  ],
  [
    "a log-probability above zero",
    ({ prompt }) => echoed(prompt, (l) => l["token_logprobs"]?.splice(-2, 1, 0.5)),
    /not every token/,
  ],
  ["only what was drawn", () => echoed(" green"), /do not spell the prompt/],
  [
    "a token across the boundary",
    ({ prompt }) => {
      const at = prompt.lastIndexOf(" ");
      const tokens = [prompt.slice(0, at - 1), prompt.slice(at - 1), " x"];
      return { choices: [{ logprobs: { tokens, token_logprobs: [null, -1, -1] } }] };
    },
    /a token spans context and continuation/,
  ],
  ["a reply of another kind", () => chatReply("hello"), /are missing/],
];

test.each(unusable)("takes no number from %s, and says why", async (_, behaviour, why) => {
  const { model } = await start(behaviour);
  expect(await model.probeContinuations()).toMatch(why);
  const [scored] = await score(model, [{ ...question, continuations: [" because", " thus"] }]);
  expect(scored?.logProbs).toEqual([Number.NaN, Number.NaN]);
  expect(scored?.error).toMatch(why);
});

test("takes no number where all choices come out the same", async () => {
  const { model } = await start(({ prompt }) =>
    echoed(prompt, (l) => {
      l["token_logprobs"] = (l["tokens"] ?? []).map(() => 0);
    }),
  );
  const [scored] = await score(model);
  expect([scored?.logProbs[0], scored?.error]).toEqual([
    Number.NaN,
    expect.stringMatching(/the same log-prob/),
  ]);
});

test("one choice without a number leaves the question without one, others as they are", async () => {
  const { model } = await start(({ prompt }, response) =>
    prompt.endsWith("thus") ? sendJson(response, 400, { error: { message: "no" } }) : echoed(prompt),
  );
  const other = { ...question, id: "other", continuations: [" because", " thus"] };
  const scored = await score(model, [question, other]);
  const errors = new Map(scored.map(({ id, error }) => [id, error]));
  expect(errors.get("q")).toBeUndefined();
  expect(errors.get("other")).toBe("refused: status 400, no");
});

test("a server without the path cannot be measured; one that wants a key must be told it", async () => {
  const lacking = await start((_, response) => sendJson(response, 404, { detail: "Not Found" }));
  expect(await lacking.model.probeContinuations()).toBe(
    "the endpoint gives no log-probabilities of a prompt (status 404)",
  );
  const closed = await start((_, response) => sendJson(response, 401, {}));
  await expect(closed.model.probeContinuations()).rejects.toThrow(EndpointError);
});
