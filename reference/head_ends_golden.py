"""Golden of where published heads are read: a template that ends in the token that pads, and no template at all.

Tiny random Llamas with one label. transformers passes over padding at the end of a text, whatever it is there for; the
raw text of a checkpoint without a template is its contents joined, closed by EOS, which does not pad there.
Run: python reference/head_ends_golden.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig

from common import deterministic, write_golden
from head_models_golden import ASSISTANT, EXCHANGES, build, load
from tiny_golden import SHARED, pack

SEED = 20261125
SIZES = {**SHARED, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_labels": 1}
ENDS_IN_EOS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VARIANTS: list[dict[str, Any]] = [
    {"name": "pad-is-end-of-turn", "config": LlamaConfig(**{**SIZES, "pad_token_id": 1}), "template": ENDS_IN_EOS},
    {"name": "no-template", "config": LlamaConfig(**{**SIZES, "pad_token_id": 95}), "template": None},
]


def use_template(folder: Path, template: str | None) -> None:
    """Replace the tokenizer's chat template."""
    path = folder / "tokenizer_config.json"
    config = {**json.loads(path.read_text()), "chat_template": template}
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def ids_of(tokenizer: Any, exchange: dict[str, Any]) -> list[int]:
    messages = [*exchange["messages"], {"role": ASSISTANT, "content": exchange["response"]}]
    if tokenizer.chat_template:
        return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
    ends = {"system": "\n\n", "user": "", ASSISTANT: tokenizer.eos_token}
    return tokenizer("".join(message["content"] + ends[message["role"]] for message in messages)).input_ids


@torch.no_grad()
def scored(folder: Path) -> list[dict[str, Any]]:
    model, tokenizer = load(folder), AutoTokenizer.from_pretrained(folder)
    rows = []
    for exchange in EXCHANGES:
        scores = model(torch.tensor([ids_of(tokenizer, exchange)])).logits[0].tolist()
        rows.append({"messages": exchange["messages"], "response": exchange["response"], "scores": scores})
    return rows


def main() -> None:
    deterministic(SEED)
    variants = []
    for variant in VARIANTS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            build({**variant, "dtype": torch.float32}, folder)
            use_template(folder, variant["template"])
            exchanges = scored(folder)
            variants.append({"name": variant["name"], "files": pack(folder), "exchanges": exchanges})
            print(variant["name"], [row["scores"] for row in exchanges])
    write_golden(
        "head-ends",
        __file__,
        ["torch", "transformers", "tokenizers", "safetensors"],
        {"note": "files: name to text, or name.base64 to base64 bytes", "variants": variants},
        seed=SEED,
        tolerance={"absolute": 1e-4},
    )


if __name__ == "__main__":
    main()
