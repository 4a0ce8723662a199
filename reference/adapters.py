"""Starting adapters that another language can rebuild bit for bit, and the arithmetic of adapters.

The fresh A of module `name` [rank, in] is filled row by row from mulberry32 seeded with the FNV-1a hash of `name`
(as in "model.layers.0.self_attn.q_proj"): element i is (2 u_i - 1) / sqrt(in), computed in float64, rounded to
float32. B is zero.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy
from safetensors.numpy import load_file

ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PREFIX = "base_model.model."


def fnv1a(text: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def mulberry32(seed: int, count: int) -> numpy.ndarray:
    """The first `count` numbers in [0, 1) of mulberry32."""
    with numpy.errstate(over="ignore"):
        steps = numpy.arange(1, count + 1, dtype=numpy.uint32)
        a = numpy.uint32(seed) + steps * numpy.uint32(0x6D2B79F5)
        t = (a ^ (a >> numpy.uint32(15))) * (a | numpy.uint32(1))
        t ^= t + (t ^ (t >> numpy.uint32(7))) * (t | numpy.uint32(61))
        return (t ^ (t >> numpy.uint32(14))).astype(numpy.float64) / 2**32


def fresh_a(name: str, rank: int, size: int) -> numpy.ndarray:
    """The starting A [rank, in] of a module."""
    uniform = mulberry32(fnv1a(name), rank * size)
    return ((2 * uniform - 1) / math.sqrt(size)).astype(numpy.float32).reshape(rank, size)


def write_fresh_adapter(model_folder: str, folder: Path, targets: list[str], rank: int, alpha: int) -> None:
    """A PEFT folder with the A of `fresh_a` and B zero, written by PEFT itself."""
    import torch
    from peft import LoraConfig, get_peft_model

    from common import load_model

    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=targets, bias="none", task_type="CAUSAL_LM")
    model = get_peft_model(load_model(model_folder), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_A." in name:
                module = name.removeprefix(PREFIX).split(".lora_A.")[0]
                parameter.copy_(torch.from_numpy(fresh_a(module, *parameter.shape)))
            elif ".lora_B." in name:
                parameter.zero_()
    model.save_pretrained(folder)


def products(folder: Path) -> dict[str, numpy.ndarray]:
    """alpha / r * B A [out, in], float64, of every module of a PEFT folder."""
    config: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / (math.sqrt(config["r"]) if config.get("use_rslora") else config["r"])
    tensors = load_file(folder / "adapter_model.safetensors")
    found = {}
    for name, a in tensors.items():
        if name.endswith(".lora_A.weight"):
            module = name.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            b = tensors[name.replace(".lora_A.", ".lora_B.")]
            found[module] = scale * (b.astype(numpy.float64) @ a.astype(numpy.float64))
    return found


def relative_differences(start: Path, expected: Path, got: Path) -> dict[str, float]:
    """|| delta got - delta expected || / || delta expected || on the product of each module."""
    before, theirs, ours = products(start), products(expected), products(got)
    if not before.keys() == theirs.keys() == ours.keys():
        raise SystemExit(f"{got}: expected the modules of {expected}, got {sorted(theirs.keys() ^ ours.keys())[:4]} on one side")
    differences = {}
    for module, product in theirs.items():
        moved = numpy.linalg.norm(product - before[module])
        differences[module] = float(numpy.linalg.norm(ours[module] - product) / moved)
    return differences
