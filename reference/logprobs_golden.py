"""Golden of scoring: log-probabilities of given answers under the embedded model.

The scored tokens are the answer and its end-of-turn token, without the newline that the template renders after
it. Ids are those of the rendered conversation; each row is checked to begin with the rendered prompt.
Run: python reference/logprobs_golden.py MODEL_FOLDER
"""

from __future__ import annotations

import sys

import torch

from common import deterministic, load_model, load_tokenizer, write_golden

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
def token_logprobs(model, ids: list[int], start: int) -> tuple[list[float], float]:
    """Log-probability of each token from `start` on, nats, and their sum by PyTorch's float32 log_softmax.

    The logits are float32 as transformers computes them, the log-softmax is float64: PyTorch's float32 log_softmax
    on the CPU is biased by about +2e-5 a token over a vocabulary of this size, float32 logsumexp is not.
    """
    logits = model(torch.tensor([ids])).logits[0, start - 1 : -1]
    targets = torch.tensor(ids[start:])[:, None]
    values = torch.log_softmax(logits.double(), -1).gather(-1, targets)[:, 0]
    biased = torch.log_softmax(logits, -1).gather(-1, targets).double().sum()
    return values.tolist(), float(biased)


def main() -> None:
    deterministic(0, threads=2)
    folder = sys.argv[1]
    tokenizer, model = load_tokenizer(folder), load_model(folder)
    double = load_model(folder, torch.float64)
    rows, worst = [], 0.0
    for index, (prompt, response) in enumerate(ROWS):
        ids, start = encode(tokenizer, prompt, response)
        values, biased = token_logprobs(model, ids, start)
        total = sum(values)
        exact = sum(token_logprobs(double, ids, start)[0])
        worst = max(worst, abs(total - exact) / (1e-3 + 1e-5 * abs(exact)))
        rows.append(
            {
                "id": f"row-{index:02d}",
                "prompt": prompt,
                "response": response,
                "promptTokens": start,
                "ids": ids,
                "logprob": round(total, 7),
                "numTokens": len(values),
                "tokenLogprobs": [round(value, 7) for value in values],
                "float64Logprob": round(exact, 7),
                "float32LogSoftmaxLogprob": round(biased, 7),
            }
        )
    print(f"largest difference between float32 and float64 as a share of the tolerance: {worst:.4f}")
    write_golden(
        "logprobs",
        __file__,
        ["torch", "transformers"],
        {
            "model": "smollm2-135m-instruct",
            "note": "response and end-of-turn token under the chat template; logprob: float32 logits, float64 log-softmax; "
            "float64Logprob: all in float64; float32LogSoftmaxLogprob: PyTorch's float32 log_softmax, for information",
            "float32ErrorShareOfTolerance": round(worst, 5),
            "rows": rows,
        },
        tolerance={"absolute": 1e-3, "relative": 1e-5},
    )


if __name__ == "__main__":
    main()
