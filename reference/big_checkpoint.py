"""A random checkpoint of Llama-3.2-1B's shape, in sharded BF16: for the memory check of docs/experiments.md.

Tokenizer and template are those of MODEL (a Hugging Face folder, its vocabulary smaller than this one's), so that the
checkpoint can be asked and trained; what it answers means nothing. About 2.5 GB on disk, and 5 GB more in the model cache
once opened. No golden is written.
Run: python reference/big_checkpoint.py MODEL FOLDER [--layers 16]
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

SEED = 20241202
DEVIATION = 0.02
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 128256,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}
TEXT_FILES = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "generation_config.json"]
SPECIAL_IDS = ["bos_token_id", "eos_token_id", "pad_token_id"]


def layer_shapes(layer: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of one block."""
    width, inner, head = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["head_dim"]
    queries, keys = CONFIG["num_attention_heads"] * head, CONFIG["num_key_value_heads"] * head
    shapes = {
        "input_layernorm": (width,),
        "self_attn.q_proj": (queries, width),
        "self_attn.k_proj": (keys, width),
        "self_attn.v_proj": (keys, width),
        "self_attn.o_proj": (width, queries),
        "post_attention_layernorm": (width,),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }
    return {f"model.layers.{layer}.{name}.weight": shape for name, shape in shapes.items()}


def draw(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Normal weights; norms are ones."""
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    return (torch.randn(shape, generator=generator) * DEVIATION).to(torch.bfloat16)


def write_weights(folder: Path, layers: int) -> None:
    """One shard for embeddings and last norm, one for every four blocks, and their index."""
    ends = {"model.embed_tokens.weight": (CONFIG["vocab_size"], CONFIG["hidden_size"]), "model.norm.weight": (CONFIG["hidden_size"],)}
    blocks = [layer_shapes(layer) for layer in range(layers)]
    shards = [ends] + [{k: v for block in blocks[i : i + 4] for k, v in block.items()} for i in range(0, layers, 4)]
    generator = torch.Generator().manual_seed(SEED)
    weight_map: dict[str, str] = {}
    total = 0
    for number, shapes in enumerate(shards, start=1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        tensors = {name: draw(shape, generator) for name, shape in shapes.items()}
        save_file(tensors, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(tensors, file))
        total += sum(tensor.nbytes for tensor in tensors.values())
        print(file, len(tensors), "tensors")
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder whose tokenizer is used")
    parser.add_argument("folder", type=Path, help="folder to write")
    parser.add_argument("--layers", type=int, default=16, help="fewer for a quick look (default: 16)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    own = json.loads((options.model / "config.json").read_text())
    special = {key: own[key] for key in SPECIAL_IDS if own.get(key) is not None}
    config = {**CONFIG, **special, "num_hidden_layers": options.layers}
    (options.folder / "config.json").write_text(json.dumps(config, indent=1))
    for name in TEXT_FILES:
        if (options.model / name).exists():
            shutil.copyfile(options.model / name, options.folder / name)
    write_weights(options.folder, options.layers)


if __name__ == "__main__":
    main()
