/** @file `models`: list what is known by name, fetch ahead of time, look into a checkpoint. */
import { Command } from "commander";
import type { ModelsOptions } from "../command-options.js";
import { DEFAULT_MODEL, jsonOption } from "../options.js";

/** The command. */
export function modelsCommand(): Command {
  return new Command("models")
    .description("list, fetch and inspect models")
    .addCommand(listCommand())
    .addCommand(fetchCommand())
    .addCommand(inspectCommand())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve models fetch smollm2-135m-instruct");
}

function listCommand(): Command {
  return new Command("list")
    .description("models known by name, and whether they are on this machine")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve models list")
    .action(async (options: ModelsOptions) => {
      const { runModelsList } = await import("../run/models.js");
      runModelsList(options);
    });
}

function fetchCommand(): Command {
  return new Command("fetch")
    .description("download a model and convert it, so that later commands start at once")
    .argument("[model]", "registry name, folder, file or hub id", DEFAULT_MODEL)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve models fetch HuggingFaceTB/SmolLM2-135M-Instruct")
    .action(async (model: string, options: ModelsOptions) => {
      const { runModelsFetch } = await import("../run/models.js");
      await runModelsFetch(model, options);
    });
}

function inspectCommand(): Command {
  return new Command("inspect")
    .description("a model's size, shape, hash, tokenizer and files; nothing is downloaded")
    .argument("[model]", "registry name, folder, file or hub id", DEFAULT_MODEL)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ safe-to-serve models inspect ./my-checkpoint")
    .action(async (model: string, options: ModelsOptions) => {
      const { runModelsInspect } = await import("../run/models.js");
      await runModelsInspect(model, options);
    });
}
