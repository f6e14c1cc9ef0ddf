"""Errors for invalid Parquet files, which name the row in the file."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from parquet_writing import write

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.preprocessing import ParquetInteractions, _parquet

pa = pytest.importorskip("pyarrow", reason="reads Parquet, the extra [parquet]")
pq = pytest.importorskip("pyarrow.parquet")


def test_missing_pyarrow_raises_with_the_name_of_the_extra(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-recsketch\[parquet\]"'):
        PopularityRecommender().fit(ParquetInteractions(path))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"path": 3}, TypeError, "path must be a file, a folder or a list of files, got 3"),
        ({"path": []}, TypeError, r"path must be a file, a folder or a list of files, got \[\]"),
        ({"path": "a", "user": None}, TypeError, "user must be the name of a column, got None"),
        ({"path": "a", "weight": 2}, TypeError, "weight must be the name of a column, got 2"),
        ({"path": "a", "item": "user"}, ValueError, r"must be different columns, got \['user', 'user'\]"),
        ({"path": "a", "batch_size": 0}, ValueError, "batch_size must be an int of at least 1, got 0"),
    ],
    ids=str,
)
def test_invalid_arguments_raise_immediately(arguments, error, text):
    with pytest.raises(error, match=text):
        ParquetInteractions(**arguments)


GOOD = {"user": ["ann"] * 5, "item": [1] * 5, "weight": [1.0] * 5}
# A column with an invalid row 3, the type it is written with, and the error message.
BAD_ROWS = [
    ("user", ["ann", "bob", "eve", None, "joe"], None, r"The user id in row 3 of .*likes\.parquet is missing"),
    ("item", [1, 2, 3, None, 5], pa.int32(), r"The item id in row 3 of .*likes\.parquet is missing"),
    ("item", [1.0, 2.0, 3.0, 2.5, 5.0], None, r"2\.5 in row 3 of .*likes\.parquet is not an integer below 2\*\*53"),
    ("item", [1.0, 2.0, 3.0, 2.0**53, 5.0], None, r"in row 3 of .*likes\.parquet is not an integer below 2\*\*53"),
    ("item", [1, 2, 3, 2**24, 5], pa.float32(), r"16777216\.0 in row 3 of .* is not an integer below 2\*\*24. Beyond"),
    ("item", [1, 2, 3, 2**11, 5], pa.float16(), r"2048\.0 in row 3 of .* is not an integer below 2\*\*11. Beyond"),
    ("user", ["ann", "bob", "eve", "", "joe"], None, r"The user id in row 3 of .*likes\.parquet is blank: ''"),
    ("user", ["ann", "bob", "eve", "\u3000", "joe"], None, r"The user id in row 3 of .*likes\.parquet is blank"),
    ("item", [1, 2, 3, 2**63, 5], pa.uint64(), r"The item id in row 3 of .* does not fit 64 bits: 9223372036854775808"),
    ("weight", [1, 2, 3, -1, 5], None, r"'weight' must be finite and not negative, but row 3 of .* is negative: -1\.0"),
    ("weight", [1, 2, 3, np.nan, 5], None, r"but row 3 of .* is NaN"),
    ("weight", [1, 2, 3, np.inf, 5], None, r"but row 3 of .* is infinite"),
    ("weight", [1, 2, 3, 1e-300, 5], None, r"but row 3 of .* is 1e-300\. Scale the strengths"),
    ("weight", [1, 2, 3, None, 5], pa.int64(), r"'weight' must be numbers, but row 3 of .* is missing"),
]


@pytest.mark.parametrize("use", ["fit", "batches"])
@pytest.mark.parametrize(("column", "values", "type_", "text"), BAD_ROWS, ids=[text for *_, text in BAD_ROWS])
def test_errors_name_the_row_in_the_file(use, column, values, type_, text, path, monkeypatch):
    monkeypatch.setattr(_parquet, "READ_ROWS", 2)
    columns = GOOD | {column: values}
    arrays = {n: pa.array(v, type_ if n == column else None, from_pandas=False) for n, v in columns.items()}
    pq.write_table(pa.table(arrays), path)
    file = ParquetInteractions(path, weight="weight", batch_size=2)
    with pytest.raises(ValueError, match=text):
        PopularityRecommender().fit(file) if use == "fit" else list(file.batches())


def test_errors_name_the_part_file_and_its_row(folder):
    pd.DataFrame({"user": [1, None], "item": [1, 2]}).astype("Int64").to_parquet(folder / "part-3.parquet")
    with pytest.raises(ValueError, match=r"The user id in row 1 of .*part-3\.parquet is missing"):
        PopularityRecommender().fit(ParquetInteractions(folder))


# Tables with columns of invalid types.
BAD_COLUMNS = [
    ({"uid": [1], "mid": [2]}, r"has no column 'user'; its columns are \['uid', 'mid'\]\. Name the columns"),
    (
        {"user": [True], "item": [2]},
        r"The user ids in column 'user' .* are of type bool, but ids must be ints or strings",
    ),
    ({"user": [b"a"], "item": [2]}, r"are of type binary, but ids must be ints or strings"),
    ({"user": pd.to_datetime(["2024-01-01"]), "item": [2]}, r"are of type timestamp.*astype\(\{'user': str\}\)"),
    ({"user": [None], "item": [2]}, r"are of type null"),
    ({"user": [1], "item": [2], "weight": ["3"]}, r"'weight' of .* must be numbers, but is of type (large_)?string"),
]


@pytest.mark.parametrize(("columns", "text"), BAD_COLUMNS, ids=[text for _, text in BAD_COLUMNS])
def test_columns_of_invalid_types_raise(columns, text, path):
    with pytest.raises(ValueError, match=text):
        PopularityRecommender().fit(write(pd.DataFrame(columns), path))


def test_part_files_with_ids_of_two_types_raise(folder):
    pd.DataFrame({"user": ["1"], "item": [2]}).to_parquet(folder / "part-3.parquet")
    with pytest.raises(ValueError, match=r"user ids are integers in .*part-00000.* but strings in .*part-3\.parquet"):
        PopularityRecommender().fit(ParquetInteractions(folder))


def test_a_file_without_rows_raises(path):
    file = write(pd.DataFrame({"user": [1], "item": [2]}).iloc[:0], path)
    for use in (PopularityRecommender().fit, lambda file: next(file.batches())):
        with pytest.raises(ValueError, match=r"likes\.parquet is empty: 1 file\(s\) with 0 rows"):
            use(file)


def test_y_with_a_file_raises(planted, path):
    file = write(planted[0], path)
    with pytest.raises(ValueError, match=r"y was passed together with ParquetInteractions\(.*weight='count'"):
        WRMFRecommender(2).fit(file, planted[1])


def test_ids_of_another_type_than_those_of_the_model_raise(planted, path):
    rec = PopularityRecommender().fit(planted[0])
    with pytest.raises(ValueError, match="Convert them to one type"):
        rec.partial_fit(write(planted[0].astype(str), path))
