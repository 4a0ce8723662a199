/**
 * @file Progress of long work on stderr: one line redrawn on a terminal, a plain line every ten seconds elsewhere
 * (logs, CI), nothing when silent. Rate and time left come from the work done so far.
 */

/** What a progress line shows and where. */
export interface ProgressOptions {
  readonly label: string;
  /** Units of work in all; leave out when unknown. */
  readonly total?: number;
  /** What is counted: "tokens", "answers", "bytes". */
  readonly unit: string;
  /** Units already done before this process, on resume; not part of the rate. */
  readonly initial?: number;
  /** Print nothing (with `--json`). */
  readonly silent?: boolean;
  readonly stream?: ProgressStream;
  /** Milliseconds; replaced in tests. */
  readonly now?: () => number;
}

/** The part of stderr that progress needs. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A running progress line. */
export interface Progress {
  /** Counts `units` more; `note` stays at the line's end until replaced. */
  advance(units?: number, note?: string): void;
  /** Says that `done` units are done in all, fractions included. */
  reach(done: number, note?: string): void;
  /** Prints a line of its own (a warning) without tearing the progress line. */
  log(line: string): void;
  /** Prints the last state and ends the line. */
  done(note?: string): void;
}

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
/** Share of the work after which rate and time left are shown. */
const LEAST_TELLING_SHARE = 0.03;

/** Starts a progress line. */
export function progress(options: ProgressOptions): Progress {
  return options.silent === true ? SILENT : new ProgressLine(options);
}

const SILENT: Progress = {
  advance: () => undefined,
  reach: () => undefined,
  log: () => undefined,
  done: () => undefined,
};

class ProgressLine implements Progress {
  private readonly options: ProgressOptions;
  private readonly stream: ProgressStream;
  private readonly now: () => number;
  private readonly startMs: number;
  private drawnMs: number;
  private count: number;
  private note = "";
  /** Count and note of the line drawn last. */
  private drawnState = "";

  constructor(options: ProgressOptions) {
    this.options = options;
    this.stream = options.stream ?? process.stderr;
    this.now = options.now ?? Date.now;
    this.count = options.initial ?? 0;
    this.startMs = this.now();
    // A terminal shows the line at once, a log after its first interval.
    this.drawnMs = this.startMs;
    if (this.isTerminal) this.draw();
  }

  advance(units = 1, note?: string): void {
    this.reach(this.count + units, note);
  }

  reach(done: number, note?: string): void {
    this.count = done;
    if (note !== undefined) this.note = note;
    const interval = this.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (this.now() - this.drawnMs >= interval) this.draw();
  }

  log(line: string): void {
    this.stream.write(this.isTerminal ? `\r\u001b[K${line}\n` : `${line}\n`);
    if (this.isTerminal) this.draw();
  }

  done(note?: string): void {
    if (note !== undefined) this.note = note;
    if (this.isTerminal || this.drawnState !== this.state) this.draw();
    if (this.isTerminal) this.stream.write("\n");
  }

  private get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  private get state(): string {
    return `${this.count} ${this.note}`;
  }

  private draw(): void {
    this.drawnMs = this.now();
    this.drawnState = this.state;
    const line = this.line();
    if (!this.isTerminal) this.stream.write(`${line}\n`);
    else this.stream.write(`\r\u001b[K${line.slice(0, (this.stream.columns ?? 80) - 1)}`);
  }

  private line(): string {
    const { label, total, initial = 0 } = this.options;
    const seconds = (this.drawnMs - this.startMs) / 1000;
    const parts = [label, this.counted()];
    const rate = this.isTelling && seconds > 0 ? (this.count - initial) / seconds : 0;
    if (rate > 0) parts.push(`${amount(rate)}${this.unit}/s`);
    if (rate > 0 && total !== undefined && this.count < total) {
      parts.push(`${duration((total - this.count) / rate)} left`);
    } else if (seconds >= 1) parts.push(`in ${duration(seconds)}`);
    if (this.note !== "") parts.push(this.note);
    return parts.join("  ");
  }

  /** Whether enough is done for a rate that says something of the rest: the first units pay for opening and warming up. */
  private get isTelling(): boolean {
    const { total, initial = 0 } = this.options;
    return total === undefined || this.count - initial >= LEAST_TELLING_SHARE * (total - initial);
  }

  private counted(): string {
    const { total } = this.options;
    const whole = Math.floor(this.count);
    if (total === undefined) return `${amount(whole)}${this.unit}`;
    const percent = total > 0 ? `  ${Math.floor((100 * this.count) / total)} %` : "";
    return `${amount(whole)}/${amount(total)}${this.unit}${percent}`;
  }

  private get unit(): string {
    return this.options.unit === "bytes" ? "B" : ` ${this.options.unit}`;
  }
}

function amount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)}G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)}k`;
  if (Number.isInteger(value) || value >= 100) return value.toFixed(0);
  return value.toPrecision(2);
}

/** A duration as people say it: `45 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}
