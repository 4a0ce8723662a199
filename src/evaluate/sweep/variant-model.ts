/**
 * @file A model that is asked in another way: the variant's system prompt and text around the prompt are put in on the way
 * to the model, so journals and judges keep the plain prompt, and an answer is judged by what was wanted.
 */
import { hashJson } from "../../core/hash.js";
import type { ChatModel, Completion, GenerationRequest, SamplingOptions } from "../../text/chat-model.js";
import type { Message } from "../../text/messages.js";
import { fillPrompt, type Variant } from "./variants.js";

/**
 * The model under a variant; the model itself where only sampling differs. It draws answers and nothing else: no variant
 * touches log-likelihoods of raw texts, and references are scored once, in the plain evaluation.
 */
export function variantModel(model: ChatModel, variant: Variant): ChatModel {
  const { name, system, prompt } = variant;
  if (system === undefined && prompt === undefined) return model;
  const changes = { ...(system !== undefined && { system }), ...(prompt !== undefined && { prompt }) };
  return {
    id: model.id,
    hash: hashJson({ model: model.hash, variant: changes }),
    generate: (requests: readonly GenerationRequest[], options: SamplingOptions): AsyncIterable<Completion> =>
      model.generate(
        requests.map((request) => ({ ...request, messages: askIn(variant, request.messages) })),
        options,
      ),
    notes: () => [
      ...(model.notes?.() ?? []),
      `variant ${name}: ${Object.keys(changes).join(" and ")} changed on the way to the model; prompts are shown as they were before`,
    ],
  };
}

/** A conversation under a variant. */
export function askIn({ system, prompt }: Variant, messages: readonly Message[]): readonly Message[] {
  const own = system === undefined ? messages : messages.filter(({ role }) => role !== "system");
  const last = own.length - 1;
  const asked = own.map((message, i) =>
    prompt === undefined || i !== last
      ? message
      : { ...message, content: fillPrompt(prompt, message.content) },
  );
  return system === undefined ? asked : [{ role: "system", content: system }, ...asked];
}
