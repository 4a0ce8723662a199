/** @file Opens the model that the flags of `generate`, `chat` and `score` name. */
import { ConfigError } from "../../core/errors.js";
import type { LocalChatModel } from "../../generate/local-chat-model.js";
import { openLocalChatModel } from "../../generate/open-local-chat-model.js";
import type { ChatModelFlags } from "../command-options.js";
import { openProgress } from "../open-progress.js";
import { printMemory } from "../output.js";

/**
 * Opens a model with a progress line for downloads and conversions.
 * @throws ConfigError when a strength is given without an adapter, and errors of {@link openLocalChatModel}
 */
export async function openFlaggedModel(flags: ChatModelFlags, silent: boolean): Promise<LocalChatModel> {
  const { model, adapter, adapterStrength, template, system, weights, threads, device } = flags;
  if (adapter === undefined && adapterStrength !== 1) {
    throw new ConfigError("--adapter-strength: expected an adapter to scale, got none", {
      hint: "name one with --adapter, or leave --adapter-strength out",
    });
  }
  const report = openProgress(silent);
  try {
    const { onProgress } = report;
    return await openLocalChatModel({
      model,
      adapter,
      adapterStrength,
      template,
      system,
      weights,
      threads,
      device,
      onProgress,
      ...(!silent && { onMemory: printMemory }),
    });
  } finally {
    report.done();
  }
}
