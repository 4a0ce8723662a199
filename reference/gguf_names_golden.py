"""Golden of what GGUF calls the tensors of each architecture, and of Llama 3's rotary factors.

Names come from gguf's own tensor name map. The factors are what llama.cpp stores in rope_freqs.weight, by definition the
plain frequencies divided by the scaled ones, here from transformers' rotary functions for the shapes of Llama 3.1 8B
(head size 128, factor 8) and Llama 3.2 1B (head size 64, factor 32).
Run: python reference/gguf_names_golden.py
"""

from __future__ import annotations

import torch
from gguf import MODEL_ARCH, get_tensor_name_map
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from common import b64, write_golden

BLOCK = {
    "llama": ["q_proj.bias", "k_proj.bias", "v_proj.bias", "o_proj.bias"],
    "qwen2": ["q_proj.bias", "k_proj.bias", "v_proj.bias"],
    "qwen3": ["q_norm.weight", "k_norm.weight"],
}
EVERY = [
    "model.embed_tokens.weight",
    "model.norm.weight",
    "lm_head.weight",
    *(f"model.layers.1.{name}.weight" for name in ("input_layernorm", "post_attention_layernorm")),
    *(f"model.layers.1.self_attn.{name}_proj.weight" for name in "qkvo"),
    *(f"model.layers.1.mlp.{name}_proj.weight" for name in ("gate", "up", "down")),
]


def names(architecture: str) -> dict[str, str]:
    """GGUF's name of each Hugging Face parameter."""
    mapping = get_tensor_name_map(MODEL_ARCH[architecture.upper()], 2)
    every = [*EVERY, *(f"model.layers.1.self_attn.{name}" for name in BLOCK[architecture])]
    found = {name: mapping.get_name(name, try_suffixes=(".weight", ".bias")) for name in every}
    assert all(found.values()), found
    return found


def rope_factors(head_dim: int, factor: float) -> dict[str, object]:
    scaling = {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    config = LlamaConfig(hidden_size=32 * head_dim, num_attention_heads=32, max_position_embeddings=131072, rope_parameters=scaling)
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config)
    plain = 1.0 / (500000.0 ** (torch.arange(0, head_dim, 2).float() / head_dim))
    values = (plain / scaled).numpy().astype("<f4")
    return {"headDim": head_dim, "factor": factor, "ropeTheta": 500000, "values": b64(values.tobytes())}


def main() -> None:
    write_golden(
        "gguf-names",
        __file__,
        ["gguf", "torch", "transformers"],
        {
            "note": "rope factors base64 float32 little endian",
            "names": {architecture: names(architecture) for architecture in BLOCK},
            "ropeFactors": [rope_factors(128, 8.0), rope_factors(64, 32.0)],
        },
        tolerance={"relative": 1e-4},
    )


if __name__ == "__main__":
    main()
