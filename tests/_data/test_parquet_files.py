"""Errors about damaged Parquet files name the file."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from sklearn_recsketch.preprocessing import ParquetInteractions

pytest.importorskip("pyarrow", reason="reads Parquet, the extra [parquet]")

from sklearn_recsketch._data import parquet_files

DAMAGES = {
    "empty": lambda data: b"",
    "no Parquet": lambda data: b"user,item\n1,2\n" * 9,
    "truncated": lambda data: data[: len(data) // 2],
    "damaged metadata": lambda data: data[:-60] + b"\xff" * 50 + data[-10:],
    "damaged rows": lambda data: b"PAR1" + b"\xff" * 100 + data[104:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_a_damaged_file_is_named(tmp_path, damage, whole):
    for name in ("a.parquet", "b.parquet"):
        pd.DataFrame({"user": range(999), "item": range(999)}).to_parquet(tmp_path / name)
    path = tmp_path / "b.parquet"
    path.write_bytes(damage(path.read_bytes()))
    source = ParquetInteractions(tmp_path if whole else path)
    for read in (lambda: source._read(True), lambda: [*source.batches()]):
        with pytest.raises(ValueError, match=r"b\.parquet cannot be read as Parquet: .* damaged or incomplete"):
            read()


@pytest.mark.parametrize("counts", [[2, 2], [6], [], [7, -2]])
def test_row_groups_contain_the_rows_of_the_metadata(counts):
    groups = [SimpleNamespace(num_rows=count) for count in counts]
    metadata = SimpleNamespace(num_rows=5, num_row_groups=len(groups), row_group=groups.__getitem__)
    with pytest.raises(ValueError, match=r"likes has 5 rows according to its metadata, but its row groups have \["):
        parquet_files._check_row_counts(metadata, "likes")


def test_rows_that_are_missing_from_the_data_raise(tmp_path, monkeypatch):
    pd.DataFrame({"user": range(9), "item": range(9)}).to_parquet(tmp_path / "likes")
    files = ParquetInteractions(tmp_path / "likes")._files()
    metadata = SimpleNamespace(num_rows=10)
    open_file = parquet_files.import_pyarrow().parquet.ParquetFile
    monkeypatch.setattr(
        parquet_files.import_pyarrow().parquet,
        "ParquetFile",
        lambda file, metadata, **options: open_file(file, **options),
    )
    with pytest.raises(ValueError, match="likes has 10 rows according to its metadata, but 9 rows of data"):
        [*files._replace(metadata=[metadata]).batches(["user"], 4)]
