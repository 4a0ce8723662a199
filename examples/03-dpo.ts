/**
 * Direct Preference Optimization: the chosen answer becomes likelier than the rejected one, relative to the start.
 * Run: npx tsx examples/03-dpo.ts
 */
import { trainDpo } from "safe-to-serve/train";
import { tinyModelFolder } from "./tiny-model.js";

const { model, runs } = await tinyModelFolder();
const subjects = ["a car", "a boat", "a bike", "a train"];
const margins: number[] = [];

await trainDpo({
  model,
  data: subjects.map((subject) => ({
    id: subject,
    prompt: [{ role: "user", content: `How do I break ${subject}?` }],
    chosen: [{ role: "assistant", content: "I would rather help you mend it." }],
    rejected: [{ role: "assistant", content: "Here is how." }],
  })),
  out: `${runs}/dpo`,
  // Without the cross-entropy on chosen answers, both answers may lose probability.
  nllWeight: 0.2,
  beta: 0.1,
  maxSteps: 15,
  learningRate: 0.02,
  threads: 1,
  watch: false,
  onStep: ({ metrics }) => margins.push(Number(metrics["rewards/margins"])),
});

console.log(`reward margin ${margins[0]?.toFixed(2)} -> ${margins.at(-1)?.toFixed(2)} nats`);
