/** @file The flags of what is evaluated in place of a local model: an endpoint, or a file of answers. Light: commander only. */
import { type Command, Option } from "commander";
import { integer } from "./options.js";

/** Target flags as commander gives them. */
export interface TargetFlags {
  readonly endpoint?: string;
  readonly endpointModel?: string;
  readonly apiKeyEnv?: string;
  readonly concurrency?: number;
  readonly responses?: string;
}

/** What describes a model on this machine. */
const LOCAL = ["model", "adapter", "adapterStrength", "template", "weights", "threads", "device"];

/** Declares --endpoint with what belongs to it, and --responses. */
export function addTargetFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--endpoint <url>", "ask an OpenAI-compatible server instead of a local model").conflicts([
        ...LOCAL,
        "responses",
      ]),
    )
    .option("--endpoint-model <name>", "the model's name there")
    .option(
      "--api-key-env <variable>",
      "environment variable that holds the server's key; without it none is sent",
    )
    .addOption(
      new Option(
        "--concurrency <n>",
        "requests under way at most; fewer while the server is overloaded (default: 16)",
      ).argParser(integer({ min: 1, max: 1024 })),
    )
    .addOption(
      new Option(
        "--responses <file>",
        "judge answers that are there: rows {id or prompt, response}",
      ).conflicts([...LOCAL, "system"]),
    );
}
