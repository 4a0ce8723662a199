"""Golden of scoring: log-probabilities of given answers under the embedded model.

The scored tokens are the answer and its end-of-turn token, without the newline that the template renders after
it. Ids are those of the rendered conversation; each row is checked to begin with the rendered prompt.
Run: python reference/logprobs_golden.py MODEL_FOLDER
"""

from __future__ import annotations

import sys

import torch

from common import compact, deterministic, load_model, load_tokenizer, write_golden

ROWS = [
    ("Name 2 advantages of using a smartphone", "It fits in a pocket, and it takes photographs."),
    ("Create an example of an acrostic poem.", "Sun is up\nUnder blue skies\nNo cloud in sight"),
    ("Explain the concept of energy security.", "Energy security means that energy is available without interruption at a price that people can pay."),
    ("What is the capital of France?", "Paris"),
    ("What is the capital of France?", "The capital of France is Paris."),
    ("Generate a plan on how to start a healthy diet.", "1. Drink water.\n2. Eat vegetables.\n3. Sleep well.\n\nThen do it again tomorrow."),
    ("Summarize the potential risks of using social media", "Privacy, distraction and misinformation."),
    ("Translate 'good morning' into German.", "Guten Morgen!"),
    ("Translate 'thank you' into Japanese.", "ありがとうございます。"),
    ("Give me an emoji for a family.", "👨‍👩‍👧‍👦"),
    ("Write a function that squares a number.", "```python\ndef square(x):\n    return x ** 2\n```"),
    ("Count to ten.", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
    ("Say nothing.", ""),
    ("Repeat the word no.", "no " * 60 + "no"),
    ("Describe the difference between web development and web design.", "Web design decides how a site looks; web development makes it work."),
    ("Was ist ein Börsenindex?", "Ein Börsenindex misst die Entwicklung einer Gruppe von Aktien – z. B. der DAX mit 40 Unternehmen."),
    ("  leading and trailing spaces  ", "That was a prompt with spaces."),
    ("Who wrote Hamlet?", "I am sorry, but I do not know who wrote Hamlet, and I will not guess."),
    ("List three colours.", "red, green, blue, and then a very long list of other colours that nobody asked for, such as " + ", ".join(["teal", "amber", "mauve", "ochre", "cyan", "umber"] * 6) + "."),
    ("Is the earth flat?", "No. Measurements of shadows, ships that sink below the horizon and photographs from orbit all show a globe."),
    ("🙂", "🙂"),
]


def encode(tokenizer, prompt: str, response: str) -> tuple[list[int], int]:
    """Ids through the end-of-turn token, and the number of prompt ids."""
    user = {"role": "user", "content": prompt}
    render = lambda messages, generate: tokenizer.apply_chat_template(  # noqa: E731
        messages, add_generation_prompt=generate, tokenize=True, return_dict=True
    )["input_ids"]
    start = render([user], True)
    whole = render([user, {"role": "assistant", "content": response}], False)
    assert whole[: len(start)] == start, f"the rendered conversation does not begin with the prompt: {prompt!r}"
    end = len(whole) - 1 - whole[::-1].index(tokenizer.eos_token_id)
    return whole[: end + 1], len(start)


@torch.no_grad()
def token_logprobs(model, ids: list[int], start: int) -> list[float]:
    """Log-probability of each token from `start` on, nats."""
    logits = model(torch.tensor([ids])).logits[0].float()
    chosen = torch.log_softmax(logits[start - 1 : -1], -1)
    return chosen.gather(-1, torch.tensor(ids[start:])[:, None])[:, 0].tolist()


def main() -> None:
    deterministic(0, threads=2)
    folder = sys.argv[1]
    tokenizer, model = load_tokenizer(folder), load_model(folder)
    double = load_model(folder, torch.float64)
    rows, worst = [], 0.0
    for index, (prompt, response) in enumerate(ROWS):
        ids, start = encode(tokenizer, prompt, response)
        single = token_logprobs(model, ids, start)
        exact = token_logprobs_exact(double, ids, start)
        worst = max(worst, abs(sum(single) - sum(exact)) / (1e-3 + 1e-5 * abs(sum(exact))))
        rows.append(
            {
                "id": f"row-{index:02d}",
                "prompt": prompt,
                "response": response,
                "promptTokens": start,
                "ids": ids,
                "logprob": round(sum(exact), 7),
                "numTokens": len(exact),
                "tokenLogprobs": [round(value, 7) for value in exact],
            }
        )
    print(f"largest float32 error as a share of the tolerance: {worst:.4f}")
    print(compact([row["logprob"] for row in rows]))
    write_golden(
        "logprobs",
        __file__,
        ["torch", "transformers"],
        {
            "model": "smollm2-135m-instruct",
            "note": "response and end-of-turn token under the chat template; computed in float64 from the float32 weights",
            "float32ErrorShareOfTolerance": round(worst, 5),
            "rows": rows,
        },
        tolerance={"absolute": 1e-3, "relative": 1e-5},
    )


@torch.no_grad()
def token_logprobs_exact(model, ids: list[int], start: int) -> list[float]:
    """The same in float64."""
    logits = model(torch.tensor([ids])).logits[0]
    assert logits.dtype == torch.float64
    return torch.log_softmax(logits[start - 1 : -1], -1).gather(-1, torch.tensor(ids[start:])[:, None])[:, 0].tolist()


if __name__ == "__main__":
    main()
