"""Folders of Parquet files."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.oracle import check
from fuzz.target import Target
from sklearn_recsketch.preprocessing import ParquetInteractions

__all__ = ["ParquetFolders"]

TABLES = [
    pa.table({"user": ["ann", "ann", "bob", "", "eve"], "item": [7, 9, 9, 7, 8], "weight": [1.0, 2, 3, 4, 5]}).slice(
        0, 3
    ),
    pa.table({"user": pa.array(["ann", "b\0", "ü"]).dictionary_encode(), "item": [1, 2, 2**62], "weight": [1, 2, 3]}),
    pa.table({"user": pa.array([1, 2, None], pa.int64()), "item": ["a", "b", "c"], "weight": [0.5, 0.0, 1e30]}),
    pa.table({"user": pa.array([1.0, 2.0]), "item": pa.array(["a", "b"], pa.large_string()), "weight": [True, False]}),
]


class ParquetFolders(Target):
    """`ParquetInteractions`: all rows of all files are read, or the error names the file.

    An input is a file, which is read beside a valid one if the first byte is even.
    """

    name = "parquet"
    native = True
    tokens = [b"PAR1", b"user", b"item", b"weight", b"\0" * 4, b"\xff" * 4, b"\x15\x02", b"\x19\x4c", b"\x16\x06"]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "likes"

    def seeds(self) -> list[bytes]:
        found = []
        for number, table in enumerate(TABLES):
            for options in ({}, {"compression": "none", "use_dictionary": False, "row_group_size": 2}):
                buffer = io.BytesIO()
                pq.write_table(table, buffer, **options)
                found.append(bytes([number]) + buffer.getvalue())
        return found

    def run(self, data: bytes) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir()
        (self._path / "a.parquet").write_bytes(data[1:])
        if data and data[0] % 2 == 0:
            pq.write_table(TABLES[data[0] % 4 // 2], self._path / "b.parquet")
        source = ParquetInteractions(self._path, weight="weight")
        read = source._read(True)
        columns = [column.ids[column.codes].tolist() for column in (read.users, read.items)]
        rows = Counter(zip(*columns, read.weight.tolist(), strict=True))
        expected: Counter[tuple[object, ...]] = Counter()
        for path in self._path.iterdir():
            table = pq.read_table(path, columns=["user", "item", "weight"])
            values = [table.column(name).to_pylist() for name in ("user", "item", "weight")]
            expected.update((user, item, float(weight)) for user, item, weight in zip(*values, strict=True))
        check(rows == expected, f"rows differ: {rows}, not {expected}")
        parts = [(one.user, one.item, float(one.weight)) for batch in source.batches() for one in batch.itertuples()]
        check(Counter(parts) == expected, f"batches differ: {parts}, not {expected}")

    def check_error(self, data: bytes, error: Exception) -> None:
        check(str(self._path) in str(error), f"the error does not name the file: {error}")
