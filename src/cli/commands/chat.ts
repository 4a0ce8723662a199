/** @file `chat`: a conversation in the terminal. */
import { Command } from "commander";
import type { ChatOptions } from "../command-options.js";
import { addSamplingFlags } from "../sampling-flags.js";
import { addChatModelFlags } from "./generate.js";

/** The command. */
export function chatCommand(): Command {
  const command = new Command("chat").description(
    "talk to a model in the terminal; /reset starts anew, /quit leaves, Ctrl-C stops an answer",
  );
  return addSamplingFlags(addChatModelFlags(command), { maxNewTokens: 512, temperature: 0.7 })
    .addHelpText(
      "after",
      "\nExample:\n  $ safe-to-serve chat --adapter runs/dpo/adapter --adapter-strength 0.5",
    )
    .action(async (options: ChatOptions) => {
      const { runChat } = await import("../run/chat.js");
      await runChat(options);
    });
}
