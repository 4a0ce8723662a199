"""Convert a Llama GGUF file into an F32 Hugging Face folder.

Blocks are dequantised by llama.cpp's own `gguf` package; the query and key rows, which llama.cpp
stores interleaved, are put back as transformers does it (modeling_gguf_pytorch_utils, LlamaTensorProcessor).
The tokenizer is built from the file's metadata with the pre-tokenizer of the original checkpoint
(digits one by one, then byte-level with GPT-2's pattern: llama.cpp's pre-tokenizer "smollm").
`--check` also loads the file through transformers and compares every tensor.

Run: python reference/convert_gguf.py MODEL.gguf FOLDER [--check]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROL, USER_DEFINED = 3, 4  # llama.cpp token types
BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def field(reader: GGUFReader, key: str, default: Any = None) -> Any:
    """The value of a metadata key."""
    found = reader.get_field(key)
    return default if found is None else found.contents()


def hf_name(name: str) -> str:
    """The Hugging Face parameter name of a GGUF tensor name."""
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{BLOCK_NAMES[parts[2]]}.{parts[3]}"
    return f"{TOP_NAMES[parts[0]]}.{parts[1]}"


def unpermute(weights: numpy.ndarray, heads: int) -> numpy.ndarray:
    """Undo llama.cpp's interleaving of the two rotary halves inside each head."""
    rows = weights.shape[0] // heads // 2
    return weights.reshape(heads, rows, 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def read_tensors(reader: GGUFReader, heads: int, kv_heads: int) -> dict[str, numpy.ndarray]:
    """All tensors as float32 [out, in] under Hugging Face names."""
    tensors = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if ".attn_q." in tensor.name:
            values = unpermute(values, heads)
        elif ".attn_k." in tensor.name:
            values = unpermute(values, kv_heads)
        tensors[hf_name(tensor.name)] = numpy.ascontiguousarray(values)
    return tensors


def build_config(reader: GGUFReader, tied: bool) -> dict[str, Any]:
    """config.json of the model."""
    get = lambda key, default=None: field(reader, f"llama.{key}", default)  # noqa: E731
    heads = get("attention.head_count")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": get("embedding_length"),
        "intermediate_size": get("feed_forward_length"),
        "num_hidden_layers": get("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": get("attention.head_count_kv", heads),
        "head_dim": get("embedding_length") // heads,
        "max_position_embeddings": get("context_length"),
        "rms_norm_eps": round(float(get("attention.layer_norm_rms_epsilon")), 9),
        "rope_theta": float(get("rope.freq_base", 10000.0)),
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "vocab_size": len(field(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": tied,
        "bos_token_id": field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": field(reader, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": field(reader, "tokenizer.ggml.padding_token_id"),
        "torch_dtype": "float32",
    }


def build_tokenizer(reader: GGUFReader) -> Tokenizer:
    """Byte-level BPE from the file's tokens and merges."""
    tokens = field(reader, "tokenizer.ggml.tokens")
    types = field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in field(reader, "tokenizer.ggml.merges")]
    pre = field(reader, "tokenizer.ggml.pre")
    if pre != "smollm":
        raise SystemExit(f"convert_gguf: expected pre-tokenizer smollm, got {pre}")
    vocab = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return tokenizer


def write_tokenizer(reader: GGUFReader, folder: Path) -> None:
    """tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    tokens = field(reader, "tokenizer.ggml.tokens")
    build_tokenizer(reader).save(str(folder / "tokenizer.json"))
    name = lambda key: tokens[field(reader, f"tokenizer.ggml.{key}_token_id")]  # noqa: E731
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": name("bos"),
        "eos_token": name("eos"),
        "pad_token": name("padding"),
        "unk_token": name("unknown") if field(reader, "tokenizer.ggml.unknown_token_id") is not None else None,
        "add_bos_token": bool(field(reader, "tokenizer.ggml.add_bos_token", False)),
        "clean_up_tokenization_spaces": False,
        "model_max_length": field(reader, "llama.context_length"),
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "chat_template.jinja").write_text(field(reader, "tokenizer.chat_template"))


def check_against_transformers(gguf: Path, tensors: dict[str, numpy.ndarray]) -> None:
    """Load the file through transformers and compare every tensor."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
    worst = 0.0
    for name, parameter in model.state_dict().items():
        if name == "lm_head.weight" and name not in tensors:
            continue
        worst = max(worst, float(numpy.abs(parameter.numpy() - tensors[name]).max()))
    print(f"largest difference to transformers' own GGUF loading: {worst}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    reader = GGUFReader(arguments.gguf)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    heads = field(reader, "llama.attention.head_count")
    tensors = read_tensors(reader, heads, field(reader, "llama.attention.head_count_kv", heads))
    config = build_config(reader, tied="lm_head.weight" not in tensors)
    (arguments.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    (arguments.folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    save_file(tensors, arguments.folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(reader, arguments.folder)
    print(f"wrote {arguments.folder} ({len(tensors)} tensors)")
    if arguments.check:
        check_against_transformers(arguments.gguf, tensors)


if __name__ == "__main__":
    main()
