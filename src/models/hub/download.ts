/**
 * @file Downloads over HTTPS: streamed to disk, counted, hashed on the way, and given up quickly when nothing answers,
 * so that the next source gets its turn.
 */
import { createHash } from "node:crypto";
import { FetchError, SafeToServeError } from "../../core/errors.js";
import { FileWriter } from "../../core/files.js";
import type { OnProgress } from "./progress.js";

const CONNECT_TIMEOUT_MS = 8_000;
const STALL_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;

/** What is known of a file before its bytes come. */
export interface RemoteFile {
  readonly url: string;
  readonly sizeBytes: number | null;
  /** Headers of every answer on the way, later ones last. */
  readonly headers: readonly Headers[];
  readonly body: AsyncIterable<Uint8Array>;
}

/** What a finished download must be. */
export interface Expected {
  readonly sizeBytes?: number | null;
  readonly sha256?: string | null;
}

/**
 * Asks for a file; null when the server says that there is none.
 * @param token sent as bearer token to the first host only, never to where it redirects
 * @throws FetchError when there is no answer within seconds or it is a refusal
 */
export async function requestFile(url: string, token: string | null = null): Promise<RemoteFile | null> {
  const headers: Headers[] = [];
  let at = new URL(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const isFirstHost = at.origin === new URL(url).origin;
    const { response, watchdog } = await request(at, isFirstHost ? token : null);
    headers.push(response.headers);
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      watchdog.stop();
      await response.body?.cancel();
      at = new URL(location, at);
      continue;
    }
    if (response.ok) return remoteFile(at, response, headers, watchdog);
    watchdog.stop();
    await response.body?.cancel();
    if (response.status === 404) return null;
    throw refusal(at, response.status);
  }
  throw new FetchError(`${url}: redirected more than ${MAX_REDIRECTS} times`);
}

/**
 * Writes a remote file to disk and checks it.
 * @returns its sha256
 * @throws FetchError when the connection breaks, or size or checksum differ, naming both
 * @throws ConfigError | StorageError when the file cannot be written
 */
export async function saveFile(
  remote: RemoteFile,
  path: string,
  label: string,
  expected: Expected = {},
  onProgress?: OnProgress,
): Promise<string> {
  const hash = createHash("sha256");
  const file = new FileWriter(path);
  const totalBytes = expected.sizeBytes ?? remote.sizeBytes;
  let doneBytes = 0;
  try {
    for await (const chunk of remote.body) {
      file.write(chunk);
      hash.update(chunk);
      doneBytes += chunk.length;
      onProgress?.({ phase: "download", label, doneBytes, totalBytes });
    }
    file.finish();
  } catch (cause) {
    throw cause instanceof SafeToServeError
      ? cause
      : new FetchError(`${remote.url}: ${reasonOf(cause)}`, { cause });
  } finally {
    file.abandon();
  }
  const sha256 = hash.digest("hex");
  checkDownload(remote.url, { sizeBytes: doneBytes, sha256 }, { ...expected, sizeBytes: totalBytes });
  return sha256;
}

/**
 * Compares what came with what should have come.
 * @throws FetchError naming both sizes or both checksums
 */
export function checkDownload(
  where: string,
  got: { readonly sizeBytes: number; readonly sha256: string },
  expected: Expected,
): void {
  const { sizeBytes, sha256 } = expected;
  if (typeof sizeBytes === "number" && sizeBytes !== got.sizeBytes)
    throw new FetchError(`${where}: expected ${sizeBytes} bytes, got ${got.sizeBytes}`);
  if (typeof sha256 === "string" && sha256 !== got.sha256)
    throw new FetchError(`${where}: expected sha256 ${sha256}, got ${got.sha256}`, {
      hint: "the file was changed or damaged on the way; it is not used",
    });
}

/** Aborts a request that is silent for too long. */
class Watchdog {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal = this.controller.signal;

  restart(timeoutMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.controller.abort(new Error(`no answer for ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

async function request(url: URL, token: string | null): Promise<{ response: Response; watchdog: Watchdog }> {
  const watchdog = new Watchdog();
  watchdog.restart(CONNECT_TIMEOUT_MS);
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  // Compressed answers would have another length than the file.
  headers["accept-encoding"] = "identity";
  try {
    const response = await fetch(url, { headers, redirect: "manual", signal: watchdog.signal });
    return { response, watchdog };
  } catch (cause) {
    watchdog.stop();
    throw new FetchError(`${url.origin}${url.pathname}: ${reasonOf(cause)}`, { cause });
  }
}

function remoteFile(
  url: URL,
  response: Response,
  headers: readonly Headers[],
  watchdog: Watchdog,
): RemoteFile {
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  return {
    url: `${url.origin}${url.pathname}`,
    sizeBytes: Number.isSafeInteger(length) && !response.headers.has("content-encoding") ? length : null,
    headers,
    body: watched(response, watchdog),
  };
}

async function* watched(response: Response, watchdog: Watchdog): AsyncIterable<Uint8Array> {
  try {
    watchdog.restart(STALL_TIMEOUT_MS);
    for await (const chunk of response.body ?? []) {
      watchdog.restart(STALL_TIMEOUT_MS);
      yield chunk as Uint8Array;
    }
  } finally {
    watchdog.stop();
  }
}

function refusal(url: URL, status: number): FetchError {
  const isAccess = status === 401 || status === 403;
  return new FetchError(
    `${url.origin}${url.pathname}: the server answered ${status}`,
    isAccess ? { hint: "the model does not exist or is gated; accept its terms and set HF_TOKEN" } : {},
  );
}

/** The innermost reason of a failed request: undici hides it in `cause`. */
function reasonOf(cause: unknown): string {
  let inner = cause;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof Error && "code" in inner && typeof inner.code === "string")
    return `${inner.code} (${inner.message})`;
  return inner instanceof Error ? inner.message : String(inner);
}
