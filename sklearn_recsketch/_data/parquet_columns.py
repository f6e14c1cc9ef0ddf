"""Validate and convert the columns of ids and strengths in Parquet files."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from sklearn_recsketch._data.column_names import is_id, is_time
from sklearn_recsketch._data.id_validation import as_int64, blank_id, id_kind, missing_id, wrong_type
from sklearn_recsketch._data.strengths import refuse_bad_strengths
from sklearn_recsketch.utils._extras import import_extra

__all__ = ["Place", "check_columns", "ids_of", "import_pyarrow", "kind_of", "refuse_other_weight", "strengths_of"]

WHY = "ParquetInteractions needs pyarrow"
REWRITE = "write the file without such rows"


def import_pyarrow() -> ModuleType:
    """Import pyarrow and the submodules that read Parquet files.

    The import is delayed until the first file is read.
    """
    for part in ("pyarrow.compute", "pyarrow.dataset", "pyarrow.parquet"):
        import_extra(part, "parquet", WHY)
    return import_extra("pyarrow", "parquet", WHY)


class Place(NamedTuple):
    """Position of a batch of rows in a file."""

    file: str
    first_row: int

    def row(self, row: int) -> str:
        """Describe a row of the batch by its index in the file and the file name."""
        return f"row {self.first_row + row} of {self.file}"


def check_columns(schema: Any, columns: list[str], file: str) -> None:
    """Raise a ValueError if a column is missing from a file.

    The message lists the columns of the file.
    """
    missing = [column for column in columns if column not in schema.names]
    if missing:
        raise ValueError(
            f"{file} has no column {missing[0]!r}; its columns are {schema.names}. Name the columns of your file, for "
            f"example ParquetInteractions(path, user='uid', item='mid')."
        )


def refuse_other_weight(weight: str | None) -> None:
    """Raise a ValueError if the name of the weight column suggests times or ids."""
    if weight is not None and (is_time(weight) or is_id(weight)):
        raise ValueError(
            f"The weight column is {weight!r}, {'a time' if is_time(weight) else 'an id'}, but weights multiply the "
            f"strength of rows in training. Leave weight out; if {weight!r} does contain weights, rename it."
        )


def kind_of(field: Any, name: str, file: str) -> str:
    """Return "strings" if the ids in a column are strings, and "integers" otherwise."""
    types = import_pyarrow().types
    dtype = field.type.value_type if types.is_dictionary(field.type) else field.type
    kind = id_kind(str(dtype))
    if kind is not None:
        return "strings" if kind == "strings" else "integers"
    convert = f"X.astype({{{field.name!r}: str}})"
    if types.is_binary(dtype) or types.is_large_binary(dtype):
        convert = f"X[{field.name!r}].str.decode('utf-8')"
    elif types.is_nested(dtype):
        convert = f"X.explode({field.name!r})"
    advice = f"Convert the column before writing, for example with {convert}"
    raise ValueError(wrong_type(name, f"column {field.name!r} of {file}", str(field.type), advice))


def ids_of(column: Any, name: str, place: Place) -> Any:
    """Convert the ids in a batch to a pyarrow array of type int64 or large_string, without nulls."""
    pa = import_pyarrow()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        advice = f"{REWRITE}, for example with X.dropna().to_parquet(...)"
        raise ValueError(missing_id(name, place.row(_first_null(column)), "null", advice))
    if id_kind(str(column.type)) != "strings":
        return pa.array(as_int64(column.to_numpy(), name, place.row))
    ids = column.cast(pa.large_string())
    lengths = pa.compute.binary_length(pa.compute.utf8_trim_whitespace(ids)).to_numpy()
    if len(lengths) and not lengths.all():
        row = int(np.argmin(lengths))
        raise ValueError(blank_id(ids[row].as_py(), name, place.row(row)))
    return ids


def _first_null(column: Any) -> int:
    return int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))


def strengths_of(column: Any, name: str, place: Place) -> np.ndarray:
    """Convert the strengths in a batch to float32 if float32 represents them exactly, and to float64 otherwise."""
    pa = import_pyarrow()
    types = pa.types
    if not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type)):
        advice = f"Convert it before writing, for example with X.astype({{{name!r}: float}})."
        if types.is_temporal(column.type):
            advice = "Leave weight out: times are not weights. Pass them to TemporalUserSplit as groups."
        raise ValueError(
            f"The weight column {name!r} of {place.file} must be numbers, but is of type {column.type}. {advice}"
        )
    if column.null_count:
        raise ValueError(
            f"The weight column {name!r} must be numbers, but {place.row(_first_null(column))} is missing (null). "
            f"To fix it, {REWRITE}, or with a weight of 0 for 'no interaction'."
        )
    strengths = column.to_numpy(zero_copy_only=False).astype(np.float64)
    refuse_bad_strengths(strengths, f"The weight column {name!r}", place.row)
    narrow = strengths.astype(np.float32)
    return narrow if np.array_equal(narrow, strengths) else strengths
