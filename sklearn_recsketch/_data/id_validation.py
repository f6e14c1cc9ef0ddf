"""Check that the types and values of ids in tables, Parquet files and Spark DataFrames are valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import is_missing
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = [
    "as_int64",
    "blank_id",
    "clean_ids",
    "hashable_ids",
    "id_kind",
    "missing_id",
    "show_id",
    "value_dtype",
    "wrong_type",
]

# Names of the column types that may contain ids, in numpy, Arrow and Spark.
ID_TYPES = {
    "integers": r"u?int\d*|tinyint|smallint|bigint",
    "floats": r"float\d*|halffloat|double|longdouble",
    "strings": r"string|large_string|string_view",
}
FLOAT64_BITS = 53
LONGEST_SHOWN = 128


def id_kind(type_name: str) -> str | None:
    """Return the kind of ids in a column of the given type: "integers", "floats" or "strings".

    The function returns None if a column of this type cannot contain ids. Floats are valid ids if their values are
    integers. See :func:`as_int64` for details.
    """
    return next((kind for kind, names in ID_TYPES.items() if re.fullmatch(names, type_name)), None)


def exact_bits(dtype: np.dtype) -> int:
    """Return the largest number b such that a float type represents all b-bit integers exactly."""
    return min(int(np.finfo(dtype).nmant) + 1, FLOAT64_BITS)


def _are_inexact(ids: np.ndarray) -> np.ndarray:
    """Return a mask of the floats that have a fractional part or are too large to represent integers exactly."""
    # float64 is necessary, because the limit itself is larger than the largest float16.
    values = ids.astype(np.float64)
    return np.asarray(
        ~np.isfinite(values) | (values != np.floor(values)) | (np.abs(values) >= 2.0 ** exact_bits(ids.dtype))
    )


def show_id(value: Any) -> str:
    """Format an id or another value on one line.

    Numpy scalars are shown as plain Python values, for example 7 instead of np.int64(7).
    """
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    if isinstance(value, int) and value.bit_length() > LONGEST_SHOWN:  # Python limits the number of digits it prints
        return f"an integer of {value.bit_length()} bits"
    text = " ".join(repr(to_python_scalar(value)).split("\n"))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def value_dtype(column: Any) -> np.dtype:
    """Return the numpy type of the values of a numpy or pandas column, or object if there is no such type."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    dtype = getattr(dtype, "numpy_dtype", dtype)  # nullable and Arrow types
    return dtype if isinstance(dtype, np.dtype) and dtype.kind not in "UTV" else np.dtype(object)


def hashable_ids(column: Any, dtype: np.dtype, name: str, label: Any = None) -> Any:
    """Check the types of the ids in a column, and return a column that pandas can hash.

    The check is necessary because lists cannot be hashed, and because hashing does not distinguish True from 1, or a
    rounded float from an integer. If the column is from a frame, `label` is its name in the frame.
    """
    label = getattr(column, "name", None) if label is None else label
    if isinstance(column, np.ndarray) and (column.ndim > 1 or column.dtype.kind in "UTV"):
        cells = np.empty(len(column), dtype=object)
        cells[:] = list(column) if column.ndim > 1 or column.dtype.kind == "V" else column
        column = cells
    if isinstance(column, pd.MultiIndex) or column.dtype == object:
        _refuse_objects(np.asarray(column), name, label)
    elif dtype.kind != "O" and id_kind(dtype.name) is None:
        values = np.asarray(column)
        _refuse(values[0] if len(values) else None, 0, name, label)
    return column


def clean_ids(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    """Convert distinct ids to an int64 array or to an object array of strings.

    The argument `codes` contains the position of each row's id in `ids`.
    """

    def where(position: int) -> str:
        return f"row {int(np.argmax(codes == position))}"

    if ids.dtype.kind in "iuf":
        return as_int64(ids, name, where)
    if not len(ids):
        return ids
    if isinstance(ids[0], str):
        return _strings(ids, name, where)
    if pd.api.types.infer_dtype(ids, skipna=False) not in ("integer", "floating", "mixed-integer-float"):
        # pandas types that are neither numbers nor strings: dates with a time zone, decimals, intervals.
        _refuse(ids[0], 0, name, None)
    return as_int64(np.array([int(value) for value in ids], dtype=object), name, where)


def as_int64(ids: np.ndarray, name: str, where: Callable[[int], str]) -> np.ndarray:
    """Convert numeric ids to int64.

    Parameters
    ----------
    ids : ndarray of integers or floats, or of Python integers as objects
    name : str
        Name of the ids in error messages, such as "user" or "item".
    where : callable
        Function that takes the position of an id and describes it in error messages, for example as "row 3".

    Raises
    ------
    ValueError
        If a float has a fractional part or is too large to represent integers exactly, or if an integer does not fit
        into 64 bits.
    """
    if ids.dtype.kind == "f":
        bad, message = _are_inexact(ids), _inexact_id
    elif ids.dtype == np.uint64 or ids.dtype.kind == "O":
        bad, message = (ids < -(2**63)) | (ids >= 2**63), _large_id
    else:
        return ids.astype(np.int64)
    if bad.any():
        position = int(np.argmax(bad))
        raise ValueError(message(ids[position], name, where(position)))
    return ids.astype(np.int64)


def missing_id(name: str, where: str, null: str, advice: str) -> str:
    """Return the error message for a missing id."""
    return f"The {name} id in {where} is missing ({null}). Ids must be ints or strings: {advice}."


def blank_id(value: str, name: str, where: str) -> str:
    """Return the error message for an id that is an empty string or contains only whitespace."""
    return (
        f"The {name} id in {where} is blank: {value!r}. Ids must be ints or strings with at least one visible "
        f"character: drop such rows, or give them an id of their own, for example 'unknown'."
    )


def wrong_type(name: str, where: str, type_name: str, advice: str) -> str:
    """Return the error message for a column whose type cannot contain ids."""
    return f"The {name} ids in {where} are of type {type_name}, but ids must be ints or strings. {advice}."


def _large_id(value: Any, name: str, where: str) -> str:
    return f"The {name} id in {where} does not fit 64 bits: {show_id(value)}. Convert such ids to strings."


def _inexact_id(value: Any, name: str, where: str) -> str:
    dtype = value.dtype if isinstance(value, np.floating) else np.dtype(np.float64)
    bits = exact_bits(dtype)
    rule = f"The {name} ids are floats, and {show_id(value)} in {where} is not an integer below 2**{bits}"
    if not np.isfinite(value) or value != np.floor(value):
        return f"{rule}. Pass ids as ints or strings, for example X.astype(str)."
    return (
        f"{rule}. Beyond that, {dtype} cannot represent every integer. Read the ids as integers or strings from their "
        f"source: X.astype('int64') does not restore lost digits."
    )


def _strings(ids: np.ndarray, name: str, where: Callable[[int], str]) -> np.ndarray:
    # An object array would keep numpy string scalars. str(value) would be the name of a member of a string enumeration.
    plain = [str.__str__(value) for value in ids]
    if not all(map(str.strip, plain)):
        position = next(p for p, value in enumerate(plain) if not value.strip())
        raise ValueError(blank_id(plain[position], name, where(position)))
    try:
        "".join(plain).encode()
    except UnicodeEncodeError:
        position = next(p for p, value in enumerate(plain) if not _is_text(value))
        raise ValueError(
            f"The {name} id in {where(position)} is not valid text: {show_id(plain[position])} contains a lone "
            f"surrogate, as wrongly decoded bytes do. Decode the ids with their encoding, or replace it: "
            f"X.map(lambda id: id.encode('utf-8', 'replace').decode())."
        ) from None
    return np.array(plain, dtype=object)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_objects(column: np.ndarray, name: str, label: Any) -> None:
    """Raise an error if an id is neither a number nor a string, or if a column contains numbers and strings."""
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred in ("string", "integer", "empty"):
        return
    if inferred in ("floating", "mixed-integer-float"):
        _refuse_inexact_objects(column, name)
        return
    first = None
    for row, value in enumerate(column):
        if is_missing(value):
            continue
        if not isinstance(value, str | int | float | np.integer | np.floating) or isinstance(value, bool):
            _refuse(value, row, name, label)
        if first is not None and isinstance(value, str) != isinstance(first, str):
            raise ValueError(
                f"Ids of one column must be all ints or all strings; the {name} id in row {row} is {show_id(value)} of "
                f"type {type(value).__name__}. Convert the column, for example with .astype(str)."
            )
        first = value


def _refuse_inexact_objects(column: np.ndarray, name: str) -> None:
    bad = np.zeros(len(column), dtype=bool)
    for kind in set(map(type, column)):
        if issubclass(kind, float | np.floating):
            rows = [row for row, value in enumerate(column) if type(value) is kind]
            values = column[rows].astype(kind)
            bad[rows] = _are_inexact(values) & ~np.isnan(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(_inexact_id(column[row], name, f"row {row}"))


def _refuse(value: Any, row: int, name: str, label: Any) -> NoReturn:
    """Raise an error for an id that is neither a number nor a string."""
    if isinstance(value, bytes | bytearray | memoryview):
        decode = "[id.decode() for id in ids]" if label is None else f"X[{label!r}].str.decode('utf-8') of a frame"
        advice = f"Decode the ids, for example with {decode} or X.astype(str) of an array"
    elif pd.api.types.is_list_like(value) and not isinstance(value, Mapping):
        advice = (
            f"Each row is one interaction of a user with an item. Write one row for each id in a cell, "
            f"for example with X.explode({label or name!r}) of a frame"
        )
    else:
        advice = "Convert the column, for example with .astype(str)"
    raise ValueError(
        f"Ids must be ints or strings; the {name} id in row {row} is {show_id(value)} of type {type(value).__name__}. "
        f"{advice}."
    )
