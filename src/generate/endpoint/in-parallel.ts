/** @file Work side by side, results as they finish: at most so many begun and not yet taken, so that memory does not grow. */
import { setMaxListeners } from "node:events";

/**
 * Does the work of all items. What has finished is given before a failure is thrown; what is under way by then, or when the
 * caller stops, is aborted.
 * @param atOnce items begun and not yet taken by the caller
 * @param work   must end soon after its signal is aborted
 */
export async function* inParallel<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): AsyncGenerator<Result> {
  const controller = new AbortController();
  // Every piece of work listens to it.
  setMaxListeners(0, controller.signal);
  const stop = (): void => controller.abort(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const source = items[Symbol.iterator]();
  const finished: Result[] = [];
  const failures: unknown[] = [];
  let open = 0;
  let wake: () => void = () => undefined;
  const begin = async (item: Item): Promise<void> => {
    open++;
    try {
      finished.push(await work(item, controller.signal));
    } catch (cause) {
      failures.push(cause);
    }
    open--;
    wake();
  };
  const fill = (): void => {
    while (failures.length === 0 && open + finished.length < atOnce) {
      const next = source.next();
      if (next.done === true) return;
      void begin(next.value);
    }
  };
  try {
    for (;;) {
      fill();
      if (finished.length > 0) yield finished.shift() as Result;
      else if (failures.length > 0) throw signal?.aborted === true ? signal.reason : failures[0];
      else if (open === 0) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    controller.abort();
    signal?.removeEventListener("abort", stop);
  }
}
