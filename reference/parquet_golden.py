"""Writes test/golden/two-rows*.parquet with pyarrow: two rows, an int64 column, without compression and with gzip."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GOLDEN = Path(__file__).parent.parent / "test" / "golden"
table = pa.table({"id": ["a", "b"], "n": pa.array([7, 8], pa.int64())})
pq.write_table(table, GOLDEN / "two-rows.parquet", compression="none")
pq.write_table(table, GOLDEN / "two-rows-gzip.parquet", compression="gzip")
