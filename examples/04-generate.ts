/**
 * Sampling: several answers to several prompts, streamed as they finish. The tiny model is untrained and babbles.
 * Run: npx tsx examples/04-generate.ts
 */
import { openLocalChatModel } from "safe-to-serve/generate";
import { tinyModelFolder } from "./tiny-model.js";

const { model } = await tinyModelFolder();
const chat = await openLocalChatModel({ model, threads: 1 });
const requests = ["Hello", "What is new?"].map((content) => ({
  id: content,
  messages: [{ role: "user" as const, content }],
  samples: 2,
}));

// A token's random number is a function of (seed, id, sample, position): the batch size changes nothing.
const answers: string[] = [];
for (const batchSize of [1, 4])
  for await (const { id, sample, response } of chat.generate(requests, {
    temperature: 0.8,
    seed: 7,
    maxNewTokens: 12,
    batchSize,
  }))
    answers.push(`${id} #${sample}: ${JSON.stringify(response)}`);
await chat.close();

const [alone, together] = [answers.slice(0, 4).sort(), answers.slice(4).sort()];
console.log(`${alone.join("\n")}\nthe same in a batch of 4: ${String(alone.join() === together.join())}`);
