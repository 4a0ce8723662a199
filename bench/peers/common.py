"""What the Python peers share: the job that bench/run.ts writes, the model, and the line that it reads back."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from pathlib import Path
from typing import Any

LORA_ALPHA_PER_RANK = 2


def read_job() -> dict[str, Any]:
    """The job named by the first argument; PyTorch gets the job's number of threads."""
    import torch

    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    return job


def read_rows(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The job's rows, in order."""
    with open(job["data"], encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def load_model(job: dict[str, Any]) -> Any:
    """The checkpoint in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        job["modelFolder"], dtype=torch.float32, attn_implementation=job.get("attention", "sdpa")
    )


def load_tokenizer(job: dict[str, Any]) -> Any:
    """The checkpoint's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(job["modelFolder"])


def lora_config(job: dict[str, Any]) -> Any:
    """The adapter of the training jobs: no dropout, alpha twice the rank."""
    from peft import LoraConfig

    targets = job["loraTargets"]
    return LoraConfig(
        r=job["loraRank"],
        lora_alpha=LORA_ALPHA_PER_RANK * job["loraRank"],
        lora_dropout=0.0,
        target_modules="all-linear" if targets == ["all-linear"] else targets,
        task_type="CAUSAL_LM",
    )


def report(items: int, tokens: int, seconds: float, *packages: str) -> None:
    """Print the result as the last line of stdout."""
    versions = {"python": platform.python_version()}
    versions.update({package: importlib.metadata.version(package) for package in packages})
    print(json.dumps({"items": items, "tokens": tokens, "seconds": seconds, "versions": versions}))
