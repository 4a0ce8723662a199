"""Golden of tiny random Llama checkpoints: the checkpoint files themselves (base64) and their logits.

Variants cover tied and untied embeddings, grouped-query and multi-head attention, a head size that is not
hidden / heads, F32, F16 and BF16, single and sharded files, old and new keys of config.json. Logits are float32 sums over the stored weights
widened to float32. All have the same toy tokenizer (one token a character) and chat template.
Run: python reference/tiny_golden.py [FOLDER]     (FOLDER: also keep the checkpoint folders there)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from common import b64, deterministic, load_model, write_golden

SEED = 20241202
SPECIAL = ["<|im_start|>", "<|im_end|>"]
CHARACTERS = "ĠĊabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"()-+*/=<>[]_#&%@$|~`{}"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHARED: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
VARIANTS = [
    {"name": "untied-f32-gqa", "dtype": torch.float32, "shard": None, "config": {"tie_word_embeddings": False}},
    {
        "name": "tied-bf16-sharded",
        "dtype": torch.bfloat16,
        "shard": "16KB",
        "config": {"tie_word_embeddings": True, "num_key_value_heads": 1, "head_dim": 16, "rope_theta": 100000.0},
    },
    {
        "name": "untied-f16-mha",
        "dtype": torch.float16,
        "shard": None,
        "legacy": True,
        "config": {"tie_word_embeddings": False, "num_key_value_heads": 4, "num_hidden_layers": 1, "rms_norm_eps": 1e-6},
    },
]


def write_tokenizer(folder: Path) -> None:
    """A toy tokenizer: one token a character, unknown characters dropped."""
    vocab = {token: index for index, token in enumerate([*SPECIAL, *CHARACTERS])}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[1],
        "pad_token": SPECIAL[1],
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def use_old_keys(path: Path) -> None:
    """Rewrite config.json with the keys that transformers 4 wrote: rope_theta, rope_scaling, torch_dtype."""
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["rope_scaling"] = None
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2))


def build(variant: dict[str, Any], folder: Path) -> None:
    """Write the checkpoint folder of a variant."""
    config = LlamaConfig(**{**SHARED, **variant["config"]})
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
    model.to(variant["dtype"]).save_pretrained(folder, **({"max_shard_size": variant["shard"]} if variant["shard"] else {}))
    if variant.get("legacy"):
        use_old_keys(folder / "config.json")
    write_tokenizer(folder)


@torch.no_grad()
def logits(folder: Path, sequences: list[list[int]]) -> list[dict[str, Any]]:
    """Logits [T, V] of each sequence, base64 float32 little endian."""
    model = load_model(str(folder))
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    rows = []
    for ids in sequences:
        values = model(torch.tensor([ids])).logits[0]
        rows.append({"ids": ids, "shape": list(values.shape), "logits": b64(values.numpy().astype("<f4").tobytes())})
    return rows


def pack(folder: Path) -> dict[str, str]:
    """Text files as they are, safetensors as base64 (key ends in .base64)."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".safetensors":
            files[f"{path.name}.base64"] = b64(path.read_bytes())
        elif path.suffix == ".json":
            files[path.name] = json.dumps(json.loads(path.read_text()), separators=(",", ":"))
    return files


def main() -> None:
    deterministic(SEED)
    assert len(SPECIAL) + len(CHARACTERS) == SHARED["vocab_size"] == len({*SPECIAL, *CHARACTERS}), len(CHARACTERS)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        generator = torch.Generator().manual_seed(SEED)
        draw = lambda n: torch.randint(0, SHARED["vocab_size"], (n,), generator=generator).tolist()  # noqa: E731
        sequences = [[0], draw(7), draw(23)]
        variants = []
        for variant in VARIANTS:
            folder = root / variant["name"]
            folder.mkdir(parents=True, exist_ok=True)
            build(variant, folder)
            rows = logits(folder, sequences)
            variants.append({"name": variant["name"], "files": pack(folder), "sequences": rows})
            print(variant["name"], sorted(path.name for path in folder.iterdir()))
    write_golden(
        "tiny-llama",
        __file__,
        ["torch", "transformers", "tokenizers", "safetensors"],
        {"note": "files: name to text, or name.base64 to base64 bytes; logits base64 float32 little endian", "variants": variants},
        seed=SEED,
        tolerance={"absolute": 1e-4, "relative": 1e-4},
    )


if __name__ == "__main__":
    main()
