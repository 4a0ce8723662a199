"""The training rows of the parity runs: 32 SFT rows and 32 preference pairs, all harmless.

Taken from the Alpaca training rows (tatsu-lab/alpaca through gpt4life/alpagasus, CC-BY-NC-4.0) that are not
marked safety-related. A pair's rejected answer is the answer to another prompt: nonsense there, harmless anywhere.
Run: python reference/rows.py --data DATA_DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import ROOT, read_jsonl, write_jsonl

ROWS = ROOT / "reference" / "rows"
COUNT = 32


def usable(row: dict) -> bool:
    """Short enough to train in seconds, no separate input, not about safety."""
    if row["safety_related"] is True or row["safety_related"] == "True" or row["input"].strip():
        return False
    return 10 <= len(row["instruction"]) <= 120 and 20 <= len(row["output"]) <= 380


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    rows = [row for row in read_jsonl(parser.parse_args().data / "instructions/alpaca_train.jsonl") if usable(row)]
    step = len(rows) // (2 * COUNT)
    picked = rows[:: step][: 2 * COUNT]
    sft, pairs = picked[:COUNT], picked[COUNT:]
    write_jsonl(
        ROWS / "sft.jsonl",
        ({"id": row["id"], "prompt": row["instruction"], "completion": row["output"]} for row in sft),
    )
    others = pairs[1:] + pairs[:1]
    write_jsonl(
        ROWS / "dpo.jsonl",
        (
            {"id": row["id"], "prompt": row["instruction"], "chosen": row["output"], "rejected": other["output"]}
            for row, other in zip(pairs, others)
        ),
    )
    print(f"wrote {ROWS.relative_to(ROOT)}/sft.jsonl and dpo.jsonl, {COUNT} rows each")


if __name__ == "__main__":
    main()
