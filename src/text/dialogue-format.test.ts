import { expect, test } from "vitest";
import { DIALOGUE_FORMATS } from "./dialogue-format.js";
import type { Exchange } from "./messages.js";

const exchange: Exchange = {
  id: "1",
  messages: [
    { role: "system", content: "Be kind." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "Who are you?" },
  ],
  response: "A model.",
};

test("human-assistant is one text", () => {
  expect(DIALOGUE_FORMATS["human-assistant"].parts(exchange)).toEqual([
    "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Who are you?\n\nAssistant: A model.",
  ]);
});

test("question-answer encodes the answer apart", () => {
  expect(DIALOGUE_FORMATS["question-answer"].parts(exchange)).toEqual([
    "\n\nHuman: Hi \n\nAssistant: Hello\n\nHuman: Who are you? \n\nAssistant:",
    "A model.",
  ]);
});
