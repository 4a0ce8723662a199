"""Golden of greedy decoding: 40 tokens on 20 I-Alpaca prompts, with the margin of the top two logits at each step.

A sequence ends early at the end-of-turn token, which is included. Where a margin is at most 1e-3, another correct
float32 implementation may take the other token, and everything after it may differ.
Run: python reference/greedy_golden.py MODEL_FOLDER --data DATA_DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from common import deterministic, load_model, load_tokenizer, read_jsonl, write_golden

PROMPTS = 20
NEW_TOKENS = 40


@torch.no_grad()
def greedy(model, ids: list[int], stop: int) -> tuple[list[int], list[float]]:
    """Greedy tokens and, for each, the difference of the two largest logits."""
    tokens, margins, cache, fresh = [], [], None, torch.tensor([ids])
    while len(tokens) < NEW_TOKENS and (not tokens or tokens[-1] != stop):
        output = model(fresh, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        top = output.logits[0, -1].float().topk(2)
        tokens.append(int(top.indices[0]))
        margins.append(float(top.values[0] - top.values[1]))
        fresh = torch.tensor([[tokens[-1]]])
    return tokens, margins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    deterministic(0, threads=2)
    tokenizer, model = load_tokenizer(arguments.model), load_model(arguments.model)
    rows = []
    for row in read_jsonl(arguments.data / "safety_tuned_llamas/I-Alpaca.jsonl")[:PROMPTS]:
        messages = [{"role": "user", "content": row["prompt"]}]
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        tokens, margins = greedy(model, ids, tokenizer.eos_token_id)
        library = model.generate(torch.tensor([ids]), max_new_tokens=NEW_TOKENS, do_sample=False)[0, len(ids) :].tolist()
        assert library == tokens, row["id"]
        rows.append(
            {
                "id": row["id"],
                "prompt": row["prompt"],
                "promptIds": ids,
                "tokens": tokens,
                "margins": [round(margin, 6) for margin in margins],
                "text": tokenizer.decode(tokens, skip_special_tokens=True),
                "finishReason": "stop" if tokens[-1] == tokenizer.eos_token_id else "length",
            }
        )
    small = sum(margin <= 1e-3 for row in rows for margin in row["margins"])
    print(f"{len(rows)} prompts, {small} steps with a margin of at most 1e-3")
    write_golden(
        "greedy",
        __file__,
        ["torch", "transformers"],
        {
            "model": "smollm2-135m-instruct",
            "note": "prompts of I-Alpaca (vinid/safety-tuned-llamas, CC-BY-NC-4.0); tokens must be equal up to the first margin within the tolerance",
            "maxNewTokens": NEW_TOKENS,
            "rows": rows,
        },
        tolerance=1e-3,
    )


if __name__ == "__main__":
    main()
