"""Goldens of training: TRL's metrics of 8 SFT and 8 DPO steps from the reproducible fresh adapter of adapters.py.

A test in another language rebuilds the adapter (FNV-1a, mulberry32), trains on the rows in order and compares.
Run: python reference/trl_golden.py SFT_RUN DPO_RUN     (two folders written by trl_side.py with --start fresh)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy

from adapters import fresh_a, products
from common import ROOT, read_jsonl, write_golden

DROPPED = {"epoch", "loss_rounded"}
PROBE = "model.layers.0.self_attn.q_proj"


def probe() -> dict:
    """The first and last values of one starting A, so that a wrong generator is seen at once."""
    a = fresh_a(PROBE, 8, 576)
    return {"module": PROBE, "shape": list(a.shape), "first": a[0, :4].tolist(), "last": a[-1, -4:].tolist()}


def main() -> None:
    for method, folder in zip(("sft", "dpo"), map(Path, sys.argv[1:3])):
        run = json.loads((folder / "run.json").read_text())
        options = {k: v for k, v in run["options"].items() if k not in {"out", "model", "data", "start"}}
        moved = products(folder / "adapter")
        rows = [{k: v for k, v in row.items() if k not in DROPPED} for row in read_jsonl(folder / "metrics.jsonl")]
        batch = {name: values for name, values in run["firstBatch"].items() if name != "attention_mask"}
        write_golden(
            f"trl-{method}",
            __file__,
            ["torch", "transformers", "peft", "trl"],
            {
                "model": "smollm2-135m-instruct",
                "note": "starting A of each module by reference/adapters.py, B zero; rows in order, no dropout, float32",
                "options": options,
                "startingA": probe(),
                "rows": read_jsonl(ROOT / "reference" / "rows" / f"{method}.jsonl"),
                "firstBatch": batch,
                "metrics": rows,
                "productNorms": {name: float(numpy.linalg.norm(value)) for name, value in moved.items()},
            },
            seed=42,
            tolerance={"absolute": 1e-3, "relative": 1e-3, "productRelative": 1e-2},
        )


if __name__ == "__main__":
    main()
