"""Shared helpers of the reference scripts: deterministic set-up, golden files, versions.

Every script in this folder computes numbers with independent libraries (PyTorch, transformers,
PEFT, TRL, gguf, scipy, statsmodels) and writes them to test/golden/. Nothing here is shipped.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import platform
import random
from pathlib import Path
from typing import Any, Iterable

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "test" / "golden"
MAX_GOLDEN_BYTES = 400_000


def versions(*packages: str) -> dict[str, str]:
    """Python and the exact versions of the named packages."""
    found = {"python": platform.python_version()}
    for package in packages:
        found[package] = importlib.metadata.version(package)
    return found


def compact(value: Any) -> str:
    """JSON text without spaces; NaN and infinity are refused."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def write_golden(
    name: str,
    script: str,
    packages: Iterable[str],
    body: dict[str, Any],
    *,
    seed: int | None = None,
    tolerance: Any = 0,
) -> Path:
    """Write test/golden/<name>.json with the header that every golden has."""
    golden = {
        "script": f"reference/{Path(script).name}",
        "versions": versions(*packages),
        "seed": seed,
        "tolerance": tolerance,
        **body,
    }
    # One line per top-level key keeps diffs readable without inflating the file.
    lines = [f"{json.dumps(key)}:{compact(value)}" for key, value in golden.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if len(text) > MAX_GOLDEN_BYTES:
        raise SystemExit(f"{name}: golden is {len(text)} bytes, expected at most {MAX_GOLDEN_BYTES}")
    path = GOLDEN / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)} ({len(text)} bytes)")
    return path


def read_jsonl(path: Path | str) -> list[dict[str, Any]]:
    """Rows of a JSON Lines file."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def write_jsonl(path: Path | str, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON Lines."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def b64(data: bytes) -> str:
    """Base64 text of raw bytes."""
    return base64.b64encode(data).decode("ascii")


def deterministic(seed: int, threads: int = 1) -> None:
    """Seed Python, NumPy and PyTorch and fix the number of threads."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)


def load_model(folder: str, dtype: Any = None) -> Any:
    """The causal language model of a Hugging Face folder, float32, eager attention, eval mode."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype or torch.float32, attn_implementation="eager"
    )
    return model.eval()


def load_tokenizer(folder: str) -> Any:
    """The tokenizer of a Hugging Face folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
