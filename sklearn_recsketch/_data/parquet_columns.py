"""Columns of Parquet files: what may be ids and strengths, and every error about it."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from sklearn_recsketch._data.column_names import is_id, is_time
from sklearn_recsketch._data.id_values import are_inexact, blank_id, inexact_id, show_id
from sklearn_recsketch._data.strengths import refuse_bad_strengths
from sklearn_recsketch.utils._extras import import_extra

__all__ = ["Place", "check_columns", "ids_of", "import_pyarrow", "kind_of", "refuse_other_weight", "strengths_of"]

WHY = "ParquetInteractions reads with pyarrow"
REWRITE = "Write the file without such rows"


def import_pyarrow() -> ModuleType:
    """pyarrow, with what reads Parquet, imported no sooner than a file is read."""
    for part in ("pyarrow.compute", "pyarrow.dataset", "pyarrow.parquet"):
        import_extra(part, "parquet", WHY)
    return import_extra("pyarrow", "parquet", WHY)


class Place(NamedTuple):
    """Where a batch of rows is from."""

    file: str
    first_row: int

    def row(self, row: int) -> str:
        """A row of the batch, as its owner would find it."""
        return f"row {self.first_row + row} of {self.file}"


def check_columns(schema: Any, columns: list[str], file: str) -> None:
    """Raise where a file has not all columns, naming those it has."""
    missing = [column for column in columns if column not in schema.names]
    if missing:
        raise ValueError(
            f"{file} has no column {missing[0]!r}; its columns are {schema.names}. Name the columns of your file, for "
            f"example ParquetInteractions(path, user='uid', item='mid')."
        )


def refuse_other_weight(weight: str | None) -> None:
    """Raise where the weights are called times or ids; users and items are what the caller says they are."""
    if weight is not None and (is_time(weight) or is_id(weight)):
        raise ValueError(
            f"The weight column is {weight!r}, {'a time' if is_time(weight) else 'an id'}, but weights multiply the "
            f"strength of rows in training. Leave weight out; if {weight!r} does hold weights, rename it in the file."
        )


def kind_of(field: Any, name: str, file: str) -> str:
    """Whether the ids of a column are "integers" or "strings"."""
    types = import_pyarrow().types
    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if types.is_integer(kind) or types.is_floating(kind):  # floats as in tables, if they are integers
        return "integers"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "strings"
    convert = f"X.astype({{{field.name!r}: str}})"
    if types.is_binary(kind) or types.is_large_binary(kind):
        convert = f"X[{field.name!r}].str.decode('utf-8')"
    elif types.is_nested(kind):
        convert = f"X.explode({field.name!r})"
    raise ValueError(
        f"The {name} ids in column {field.name!r} of {file} are of type {field.type}, but ids must be ints or strings. "
        f"Convert the column before writing, for example with {convert}."
    )


def ids_of(column: Any, name: str, place: Place) -> Any:
    """Ids of a batch as a pyarrow array of int64 or large_string, none missing."""
    pa = import_pyarrow()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        raise ValueError(
            f"The {name} id in {place.row(_first_null(column))} is missing. Ids must be ints or strings: {REWRITE}, "
            f"for example with X.dropna().to_parquet(...)."
        )
    if pa.types.is_floating(column.type):
        return pa.array(_integral(column.to_numpy(), name, place))
    if pa.types.is_uint64(column.type):
        return pa.array(_signed(column.to_numpy(), name, place))
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    ids = column.cast(pa.large_string())
    _refuse_blank(ids, name, place)
    return ids


def _first_null(column: Any) -> int:
    return int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))


def _integral(ids: np.ndarray, name: str, place: Place) -> np.ndarray:
    bad = are_inexact(ids)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(inexact_id(ids[row], name, place.row(row)))
    return ids.astype(np.int64)


def _refuse_blank(ids: Any, name: str, place: Place) -> None:
    compute = import_pyarrow().compute
    length = compute.binary_length(compute.utf8_trim_whitespace(ids)).to_numpy()
    if len(length) and not length.all():
        row = int(np.argmin(length))
        raise ValueError(blank_id(ids[row].as_py(), name, place.row(row)))


def _signed(ids: np.ndarray, name: str, place: Place) -> np.ndarray:
    large = ids > np.iinfo(np.int64).max
    if large.any():
        row = int(np.argmax(large))
        raise ValueError(
            f"The {name} id in {place.row(row)} does not fit 64 bits: {show_id(ids[row])}. Write such ids as strings."
        )
    return ids.astype(np.int64)


def strengths_of(column: Any, name: str, place: Place) -> np.ndarray:
    """Strengths of a batch: float32 if that holds them exactly, else float64."""
    pa = import_pyarrow()
    types = pa.types
    if not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type)):
        advice = f"Convert it before writing, for example with X.astype({{{name!r}: float}})."
        if types.is_temporal(column.type):
            advice = "Leave weight out: times are no weights, but groups of TemporalUserSplit."
        raise ValueError(
            f"The weight column {name!r} of {place.file} must be numbers, but is of type {column.type}. {advice}"
        )
    if column.null_count:
        raise ValueError(
            f"The weight column {name!r} must be numbers, but {place.row(_first_null(column))} has none. {REWRITE}, or "
            f"with a weight of 0 for 'no interaction'."
        )
    strengths = column.to_numpy(zero_copy_only=False).astype(np.float64)
    refuse_bad_strengths(strengths, f"The weight column {name!r}", place.row)
    narrow = strengths.astype(np.float32)
    return narrow if np.array_equal(narrow, strengths) else strengths
