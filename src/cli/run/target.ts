/** @file Opens what `evaluate` is to look at: a local model, an endpoint, or a file of answers. */
import { ConfigError } from "../../core/errors.js";
import type { EvaluationTarget } from "../../evaluate/results.js";
import { apiKeyFrom, endpointUrl } from "../../generate/endpoint/address.js";
import { requireHonoured } from "../../generate/endpoint/chat-completions.js";
import { EndpointChatModel } from "../../generate/endpoint/endpoint-chat-model.js";
import { ResponsesModel } from "../../generate/responses-model.js";
import type { ChatModel } from "../../text/chat-model.js";
import type { EvaluateCommandOptions } from "../command-options.js";
import { openFlaggedModel } from "./chat-model.js";

/** A model, and what to do when it is no longer needed. */
export interface OpenedTarget {
  readonly model: ChatModel;
  close(): Promise<void>;
}

/**
 * Opens what the flags name.
 * @throws ConfigError for flags that do not fit each other, or that the target cannot honour
 */
export async function openTarget(options: EvaluateCommandOptions): Promise<OpenedTarget> {
  const { endpoint, responses } = options;
  if (endpoint !== undefined) return { model: openEndpoint(endpoint, options), close };
  const lost = (["endpointModel", "apiKeyEnv", "concurrency"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (lost !== undefined)
    throw new ConfigError(`--${kebab(lost)}: expected --endpoint beside it, got none`, {
      hint: "name the server with --endpoint",
    });
  if (responses !== undefined) return { model: await ResponsesModel.open(responses), close };
  const model = await openFlaggedModel(options, options.json === true);
  return { model, close: () => model.close() };
}

/** How the target is named in files. */
export function targetOf(model: ChatModel, options: EvaluateCommandOptions): EvaluationTarget {
  const elsewhere = { model: model.id, adapter: null, strength: null, template: null, endpoint: null };
  if (options.endpoint !== undefined) return { ...elsewhere, endpoint: endpointUrl(options.endpoint) };
  if (options.responses !== undefined) return elsewhere;
  return {
    model: options.model,
    adapter: options.adapter ?? null,
    strength: options.adapter === undefined ? null : options.adapterStrength,
    template: options.template,
    endpoint: null,
    weights: options.weights,
  };
}

function openEndpoint(url: string, options: EvaluateCommandOptions): EndpointChatModel {
  const { endpointModel: model, apiKeyEnv, concurrency, system } = options;
  if (model === undefined)
    throw new ConfigError("--endpoint: expected --endpoint-model beside it, got none", {
      hint: "servers list their models at /v1/models",
    });
  requireHonoured(options);
  const apiKey = apiKeyFrom(apiKeyEnv);
  return new EndpointChatModel({
    url,
    model,
    apiKey,
    system,
    ...(concurrency !== undefined && { concurrency }),
  });
}

async function close(): Promise<void> {
  // Nothing is held open.
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
