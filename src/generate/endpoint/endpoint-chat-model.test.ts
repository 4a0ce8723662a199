import { inspect } from "node:util";
import { afterEach, expect, test } from "vitest";
import { ConfigError, EndpointError, GenerationError } from "../../core/errors.js";
import type { Completion, GenerationRequest, SamplingOptions } from "../../text/chat-model.js";
import { EndpointChatModel, type EndpointChatModelOptions } from "./endpoint-chat-model.js";
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

async function start(behaviour: Behaviour, options: Partial<EndpointChatModelOptions> = {}) {
  const server = await mockServer(behaviour);
  servers.push(server);
  const clock = new FakeClock();
  const model = new EndpointChatModel({ url: server.url, model: "m", clock, ...options });
  return { server, clock, model };
}

const requests = (n: number): GenerationRequest[] =>
  Array.from({ length: n }, (_, i) => ({ id: `p${i}`, messages: [{ role: "user", content: `say ${i}` }] }));

async function collect(
  model: EndpointChatModel,
  n: number,
  options: SamplingOptions = {},
): Promise<Completion[]> {
  const answers: Completion[] = [];
  for await (const answer of model.generate(requests(n), options)) answers.push(answer);
  return answers.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
}

const answering: Behaviour = ({ prompt }) => chatReply(`You said ${prompt}.`);

test("asks for every prompt and gives back what was said, how it ended and how long it was", async () => {
  const { server, model } = await start(({ prompt }) =>
    chatReply(`You said ${prompt}.`, prompt === "say 1" ? "length" : "stop"),
  );
  const answers = await collect(model, 3, { seed: 4 });
  expect(answers[1]).toEqual({
    id: "p1",
    sample: 0,
    response: "You said say 1.",
    tokenIds: [],
    tokenCount: 7,
    finishReason: "length",
    seed: 4,
  });
  expect(answers.map(({ finishReason }) => finishReason)).toEqual(["stop", "length", "stop"]);
  expect(server.arrived[0]?.path).toBe("/v1/chat/completions");
  expect(server.arrived[0]?.body).toEqual({
    model: "m",
    messages: [{ role: "user", content: "say 0" }],
    max_tokens: 128,
    temperature: 0,
  });
});

test("maps sampling options, gives every sample a seed of its own, and puts the system prompt first", async () => {
  const { server, model } = await start(answering, { system: "Be kind." });
  const sampling = {
    maxNewTokens: 9,
    temperature: 0.7,
    topP: 0.9,
    frequencyPenalty: 1,
    stop: ["\n"],
    seed: 3,
  };
  const [request] = requests(1);
  for await (const _ of model.generate([{ ...(request as GenerationRequest), samples: 2 }], sampling));
  const bodies = server.arrived.map(({ body }) => body);
  expect(bodies[0]).toMatchObject({
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: "say 0" },
    ],
    max_tokens: 9,
    temperature: 0.7,
    top_p: 0.9,
    frequency_penalty: 1,
    stop: ["\n"],
  });
  const seeds = bodies.map(({ seed }) => seed);
  expect(new Set(seeds).size).toBe(2);
  for (const seed of seeds) expect(Number.isSafeInteger(seed) && Number(seed) < 2 ** 31).toBe(true);
});

test.each<[string, SamplingOptions]>([
  ["top-k", { topK: 5 }],
  ["min-new-tokens", { minNewTokens: 2 }],
])("refuses %s before anything is asked", async (flag, options) => {
  const { server, model } = await start(answering);
  await expect(collect(model, 1, options)).rejects.toThrow(
    new RegExp(`--${flag}: expected 0 with an endpoint`),
  );
  await expect(collect(model, 1, options)).rejects.toThrow(ConfigError);
  expect(server.arrived).toEqual([]);
});

/** Fails the first `times` requests of every prompt. */
function failing(times: number, failure: Behaviour): Behaviour {
  const seen = new Map<string, number>();
  return (request, response) => {
    const count = (seen.get(request.prompt) ?? 0) + 1;
    seen.set(request.prompt, count);
    return count <= times ? failure(request, response) : answering(request, response);
  };
}

const passing: [string, Behaviour][] = [
  ["status 429", (_, response) => sendJson(response, 429, { error: { message: "slow down" } })],
  ["status 500", (_, response) => sendJson(response, 500, { error: { message: "oops" } })],
  ["a status without JSON", (_, response) => void response.writeHead(502).end("<html>bad gateway</html>")],
  ["a connection closed before the reply", (_, response) => void response.destroy()],
  [
    "a connection closed in the middle of the body",
    (_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
      response.write('{"choices": [{"message": {"content": "You');
      setImmediate(() => response.destroy());
      return undefined;
    },
  ],
  ["text that is no JSON", (_, response) => void response.writeHead(200).end("Internal server error.")],
  ["JSON that is no reply", () => ({ hello: "world" })],
  ["an empty list of choices", () => ({ choices: [] })],
  ["an error with status 200", () => ({ error: { message: "overloaded", code: 503 } })],
];

test.each(passing)("tries again after %s", async (_, failure) => {
  const { server, clock, model } = await start(failing(2, failure));
  const answers = await collect(model, 4);
  expect(answers.map(({ response }) => response)).toEqual([0, 1, 2, 3].map((i) => `You said say ${i}.`));
  expect([server.arrived.length, clock.sleeps.length]).toEqual([12, 8]);
});

test.each(passing)("gives up on %s in the end, with a reason and without an answer", async (_, failure) => {
  const { server, model } = await start((request, response) =>
    request.prompt === "say 2" ? failure(request, response) : answering(request, response),
  );
  const answers = await collect(model, 4);
  expect(answers[2]).toMatchObject({
    response: "",
    tokenIds: [],
    tokenCount: null,
    finishReason: "error",
    error: expect.stringMatching(/^[a-z -]+: ./),
  });
  expect(answers.filter(({ finishReason }) => finishReason === "stop")).toHaveLength(3);
  expect(server.arrived).toHaveLength(3 + 8);
});

test("gives up on a server that hangs, after the time-out and its retries", async () => {
  const setup = await start(({ prompt }, _) => {
    if (prompt !== "say 1") return chatReply("ok");
    setImmediate(() => setup.clock.expire());
    return undefined;
  });
  const answers = await collect(setup.model, 2);
  expect(answers.map(({ finishReason }) => finishReason)).toEqual(["stop", "error"]);
  expect(answers[1]?.error).toMatch(/^time-out: no whole reply within 600000 ms$/);
  expect(setup.server.arrived.filter(({ prompt }) => prompt === "say 1")).toHaveLength(8);
});

const answerless: [string, object, string][] = [
  ["a content filter", chatReply("half an ans", "content_filter"), "content filter"],
  ["a call of a tool", chatReply(null, "tool_calls"), 'unknown end: finish reason "tool_calls"'],
  ["no finish reason", chatReply("half", null), "unknown end: finish reason null"],
  ["no content", chatReply(null), "no text: the reply has no content"],
];

test.each(answerless)(
  "takes no answer from a reply with %s, and does not ask again",
  async (_, reply, error) => {
    const { server, model } = await start(() => reply);
    const answers = await collect(model, 40);
    expect(new Set(answers.map((answer) => answer.error))).toEqual(new Set([error]));
    expect(answers.every(({ response, finishReason }) => response === "" && finishReason === "error")).toBe(
      true,
    );
    expect(server.arrived).toHaveLength(40);
  },
);

test("knows a content filter that is a status, and takes a refusal field for the answer it is", async () => {
  const { model } = await start(({ prompt }, response) =>
    prompt === "say 0"
      ? sendJson(response, 400, { error: { message: "filtered", code: "content_filter" } })
      : { choices: [{ message: { content: null, refusal: "I cannot." }, finish_reason: "stop" }] },
  );
  const answers = await collect(model, 2);
  expect(answers[0]).toMatchObject({ error: "content filter", finishReason: "error" });
  expect(answers[1]).toMatchObject({ response: "I cannot.", tokenCount: null, finishReason: "stop" });
});

test("waits as long as the server asks: in seconds, milliseconds, or until a date", async () => {
  const setup = await start(
    failing(1, ({ prompt }, response) => {
      const date = new Date(setup.clock.nowMs() + 90_000).toUTCString();
      const headers: Record<string, string>[] = [
        { "retry-after": "17" },
        { "retry-after-ms": "250" },
        { "retry-after": date },
      ];
      return sendJson(response, 429, {}, headers[Number(prompt.slice(4))]);
    }),
    { concurrency: 1 },
  );
  await collect(setup.model, 3);
  const [seconds = 0, milliseconds = 0, date = 0] = setup.clock.sleeps;
  for (const [wait, least] of [
    [seconds, 17_000],
    [milliseconds, 250],
    [date, 89_000],
  ] as const) {
    expect(wait).toBeGreaterThanOrEqual(least);
    expect(wait).toBeLessThan(least + 2_000);
  }
});

test("waits longer from try to try, by the seed alone", async () => {
  const waits = async (seed: number): Promise<number[]> => {
    const { clock, model } = await start(failing(7, (_, response) => sendJson(response, 500, {})));
    await collect(model, 1, { seed });
    return clock.sleeps;
  };
  const first = await waits(1);
  for (const [i, base] of [1, 2, 4, 8, 16, 32, 60].entries()) {
    expect(first[i]).toBeGreaterThanOrEqual(base * 500);
    expect(first[i]).toBeLessThanOrEqual(base * 1000);
  }
  expect(await waits(1)).toEqual(first);
  expect(await waits(2)).not.toEqual(first);
});

test("has as many requests under way as allowed and never more", async () => {
  const held: (() => void)[] = [];
  let left = 64;
  const { server, model } = await start(
    (_, response) => {
      held.push(() => sendJson(response, 200, chatReply("ok")));
      // The client begins with 4; then it must come up with 6 before one is answered.
      const wanted = left === 64 ? 4 : Math.min(6, left);
      if (held.length < wanted) return undefined;
      left -= held.length;
      for (const send of held.splice(0)) send();
      return undefined;
    },
    { concurrency: 6 },
  );
  expect(await collect(model, 64)).toHaveLength(64);
  expect([server.peak, left]).toEqual([6, 0]);
});

test.each<[string, number, object, RegExp]>([
  ["a wrong key", 401, { error: { message: "bad key secret-key-123" } }, /got status 401, bad key \[key\]$/],
  [
    "a model or path that is not there",
    404,
    { error: { message: "no model m" } },
    /chat\/completions: expected an answer, got status 404, no model m/,
  ],
  ["a redirect", 307, {}, /got status 307/],
  ["an empty account", 429, { error: { message: "quota", code: "insufficient_quota" } }, /status 429, quota/],
])("stops at once for %s, with one line", async (_, status, reply, message) => {
  const { server, clock, model } = await start(
    (_, response) => sendJson(response, status, reply, { location: "/x" }),
    { apiKey: "secret-key-123", concurrency: 2 },
  );
  const error: unknown = await collect(model, 50).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(EndpointError);
  expect((error as EndpointError).message).toMatch(message);
  expect((error as EndpointError).hint).toBeDefined();
  expect([clock.sleeps.length, server.arrived.length <= 2]).toEqual([0, true]);
});

test("stops at once for a host that does not exist and a port where nobody listens", async () => {
  const { server, clock } = await start(answering);
  await server.close();
  for (const url of ["http://no-such-host.invalid", server.url]) {
    const model = new EndpointChatModel({ url, model: "m", clock });
    await expect(collect(model, 3)).rejects.toThrow(
      /expected a server, got connection: (ENOTFOUND|EAI_AGAIN|ECONNREFUSED)/,
    );
  }
  expect(clock.sleeps).toEqual([]);
});

test("stops when too many in a row fail, and when told to come back much later", async () => {
  const broken = await start((_, response) =>
    sendJson(response, 400, { error: { message: "unknown option" } }),
  );
  await expect(collect(broken.model, 100)).rejects.toThrow(
    /16 failures in a row, the last: refused: status 400, unknown option/,
  );
  const later = await start((_, response) => sendJson(response, 429, {}, { "retry-after": "7200" }));
  await expect(collect(later.model, 1)).rejects.toThrow(/come back in 120 minutes/);
});

test("gives finished answers before it fails", async () => {
  const { model } = await start(
    ({ prompt }, response) => (prompt === "say 5" ? sendJson(response, 401, {}) : chatReply("ok")),
    { concurrency: 1 },
  );
  const seen: string[] = [];
  const run = async (): Promise<void> => {
    for await (const { id } of model.generate(requests(9), {})) seen.push(id);
  };
  await expect(run()).rejects.toThrow(EndpointError);
  expect(seen).toEqual(["p0", "p1", "p2", "p3", "p4"]);
});

test("ends with the caller's reason when it is stopped, also while it waits", async () => {
  const controller = new AbortController();
  const { model } = await start(
    ({ prompt }, response) => {
      if (prompt === "say 3") controller.abort(new GenerationError("interrupted"));
      return prompt === "say 2" ? sendJson(response, 500, {}) : chatReply("ok");
    },
    { concurrency: 2 },
  );
  await expect(collect(model, 50, { signal: controller.signal })).rejects.toThrow("interrupted");
});

test("sends the key and shows it nowhere", async () => {
  const { server, model } = await start(
    ({ headers }) => chatReply(`your header is ${headers.authorization}`),
    { apiKey: "secret-key-123" },
  );
  const [answer] = await collect(model, 1);
  expect(server.arrived[0]?.headers.authorization).toBe("Bearer secret-key-123");
  expect(answer?.response).toBe("your header is Bearer [key]");
  expect(inspect(model, { depth: 9, showHidden: true }) + JSON.stringify(model)).not.toContain("secret");
});

test("has one hash for one address, model and system prompt", () => {
  const hash = (options: Partial<EndpointChatModelOptions>): string =>
    new EndpointChatModel({ url: "http://host:8000", model: "m", ...options }).hash;
  for (const url of ["http://host:8000/", "http://host:8000/v1", "http://host:8000/v1/chat/completions"])
    expect(hash({ url })).toBe(hash({}));
  expect(hash({ apiKey: "other", concurrency: 3 })).toBe(hash({}));
  const others = [{ url: "http://host:8001" }, { model: "n" }, { system: "x" }].map(hash);
  expect(new Set([...others, hash({})]).size).toBe(4);
  for (const url of ["host:8000", "ftp://host", "http://user:pw@host", "http://host/v1?key=secret"])
    expect(() => hash({ url })).toThrow(/^--endpoint: expected a URL/);
});
