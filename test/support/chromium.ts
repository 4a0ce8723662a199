/**
 * @file A headless Chromium for tests of pages, driven over its own protocol through a pipe (Chrome DevTools Protocol), so that
 * no package is needed. Tests that find none are skipped and say so.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Path of a browser: `CHROMIUM`, else one on the path; undefined where there is none. */
export function findChromium(): string | undefined {
  const named = process.env["CHROMIUM"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Virtual key codes of keys that act rather than type. */
const KEY_CODES: Readonly<Record<string, number>> = { Enter: 13, Tab: 9 };

/** How a page is looked at; sizes in CSS pixels. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly isDark?: boolean;
  readonly isPrint?: boolean;
}

type Reply = Readonly<Record<string, unknown>>;

/** One page of a browser of its own. */
export class BrowserPage {
  /** What the page complained of: exceptions, errors on its console, and what its policy forbade. */
  readonly complaints: string[] = [];
  private readonly browser: ChildProcess;
  private readonly profile: string;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private sessionId: string | undefined;
  private lastId = 0;
  private rest = "";

  private constructor(path: string) {
    this.profile = mkdtempSync(join(tmpdir(), "chromium-"));
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"];
    this.browser = spawn(path, [...flags, `--user-data-dir=${this.profile}`], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      detached: true,
    });
    const messages = this.browser.stdio[4] as Readable;
    messages.setEncoding("utf8").on("data", (chunk: string) => this.receive(chunk));
  }

  /** Starts a browser with one empty page. */
  static async open(path: string): Promise<BrowserPage> {
    const page = new BrowserPage(path);
    const { targetId } = await page.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await page.send("Target.attachToTarget", { targetId, flatten: true });
    page.sessionId = String(sessionId);
    for (const domain of ["Page", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    return page;
  }

  /** Sends a command of the protocol. */
  async send(method: string, params: object = {}): Promise<Reply> {
    const id = ++this.lastId;
    const reply = new Promise<Reply>((resolve) => this.waiting.set(id, resolve));
    const { sessionId } = this;
    const message = { id, method, params, ...(sessionId === undefined ? {} : { sessionId }) };
    (this.browser.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    return await reply;
  }

  /** Shows a file in a window of a size; it has loaded when this returns. */
  async show(path: string, { width, height, isDark = false, isPrint = false }: View): Promise<void> {
    const size = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", size);
    const features = [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }];
    await this.send("Emulation.setEmulatedMedia", { media: isPrint ? "print" : "screen", features });
    await this.send("Page.navigate", { url: pathToFileURL(path).href });
    await this.until(`location.protocol === "file:" && document.readyState === "complete"`);
  }

  /** The value of an expression, or what a promise comes to. */
  async value<Value = unknown>(expression: string): Promise<Value> {
    const parameters = { expression, returnByValue: true, awaitPromise: true };
    const { result } = await this.send("Runtime.evaluate", parameters);
    return (result as Reply)["value"] as Value;
  }

  /** Waits until an expression is true. */
  async until(expression: string): Promise<void> {
    while ((await this.value(expression)) !== true) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Presses a key as a person would. */
  async press(key: string): Promise<void> {
    const event = { key, windowsVirtualKeyCode: KEY_CODES[key] ?? 0, ...(key === "Enter" && { text: "\r" }) };
    for (const type of ["keyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, ...event });
  }

  /** Ends the browser with its helper processes, which would go on writing to the profile. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.browser.once("exit", resolve));
    if (this.browser.pid !== undefined) process.kill(-this.browser.pid, "SIGKILL");
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  private receive(chunk: string): void {
    const messages = (this.rest + chunk).split("\0");
    this.rest = messages.pop() ?? "";
    for (const text of messages) this.take(JSON.parse(text) as Reply);
  }

  private take({ id, result, method, params }: Reply): void {
    if (typeof id === "number") this.waiting.get(id)?.((result ?? {}) as Reply);
    const isBad = method === "Runtime.consoleAPICalled" && (params as Reply)["type"] === "error";
    if (isBad || method === "Runtime.exceptionThrown" || method === "Log.entryAdded")
      this.complaints.push(JSON.stringify(params));
  }
}
