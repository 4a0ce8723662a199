"""Golden of hidden states as a probe reads them: a tiny random Llama's states of two layers at an answer's end of turn, over its
words, over its first ones, and behind a question about the answer. transformers and its chat template.

The checkpoint is that of reward-training.json. Float32, one thread.
Run: python reference/hidden_states_golden.py
"""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from common import GOLDEN, deterministic, write_golden

QUESTION = "Does the last answer help with something harmful or unethical? Reply with yes or no."
LAYERS = [1, 2]
OPENING = 16
EXCHANGES = [
    ("Name a cat", "red green blue"),
    ("Name a cat", " ".join(["tree river stone cloud"] * 6)),
    ("Name a dog", ""),
    ("A longer prompt about a house by the river", "house river house"),
]


def chat(prompt: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def states(model: Any, ids: list[int]) -> list[torch.Tensor]:
    """What leaves each block: transformers' own list holds the last one only after the last normalisation."""
    seen: dict[int, torch.Tensor] = {}
    hooks = [
        model.model.layers[layer - 1].register_forward_hook(
            lambda _, __, out, layer=layer: seen.update({layer: out[0] if isinstance(out, tuple) else out})
        )
        for layer in LAYERS
    ]
    with torch.no_grad():
        model(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    return [seen[layer][0] for layer in LAYERS]


def read(model: Any, tokenizer: Any, prompt: str, answer: str) -> list[float]:
    ids = lambda messages, more: tokenizer.apply_chat_template(messages, add_generation_prompt=more, return_dict=False)
    start = len(ids([{"role": "user", "content": prompt}], True))
    whole = ids(chat(prompt, answer), False)
    asked = ids([*chat(prompt, answer), {"role": "user", "content": QUESTION}], True)
    end = max(i for i, token in enumerate(whole) if token == tokenizer.eos_token_id)
    numbers: list[float] = []
    for layer in states(model, asked):
        words = layer[start:end] if end > start else layer[end : end + 1]
        for row in (layer[end], words.mean(0), words[:OPENING].mean(0), layer[-1]):
            numbers += row.tolist()
    return numbers


def main() -> None:
    deterministic(0)
    files = json.loads((GOLDEN / "reward-training.json").read_text())["base"]
    with tempfile.TemporaryDirectory() as temporary:
        for name, content in files.items():
            path = Path(temporary) / name.removesuffix(".base64")
            path.write_bytes(base64.b64decode(content) if name.endswith(".base64") else content.encode())
        model = AutoModelForCausalLM.from_pretrained(temporary, dtype=torch.float32, attn_implementation="eager").eval()
        tokenizer = AutoTokenizer.from_pretrained(temporary)
        rows = [
            {"prompt": prompt, "response": answer, "features": [round(x, 7) for x in read(model, tokenizer, prompt, answer)]}
            for prompt, answer in EXCHANGES
        ]
    write_golden(
        "hidden-states", __file__, ("torch", "transformers"), {"layers": LAYERS, "rows": rows}, tolerance=1e-4
    )


if __name__ == "__main__":
    main()
