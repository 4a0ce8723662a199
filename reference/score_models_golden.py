"""Golden of tiny random classifiers: GPT-2 and DeBERTa-v3 with one label and with two, and their scores.

Checkpoints are BF16 (one is F16), scores float32 over the stored weights widened to float32. Biases and norms are drawn
far from their neutral values. Sequences are scored one by one; `padded` is what transformers gives for all in one batch,
a check of this script. `exchanges` are scored from their texts: DeBERTa's as one text, GPT-2's as question and answer,
both cut where the model's positions end, [SEP] kept. DeBERTa sequences are longer than its buckets of relative positions, and `buckets` are
transformers' own for the sizes of the published checkpoints and for tiny ones.
Run: python reference/score_models_golden.py [FOLDER]     (FOLDER: also keep the checkpoint folders there)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedTokenizerFast,
)
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

import unigram_golden
from common import deterministic, write_golden
from tiny_golden import pack, write_tokenizer

SEED = 20251125
VOCABULARY = 96
PAD = 1
GPT2: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_embd": 24,
    "n_layer": 2,
    "n_head": 3,
    "n_positions": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": PAD,
    "initializer_range": 0.3,
}
DEBERTA: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 64,
    "position_buckets": 8,
    "relative_attention": True,
    "max_relative_positions": -1,
    "position_biased_input": False,
    "pos_att_type": "p2c|c2p",
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
    "pad_token_id": PAD,
    "eos_token_id": 1,
    "initializer_range": 0.3,
}
VARIANTS: list[dict[str, Any]] = [
    {"name": "gpt2-one-label", "class": GPT2ForSequenceClassification, "config": GPT2Config(**GPT2, num_labels=1)},
    {
        "name": "gpt2-two-labels-inner-f16",
        "class": GPT2ForSequenceClassification,
        "config": GPT2Config(**GPT2, n_inner=40, id2label={0: "safe", 1: "unsafe"}),
        "dtype": torch.float16,
    },
    {
        "name": "deberta-one-label",
        "class": DebertaV2ForSequenceClassification,
        "config": DebertaV2Config(**{**DEBERTA, "vocab_size": 421, "pad_token_id": 0}, num_labels=1),
        "unigram": True,
    },
    {
        "name": "deberta-two-labels-published-buckets",
        "class": DebertaV2ForSequenceClassification,
        "config": DebertaV2Config(
            **{**DEBERTA, "max_position_embeddings": 512, "position_buckets": 256, "hidden_size": 16, "num_attention_heads": 2},
            id2label={0: "safe", 1: "unsafe"},
        ),
        "lengths": [330, 40, 3],
    },
]  # fmt: skip
LENGTHS = [1, 2, 7, 33, 60]
USER, ASSISTANT = "user", "assistant"
EXCHANGES = [
    {"messages": [{"role": USER, "content": "Hi"}], "response": "Hello."},
    {"messages": [{"role": USER, "content": "\tcan you  help?"}], "response": ""},
    {
        "messages": [{"role": USER, "content": "A"}, {"role": ASSISTANT, "content": "B"}, {"role": USER, "content": "C"}],
        "response": "I can.\n",
    },
    {"messages": [{"role": USER, "content": "the lazy dog"}], "response": "the quick brown fox jumps over the dog, " * 4},
]


def build(variant: dict[str, Any], folder: Path) -> None:
    """Write the checkpoint folder of a variant."""
    model = variant["class"](variant["config"])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.uniform_(-0.5, 0.5)
            elif "LayerNorm" in name or ".ln_" in name:
                parameter.uniform_(0.4, 1.6)
    model.to(variant.get("dtype", torch.bfloat16)).save_pretrained(folder)
    write_tokenizer(folder)
    if variant.get("unigram"):
        with tempfile.TemporaryDirectory() as rules:
            tokenizer = unigram_golden.as_transformers_5(unigram_golden.train(Path(rules) / "rules.tsv"))
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


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
def scored_exchanges(folder: Path, is_encoder: bool) -> list[dict[str, Any]]:
    """Scores of exchanges from their texts, by the tokenizer of the folder."""
    model, tokenizer = load(folder), PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    rows = []
    for exchange in EXCHANGES:
        turns = [(message["role"], message["content"]) for message in exchange["messages"]]
        end = "" if is_encoder else " "
        text = "".join(f"\n\nHuman: {c}{end}" if role == "user" else f"\n\nAssistant: {c}" for role, c in turns)
        if is_encoder:
            text = f"{text}\n\nAssistant: {exchange['response']}"
            ids = tokenizer(text, truncation=True, max_length=model.config.max_position_embeddings).input_ids
        else:
            whole = tokenizer(f"{text}\n\nAssistant:", exchange["response"]).input_ids
            ids = whole[: model.config.n_positions]
        rows.append({**exchange, "length": len(ids), "scores": model(torch.tensor([ids])).logits[0].tolist()})
    return rows


def buckets(size: int, longest: int) -> dict[str, Any]:
    """The bucket of each distance 0 … longest - 1."""
    return {
        "positionBuckets": size,
        "maxRelativePositions": longest,
        "buckets": make_log_bucket_position(torch.arange(longest), size, longest).long().tolist(),
    }


def main() -> None:
    deterministic(SEED)
    generator = torch.Generator().manual_seed(SEED)
    draw = lambda length: torch.randint(2, VOCABULARY, (length,), generator=generator).tolist()  # noqa: E731
    variants = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        for variant in VARIANTS:
            folder = root / variant["name"]
            folder.mkdir(parents=True, exist_ok=True)
            build(variant, folder)
            sequences = [draw(length) for length in variant.get("lengths", LENGTHS)]
            scores = scored(folder, sequences)
            rows = [{"ids": ids, "scores": row} for ids, row in zip(sequences, scores)]
            is_encoder = variant["class"] is DebertaV2ForSequenceClassification
            exchanges = scored_exchanges(folder, is_encoder) if variant["config"].num_labels == 1 else []
            variants.append({"name": variant["name"], "files": pack(folder), "sequences": rows, "exchanges": exchanges})
            print(variant["name"], scores)
    write_golden(
        "score-models",
        __file__,
        ["torch", "transformers", "tokenizers", "safetensors"],
        {
            "note": "files: name to text, or name.base64 to base64 bytes; scores of unpadded sequences",
            "variants": variants,
            "buckets": [buckets(256, 512), buckets(8, 64), buckets(32, 1000)],
        },
        seed=SEED,
        tolerance={"absolute": 1e-4},
    )


if __name__ == "__main__":
    main()
