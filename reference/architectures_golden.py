"""Golden of tiny random checkpoints of every architecture: logits, greedy answers over a cache, LoRA gradients.

Each variant turns on what its architecture adds to the plain Llama decoder: biases, rotary scaling, sliding windows in
all or some layers, norms of queries and keys, heads whose size is not hidden / heads. Sequences are several windows
long, and pass the length that rotary scaling starts from. Biases and norms are drawn far from their neutral values, and
`sensitivity` says how far the last logits move when a feature is turned off, so that a test cannot pass without it.
Checkpoints are BF16; all numbers are float32 over the stored weights widened to float32.
Run: python reference/architectures_golden.py [FOLDER]     (FOLDER: also keep the checkpoint folders there)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig as PeftLoraConfig
from peft import get_peft_model
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from adapters import ALL_LINEAR
from common import b64, deterministic, load_model, write_golden
from tiny_golden import pack, write_tokenizer

SEED = 20241203
NEW_TOKENS = 24
MIN_MARGIN = 2e-3
RANK, ALPHA = 2, 4
SHARED: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.4,
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
# `off`: the feature, and the fields of config.json that turn it off.
VARIANTS: list[dict[str, Any]] = [
    {
        "name": "llama-biases-llama3-rope",
        "classes": (LlamaConfig, LlamaForCausalLM),
        "legacy": True,
        "config": {"attention_bias": True, "mlp_bias": True, "head_dim": 16, "rope_parameters": LLAMA3},
        "off": {"rope scaling": {"rope_scaling": None}},
    },
    {
        "name": "mistral-window-untied",
        "classes": (MistralConfig, MistralForCausalLM),
        "config": {"sliding_window": 7, "head_dim": 8, "tie_word_embeddings": False},
        "off": {"sliding window": {"sliding_window": None}},
    },
    {
        "name": "qwen2-window-in-one-layer-linear-rope",
        "classes": (Qwen2Config, Qwen2ForCausalLM),
        "config": {
            "use_sliding_window": True,
            "sliding_window": 5,
            "max_window_layers": 1,
            "rope_parameters": {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0},
        },
        "off": {
            "sliding window": {"use_sliding_window": False, "layer_types": None},
            "rope scaling": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
        },
    },
    {
        "name": "qwen3-norms-head-dim",
        "classes": (Qwen3Config, Qwen3ForCausalLM),
        "config": {
            "head_dim": 16,
            "attention_bias": True,
            "use_sliding_window": True,
            "sliding_window": 9,
            "layer_types": ["sliding_attention", "full_attention"],
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
        },
        "off": {"sliding window": {"use_sliding_window": False, "layer_types": None}},
    },
]


def use_old_keys(path: Path) -> None:
    """Rewrite config.json with the keys that transformers 4 wrote: rope_theta beside rope_scaling, torch_dtype."""
    config = json.loads(path.read_text())
    scaling = config.pop("rope_parameters")
    config["rope_theta"] = scaling.pop("rope_theta")
    config["rope_scaling"] = scaling
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2))


def build(variant: dict[str, Any], folder: Path) -> None:
    """Write the checkpoint folder of a variant."""
    config_class, model_class = variant["classes"]
    model = model_class(config_class(**{**SHARED, **variant["config"]}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.4, 1.6)
            elif name.endswith(".bias"):
                parameter.uniform_(-0.5, 0.5)
    model.to(torch.bfloat16).save_pretrained(folder)
    if variant.get("legacy"):
        use_old_keys(folder / "config.json")
    write_tokenizer(folder)


@torch.no_grad()
def logits_of(model: Any, ids: list[int]) -> torch.Tensor:
    """[T, V] without a cache."""
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def floats(tensor: torch.Tensor) -> str:
    """Base64 float32 little endian."""
    return b64(tensor.detach().contiguous().numpy().astype("<f4").tobytes())


@torch.no_grad()
def greedy(model: Any, ids: list[int]) -> dict[str, Any]:
    """Greedy tokens over transformers' cache, and the smallest margin between the two best logits on the way."""
    answer = model.generate(
        torch.tensor([ids]), do_sample=False, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, use_cache=True,
        eos_token_id=None, pad_token_id=1, output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    best = torch.stack([row[0].topk(2).values for row in answer.logits])
    return {
        "prompt": ids,
        "answer": answer.sequences[0, len(ids) :].tolist(),
        "margin": (best[:, 0] - best[:, 1]).min().item(),
    }


def clear_greedy(model: Any, length: int, generator: torch.Generator) -> dict[str, Any]:
    """The greedy answer to the first random prompt of this length that rounding does not decide."""
    while True:
        found = greedy(model, draw(length, generator))
        if found["margin"] > MIN_MARGIN:
            return found


def draw(length: int, generator: torch.Generator) -> list[int]:
    """Random tokens that are not special."""
    return torch.randint(2, SHARED["vocab_size"], (length,), generator=generator).tolist()


def sensitivity(folder: Path, variant: dict[str, Any], ids: list[int]) -> dict[str, float]:
    """Largest change of the last logits when a feature is turned off in config.json."""
    path = folder / "config.json"
    text = path.read_text()
    expected = logits_of(load_model(str(folder)), ids)[-1]
    changes = {}
    for feature, fields in variant["off"].items():
        path.write_text(json.dumps({**json.loads(text), **fields}))
        changes[feature] = (logits_of(load_model(str(folder)), ids)[-1] - expected).abs().max().item()
        assert changes[feature] > 0.05, (variant["name"], feature, changes)
        path.write_text(text)
    return changes


def sft_step(folder: Path, prompt: list[int], answers: list[list[int]], generator: torch.Generator) -> dict[str, Any]:
    """Token-mean cross-entropy of answers to one prompt, and its gradient in random LoRA factors on all linear layers."""
    model = get_peft_model(
        load_model(str(folder)),
        PeftLoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=ALL_LINEAR, task_type="CAUSAL_LM"),
    )
    factors = {
        name.replace(".default.weight", ".weight"): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    with torch.no_grad():
        for parameter in factors.values():
            parameter.copy_((torch.rand(parameter.shape, generator=generator) - 0.5) * 0.4)
    log_probs = []
    for answer in answers:
        ids = torch.tensor([prompt + answer])
        log_softmax = model(ids, use_cache=False).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        log_probs.append(log_softmax.gather(1, torch.tensor(answer)[:, None])[:, 0])
    loss = -torch.cat(log_probs).mean()
    loss.backward()
    return {
        "rank": RANK,
        "alpha": ALPHA,
        "prompt": prompt,
        "answers": answers,
        "loss": loss.item(),
        "logProbs": torch.cat(log_probs).tolist(),
        "factors": {
            name: {"shape": list(p.shape), "data": floats(p), "gradient": floats(p.grad)} for name, p in factors.items()
        },
    }


def main() -> None:
    deterministic(SEED)
    generator = torch.Generator().manual_seed(SEED)
    sequences = [draw(length, generator) for length in (40, 6)]
    prompt, *answers = [draw(length, generator) for length in (11, 17, 25)]
    variants = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        for variant in VARIANTS:
            folder = root / variant["name"]
            folder.mkdir(parents=True, exist_ok=True)
            build(variant, folder)
            model = load_model(str(folder))
            assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
            answered = [clear_greedy(model, length, generator) for length in (3, 29, 14)]
            variants.append(
                {
                    "name": variant["name"],
                    "files": pack(folder),
                    "sequences": [{"ids": ids, "logits": floats(logits_of(model, ids))} for ids in sequences],
                    "greedy": answered,
                    "sft": sft_step(folder, prompt, answers, generator),
                    "sensitivity": sensitivity(folder, variant, sequences[0]),
                }
            )
            print(variant["name"], variants[-1]["sensitivity"], [row["margin"] for row in answered])
    write_golden(
        "architectures",
        __file__,
        ["torch", "transformers", "peft", "tokenizers", "safetensors"],
        {"note": "as tiny-llama; factors and gradients base64 float32 little endian", "variants": variants},
        seed=SEED,
        tolerance={"absolute": 1e-4, "relative": 1e-4},
    )


if __name__ == "__main__":
    main()
