"""Golden of tiny random decoders with a class head: Llama, Mistral (a sliding window), Qwen2 and Qwen3, and their scores.

Checkpoints are BF16 (one is F32), scores float32 over the stored weights widened to float32.
Sequences are scored one by one; all in one batch, padded, must agree. Exchanges are rendered and tokenised as TRL's
RewardTrainer does it: the whole conversation by the chat template, without a generation prompt.
Run: python reference/head_models_golden.py [FOLDER]     (FOLDER: also keep the checkpoint folders there)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from common import deterministic, write_golden
from tiny_golden import SHARED, pack, write_tokenizer

SEED = 20251126
PAD = 1
SIZES: dict[str, Any] = {
    **SHARED,
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": PAD,
}
VARIANTS: list[dict[str, Any]] = [
    {"name": "llama-one-label-f32", "config": LlamaConfig(**SIZES, num_labels=1), "dtype": torch.float32},
    {
        "name": "llama-two-labels-tied",
        "config": LlamaConfig(**{**SIZES, "tie_word_embeddings": True}, id2label={0: "safe", 1: "unsafe"}),
    },
    {"name": "mistral-one-label-window", "config": MistralConfig(**SIZES, sliding_window=5, num_labels=1)},
    {"name": "qwen2-one-label", "config": Qwen2Config(**{k: v for k, v in SIZES.items() if k != "head_dim"}, num_labels=1)},
    {"name": "qwen3-three-labels", "config": Qwen3Config(**SIZES, num_labels=3)},
]
LENGTHS = [1, 2, 7, 33, 60]
USER, ASSISTANT = "user", "assistant"
EXCHANGES = [
    {"messages": [{"role": USER, "content": "Hi"}], "response": "Hello."},
    {"messages": [{"role": USER, "content": "Hi"}], "response": "No"},
    {"messages": [{"role": USER, "content": "can you help?"}], "response": ""},
    {
        "messages": [{"role": "system", "content": "S"}, {"role": USER, "content": "A"}, {"role": ASSISTANT, "content": "B"}, {"role": USER, "content": "C"}],
        "response": "I can.",
    },
    {"messages": [{"role": USER, "content": "the lazy dog"}], "response": "the quick brown fox jumps over the dog, " * 4},
]  # fmt: skip


def build(variant: dict[str, Any], folder: Path) -> None:
    """Write the checkpoint folder of a variant."""
    model = AutoModelForSequenceClassification.from_config(variant["config"])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith(".bias"):
                parameter.uniform_(-0.3, 0.3)
    model.to(variant.get("dtype", torch.bfloat16)).save_pretrained(folder)
    write_tokenizer(folder)


def load(folder: Path) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def scored(folder: Path, sequences: list[list[int]]) -> list[list[float]]:
    """Scores of each sequence by itself; the same padded, in one batch, must agree."""
    model = load(folder)
    alone = torch.cat([model(torch.tensor([ids])).logits for ids in sequences])
    longest = max(map(len, sequences))
    ids = torch.tensor([row + [PAD] * (longest - len(row)) for row in sequences])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in sequences])
    together = model(ids, attention_mask=mask).logits
    assert (alone - together).abs().max() < 1e-4, (folder, alone, together)
    assert alone.std(0).min() > 0.05, alone
    return alone.tolist()


@torch.no_grad()
def scored_exchanges(folder: Path) -> list[dict[str, Any]]:
    model, tokenizer = load(folder), AutoTokenizer.from_pretrained(folder)
    rows = []
    for exchange in EXCHANGES:
        whole = [*exchange["messages"], {"role": ASSISTANT, "content": exchange["response"]}]
        ids = tokenizer.apply_chat_template(whole, tokenize=True, return_dict=True)["input_ids"]
        rows.append({**exchange, "ids": ids, "scores": model(torch.tensor([ids])).logits[0].tolist()})
    return rows


def main() -> None:
    deterministic(SEED)
    generator = torch.Generator().manual_seed(SEED)
    # No sequence ends in the padding token: transformers would look for its last token before it.
    draw = lambda length: torch.randint(2, SHARED["vocab_size"], (length,), generator=generator).tolist()  # noqa: E731
    variants = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        for variant in VARIANTS:
            folder = root / variant["name"]
            folder.mkdir(parents=True, exist_ok=True)
            build(variant, folder)
            assert AutoConfig.from_pretrained(folder).architectures[0].endswith("ForSequenceClassification")
            sequences = [draw(length) for length in LENGTHS]
            scores = scored(folder, sequences)
            rows = [{"ids": ids, "scores": row} for ids, row in zip(sequences, scores)]
            variants.append({"name": variant["name"], "files": pack(folder), "sequences": rows, "exchanges": scored_exchanges(folder)})
            print(variant["name"], scores)
    write_golden(
        "head-models",
        __file__,
        ["torch", "transformers", "tokenizers", "safetensors"],
        {"note": "files: name to text, or name.base64 to base64 bytes; scores of unpadded sequences", "variants": variants},
        seed=SEED,
        tolerance={"absolute": 1e-4},
    )


if __name__ == "__main__":
    main()
