/** @file What a caller and the engine's thread say to each other, and how a request is carried out. */
import type { BufferRef, EmittedModel, RunOptions, TensorData } from "../types.js";
import type { RowBlock, SessionHost } from "./host.js";

/** A request to the engine thread. */
export type Request =
  | { readonly method: "open"; readonly model: EmittedModel }
  | {
      readonly method: "run";
      readonly session: number;
      readonly feeds: Readonly<Record<string, TensorData | BufferRef>>;
      readonly options: RunOptions;
    }
  | { readonly method: "closeSession"; readonly session: number }
  | { readonly method: "allocate"; readonly shape: readonly number[]; readonly data?: Float32Array }
  | { readonly method: "write"; readonly target: BufferRef; readonly data: Float32Array }
  | {
      readonly method: "copyRows";
      readonly source: BufferRef;
      readonly target: BufferRef;
      readonly rows: readonly RowBlock[];
    }
  | { readonly method: "free"; readonly target: BufferRef };

/** A numbered request. */
export type Call = Request & { readonly id: number };

/** The answer to a call. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly hint?: string } };

/** Carries out a request. */
export async function perform(host: SessionHost, request: Request): Promise<unknown> {
  switch (request.method) {
    case "open":
      return host.open(request.model);
    case "run":
      return host.run(request.session, request.feeds, request.options);
    case "closeSession":
      return host.closeSession(request.session);
    case "allocate":
      return host.allocate(request.shape, request.data);
    case "write":
      return host.write(request.target, request.data);
    case "copyRows":
      return host.copyRows(request.source, request.target, request.rows);
    case "free":
      return host.free(request.target);
  }
}
