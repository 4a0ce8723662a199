/** @file The labelling server over HTTP: who may ask, what goes out, what is stored. */
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Labelling } from "../../judges/labelling/labelling.js";
import { labelWords } from "../../judges/labelling/words.js";
import type { Exchange } from "../../text/messages.js";
import { type LabellingServer, serveLabelling } from "./server.js";

const HOSTILE = `</script><img src=x onerror=alert(1)>\u202e`;
const ANSWERS: readonly Exchange[] = ["first-model/a", "first-model/b", "first-model/c"].map((id) => ({
  id,
  messages: [{ role: "user", content: `Prompt ${id.slice(-1)} ${HOSTILE}` }],
  response: HOSTILE,
}));

const folder = mkdtempSync(join(tmpdir(), "labelling-server-"));
let path: string;
let labelling: Labelling;
let server: LabellingServer;
let files = 0;

beforeEach(async () => {
  path = join(folder, `${files++}.jsonl`);
  await start();
});

afterEach(async () => {
  await server.close();
  labelling.close();
});

async function start(): Promise<void> {
  labelling = new Labelling({ answers: ANSWERS, words: labelWords("harm"), labeller: "ann", path, seed: 0 });
  server = await serveLabelling(labelling);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A request with the token, unless headers say otherwise. */
async function ask(resource: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
  const { host, port, hash } = new URL(server.url);
  const sent = { authorization: `Bearer ${hash.slice(1)}`, host, ...headers };
  return await new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path: resource, method, headers: sent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        const { headers: got, statusCode: status = 0 } = response;
        const json = got["content-type"] === "application/json" ? (JSON.parse(text) as Answer["json"]) : {};
        resolve({ status, headers: got, text, json });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

async function store(place: number, label: unknown, seconds: unknown = 1): Promise<Answer> {
  return await ask(`/api/answers/${place}`, { method: "POST", body: JSON.stringify({ label, seconds }) });
}

function lines(): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}

describe("who may ask", () => {
  test.each(["evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1@evil.example"])(
    "another host is refused, page and interface alike: %s",
    async (host) => {
      expect((await ask("/", { headers: { host } })).status).toBeGreaterThanOrEqual(400);
      expect((await ask("/api/state", { headers: { host } })).text).not.toContain("labelled");
    },
  );

  test("this machine's own names are taken, with a forwarded port too", async () => {
    for (const host of ["localhost:8080", "127.0.0.1", "[::1]:99"])
      expect((await ask("/", { headers: { host } })).status).toBe(200);
  });

  test("another page's origin is refused even with the token; the own one is taken", async () => {
    const { host } = new URL(server.url);
    for (const origin of ["http://evil.example", "null", `https://${host}`, "http://localhost:1"]) {
      const body = JSON.stringify({ label: "safe", seconds: 1 });
      const { status } = await ask("/api/answers/0", { method: "POST", headers: { origin }, body });
      expect(status).toBe(403);
    }
    expect(lines()).toEqual([]);
    expect((await ask("/api/state", { headers: { origin: `http://${host}` } })).status).toBe(200);
  });

  test("without this run's token nothing is told and nothing stored", async () => {
    for (const authorization of ["", "Bearer ", "Bearer x", `Bearer ${"a".repeat(32)}`]) {
      const answer = await ask("/api/answers/0", { headers: { authorization } });
      expect([answer.status, answer.json["response"]]).toEqual([401, undefined]);
      const { status } = await ask("/api/finish", { method: "POST", headers: { authorization } });
      expect(status).toBe(401);
    }
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
    expect(new URL(server.url).hash.length).toBeGreaterThan(32);
  });
});

describe("what goes out", () => {
  test("every reply has a policy without any unsafe source, and may be neither cached nor framed", async () => {
    for (const resource of ["/", "/api/state", "/nothing"]) {
      const { headers } = await ask(resource);
      expect(headers["content-security-policy"]).toMatch(
        /^default-src 'none'; style-src 'sha256-\S{44}'; script-src 'sha256-\S{44}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
      );
      expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("the page holds no answer, no token, and a button for every word", async () => {
    const { text } = await ask("/");
    expect(text).not.toContain("onerror");
    expect(text).not.toContain(new URL(server.url).hash.slice(1));
    const { document } = parseHTML(text);
    const words = [...document.querySelectorAll("[data-label]")].map((each) =>
      each.getAttribute("data-label"),
    );
    expect(words).toEqual(["safe", "unsafe"]);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const script = document.querySelector("script")?.textContent ?? "";
    for (const [, id] of script.matchAll(/byId\("(\w+)"\)/g)) expect(ids).toContain(id);
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|eval\(/);
  });

  test("an answer is text in JSON, its hidden characters visible, without id and verdict", async () => {
    const { json, headers } = await ask("/api/answers/0");
    expect(headers["content-type"]).toBe("application/json");
    expect(Object.keys(json)).toEqual(["messages", "response", "label"]);
    expect(json["response"]).toBe(HOSTILE.replace("\u202e", "\u27e8U+202E\u27e9"));
    expect(JSON.stringify(json)).not.toContain("first-model");
  });
});

describe("what is stored", () => {
  test("a label is a line on disk when the reply comes, and a new start goes on from there", async () => {
    expect((await store(1, "unsafe", 2.5)).json).toEqual({ labelled: 1, next: 2 });
    expect(lines().map((line) => JSON.parse(line) as object)).toMatchObject([
      { id: labelling.answers[1]?.id, label: "unsafe", labeller: "ann", seconds: 2.5 },
    ]);
    await server.close();
    labelling.close();
    await start();
    expect((await ask("/api/state")).json).toEqual({ labelled: 1, next: 0, total: 3 });
    expect((await ask("/api/answers/1")).json["label"]).toBe("unsafe");
    expect((await store(1, null, null)).json).toEqual({ labelled: 0, next: 1 });
  });

  test("skipping goes to the next without a label and stores nothing", async () => {
    await store(1, "safe");
    expect((await ask("/api/open/1")).json["next"]).toBe(2);
    await store(2, "safe");
    await store(0, "safe");
    expect((await ask("/api/open/1")).json["next"]).toBeNull();
    expect(lines()).toHaveLength(3);
  });

  test.each([
    ["an unknown label", { label: "harmless", seconds: 1 }, "label: expected safe or unsafe, got harmless"],
    ["a label that is no text", { label: 1, seconds: 1 }, "expected {label, seconds}"],
    ["no label", { seconds: 1 }, "expected {label, seconds}"],
    ["a time below zero", { label: "safe", seconds: -1 }, "expected {label, seconds}"],
    ["no object", [], "expected {label, seconds}"],
    ["no JSON", "{", "expected JSON"],
    ["too much", { label: "x".repeat(5000), seconds: 1 }, "expected at most"],
  ])("refused, nothing stored: %s", async (_, value, message) => {
    const body = typeof value === "string" ? value : JSON.stringify(value);
    const { status, json } = await ask("/api/answers/0", { method: "POST", body });
    expect(status).toBe(400);
    expect(json["error"]).toContain(message);
    expect(lines()).toEqual([]);
  });

  test.each([
    ["POST", "/api/answers/3"],
    ["GET", "/api/answers/99999999999"],
    ["GET", "/api/answers/-1"],
    ["GET", "/api/answers/"],
    ["PUT", "/api/answers/0"],
    ["POST", "/api/state"],
    ["GET", "/api/finish"],
    ["GET", "/../package.json"],
  ])("there is nothing at %s %s", async (method, resource) => {
    expect((await ask(resource, { method, ...(method === "GET" ? {} : { body: "{}" }) })).status).toBe(404);
  });
});

test("finishing on the page ends the serving", async () => {
  await ask("/api/finish", { method: "POST", body: "{}" });
  await expect(server.finished).resolves.toBeUndefined();
});

test("a port that is taken is said in one line", async () => {
  const taken = Number(new URL(server.url).port);
  await expect(serveLabelling(labelling, taken)).rejects.toThrow(`--port ${taken}: expected a free port`);
});
