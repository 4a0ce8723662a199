/**
 * @file Features of exchanges on disk, computed once: numbers of one width row after row, and a journal that says whose they
 * are. Named by the feature model's hash, so that another model or another reading never meets them; a kill loses one batch.
 */
import { join } from "node:path";
import { StorageError } from "../../core/errors.js";
import { Journal, makeFolder, RowFile } from "../../core/files.js";
import { hashJson } from "../../core/hash.js";
import type { FeatureModel } from "../../text/feature-model.js";
import type { Exchange } from "../../text/messages.js";

interface IndexRow {
  /** Of the exchange's messages and answer. */
  readonly exchange: string;
  /** There where the answer was cut. */
  readonly isCut?: true;
}

/** Exchanges that are read before they are written down together. */
const BATCH = 64;

/** Features by exchange. */
export class FeatureStore {
  readonly width: number;
  private readonly file: RowFile;
  private readonly index: Journal<IndexRow>;
  private readonly places = new Map<string, number>();

  /** Opens or begins the store of a model in a folder. @throws ConfigError | StorageError */
  constructor(folder: string, { hash, width }: Pick<FeatureModel, "hash" | "width">) {
    makeFolder(folder);
    this.width = width;
    const name = join(folder, hash.slice(0, 32));
    this.index = new Journal(`${name}.jsonl`);
    try {
      this.file = new RowFile(`${name}.f32`, width);
    } catch (cause) {
      this.index.close();
      throw cause;
    }
    // Numbers are written first, so the journal never names more than there are unless the file was cut.
    for (const [place, { exchange }] of this.index.rows.entries()) this.places.set(exchange, place);
    if (this.index.rows.length > this.file.count)
      throw new StorageError(
        `${this.file.path}: expected ${this.index.rows.length} rows of features, got ${this.file.count}`,
        {
          hint: "remove the file and its .jsonl to compute them anew",
        },
      );
  }

  /** Computes what is missing. @param onDone told how many exchanges were read */
  async fill(
    model: FeatureModel,
    exchanges: readonly Exchange[],
    onDone: (count: number) => void,
  ): Promise<void> {
    const missing = this.missing(exchanges);
    for (let start = 0; start < missing.length; start += BATCH) {
      const batch = missing.slice(start, start + BATCH);
      const cut = new Set<number>();
      const rows: Float32Array[] = [];
      for await (const features of model.features(batch, (index) => cut.add(index))) rows.push(features);
      this.append(batch, rows, cut);
      onDone(batch.length);
    }
  }

  /** Exchanges without features, each once, those of one prompt beside each other. */
  missing(exchanges: readonly Exchange[]): Exchange[] {
    const wanted = new Map(exchanges.map((exchange) => [keyOf(exchange), exchange]));
    const absent = [...wanted].filter(([key]) => !this.places.has(key)).map(([, exchange]) => exchange);
    const byPrompt = new Map<string, Exchange[]>();
    for (const exchange of absent) {
      const prompt = JSON.stringify(exchange.messages);
      byPrompt.set(prompt, [...(byPrompt.get(prompt) ?? []), exchange]);
    }
    return [...byPrompt.values()].flat();
  }

  /** Features of one exchange. @throws StorageError when there are none */
  read(exchange: Exchange): Float32Array {
    const place = this.places.get(keyOf(exchange));
    const row = new Float32Array(this.width);
    if (place !== undefined && this.file.read(place, row)) return row;
    throw new StorageError(`${this.file.path}: expected features of ${exchange.id}, got none`);
  }

  /** Whether the model could read an exchange. */
  isReadable(exchange: Exchange): boolean {
    return Number.isFinite(this.read(exchange)[0]);
  }

  /** Whether an exchange's answer was cut. */
  isCut(exchange: Exchange): boolean {
    const place = this.places.get(keyOf(exchange));
    return place !== undefined && this.index.rows[place]?.isCut === true;
  }

  /** Flushes and closes both files. */
  close(): void {
    this.index.close();
    this.file.close();
  }

  private append(batch: readonly Exchange[], rows: readonly Float32Array[], cut: ReadonlySet<number>): void {
    const start = this.index.rows.length;
    this.file.write(start, rows);
    const names = batch.map((exchange, i) => ({
      exchange: keyOf(exchange),
      ...(cut.has(i) && { isCut: true as const }),
    }));
    this.index.append(...names);
    for (const [i, { exchange }] of names.entries()) this.places.set(exchange, start + i);
  }
}

function keyOf({ messages, response }: Exchange): string {
  return hashJson({ messages: messages.map(({ role, content }) => ({ role, content })), response });
}
