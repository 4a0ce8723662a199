"""Writes test/golden/*.parquet with pyarrow: two rows, an int64 column, without compression and with gzip and zstd (which is
not read); and prompts and answers of other types than text (decimals, times, lists, structs, bytes, nothing at all).
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GOLDEN = Path(__file__).parent.parent / "test" / "golden"
table = pa.table({"id": ["a", "b"], "n": pa.array([7, 8], pa.int64())})
pq.write_table(table, GOLDEN / "two-rows.parquet", compression="none")
pq.write_table(table, GOLDEN / "two-rows-gzip.parquet", compression="gzip")
pq.write_table(table, GOLDEN / "two-rows-zstd.parquet", compression="zstd")

for name, prompt in {
    "int64": pa.array([7, 8], pa.int64()),
    "decimal": pa.array([Decimal("1.5"), Decimal("2.5")], pa.decimal128(10, 2)),
    "time": pa.array([datetime(2024, 1, 2), None], pa.timestamp("us")),
    "list": pa.array([["a", "b"], []], pa.list_(pa.string())),
    "struct": pa.array([{"a": 1.5, "b": [True]}, None]),
    "bytes": pa.array([b"\xff\xfe", b"\x80"], pa.binary()),
    "null": pa.nulls(2),
}.items():
    columns = pa.table({"prompt": prompt, "completion": ["a", "b"]})
    pq.write_table(columns, GOLDEN / f"prompt-{name}.parquet", compression="none", write_statistics=False)
