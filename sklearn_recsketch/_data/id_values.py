"""Which values may be ids, by the type in which they arrive, and every error about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import is_missing
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["are_inexact", "blank_id", "clean_ids", "hashable_ids", "inexact_id", "show_id", "value_dtype"]

FLOAT64_BITS = 53
LONGEST_SHOWN = 128


def exact_bits(dtype: np.dtype) -> int:
    """Below 2 to this power a float type tells each integer from its neighbours; beyond it two ids may be one float."""
    return min(int(np.finfo(dtype).nmant) + 1, FLOAT64_BITS)


def are_inexact(ids: np.ndarray) -> np.ndarray:
    """Which floats are not integers, or such that their type cannot tell from their neighbours."""
    # As float64: the limit itself is beyond the largest float16.
    values = ids.astype(np.float64)
    return np.asarray(
        ~np.isfinite(values) | (values != np.floor(values)) | (np.abs(values) >= 2.0 ** exact_bits(ids.dtype))
    )


def show_id(value: Any) -> str:
    """An id, or a value in its place, on a line as its owner would write it: 7, not np.int64(7)."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    if isinstance(value, int) and value.bit_length() > LONGEST_SHOWN:  # Python refuses to write many digits
        return f"an integer of {value.bit_length()} bits"
    text = " ".join(repr(to_python_scalar(value)).split("\n"))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def value_dtype(column: Any) -> np.dtype:
    """Type of the values of a numpy or pandas column, object where numpy has none for it."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    dtype = getattr(dtype, "numpy_dtype", dtype)  # of nullable and of Arrow's types
    return dtype if isinstance(dtype, np.dtype) and dtype.kind not in "UTV" else np.dtype(object)


def hashable_ids(column: Any, dtype: np.dtype, name: str, label: Any = None) -> Any:
    """The column, once its objects are known to be ints, exact floats, strings or missing.

    They have to be looked at before hashing, which takes True for 1, a rounded float for the integer it equals, and
    no lists. `label` is the name of the column in its frame, if it is of one.
    """
    label = getattr(column, "name", None) if label is None else label
    if isinstance(column, np.ndarray) and (column.ndim > 1 or column.dtype.kind in "UTV"):
        cells = np.empty(len(column), dtype=object)
        cells[:] = list(column) if column.ndim > 1 or column.dtype.kind == "V" else column
        column = cells
    if isinstance(column, pd.MultiIndex) or column.dtype == object:
        _refuse_objects(np.asarray(column), name, label)
    elif dtype.kind not in "iufO":
        values = np.asarray(column)
        _refuse(values[0] if len(values) else None, 0, name, label)
    return column


def clean_ids(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    """Distinct ids as int64 or as an object array of str; `codes` are those of the rows."""
    if ids.dtype.kind == "f":
        bad = are_inexact(ids)
        if bad.any():
            position = int(np.argmax(bad))
            raise ValueError(inexact_id(ids[position], name, f"row {_first_row(codes, position)}"))
        return ids.astype(np.int64)
    if ids.dtype.kind in "iu":
        return _integers(ids.astype(object), codes, name) if ids.dtype == np.uint64 else ids.astype(np.int64)
    if not len(ids):
        return ids
    if isinstance(ids[0], str):
        return _strings(ids, codes, name)
    if pd.api.types.infer_dtype(ids, skipna=False) not in ("integer", "floating", "mixed-integer-float"):
        # Of a type of pandas that is neither: dates with a zone, decimals, intervals.
        _refuse(ids[0], 0, name, None)
    return _integers(np.array([int(value) for value in ids], dtype=object), codes, name)


def inexact_id(value: Any, name: str, where: str) -> str:
    """The text about a float that is not an id; `where` names its row."""
    dtype = value.dtype if isinstance(value, np.floating) else np.dtype(np.float64)
    bits = exact_bits(dtype)
    rule = f"The {name} ids are floats, and {show_id(value)} in {where} is not an integer below 2**{bits}"
    if not np.isfinite(value) or value != np.floor(value):
        return f"{rule}. Pass ids as ints or strings, for example X.astype(str)."
    return (
        f"{rule}. Beyond that, {dtype} cannot tell neighbouring integers apart. Read the ids as integers or strings "
        f"where they come from: X.astype('int64') does not bring lost digits back."
    )


def blank_id(value: str, name: str, where: str) -> str:
    """The text about a string without a visible character."""
    return (
        f"The {name} id in {where} is blank: {value!r}. Ids must be ints or strings with at least one visible "
        f"character: drop such rows, or give them an id of their own, for example 'unknown'."
    )


def _strings(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    # numpy's own str scalars would survive in an object array: store plain str only.
    plain = [str(value) for value in ids]
    if not all(map(str.strip, plain)):
        position = next(p for p, value in enumerate(plain) if not value.strip())
        raise ValueError(blank_id(plain[position], name, f"row {_first_row(codes, position)}"))
    try:
        "".join(plain).encode()
    except UnicodeEncodeError:
        position = next(p for p, value in enumerate(plain) if not _is_text(value))
        raise ValueError(
            f"The {name} id in row {_first_row(codes, position)} is not valid text: {show_id(plain[position])} has a "
            f"lone surrogate, as wrongly decoded bytes have. Decode the ids with their encoding, or replace it: "
            f"X.map(lambda id: id.encode('utf-8', 'replace').decode())."
        ) from None
    return np.array(plain, dtype=object)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integers(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    try:
        return ids.astype(np.int64)
    except OverflowError:
        too_large = np.array([not -(2**63) <= int(value) < 2**63 for value in ids])
        bad = int(np.argmax(too_large))
        raise ValueError(
            f"The {name} id in row {_first_row(codes, bad)} does not fit 64 bits: {show_id(ids[bad])}. "
            f"Pass such ids as strings."
        ) from None


def _refuse_objects(column: np.ndarray, name: str, label: Any) -> None:
    """Raise for the first row whose id is of no usable type, or of another one than the rows before."""
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
            bad[rows] = are_inexact(values) & ~np.isnan(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(inexact_id(column[row], name, f"row {row}"))


def _refuse(value: Any, row: int, name: str, label: Any) -> NoReturn:
    """Raise for an id that is neither a number nor a string."""
    if isinstance(value, bytes | bytearray | memoryview):
        decode = "[id.decode() for id in ids]" if label is None else f"X[{label!r}].str.decode('utf-8') of a frame"
        advice = f"Decode the ids, for example with {decode} or X.astype(str) of an array"
    elif pd.api.types.is_list_like(value) and not isinstance(value, Mapping):
        advice = (
            f"Each row is one interaction of a user with an item: where a cell has several of them, give each a row of "
            f"its own, for example with X.explode({label or name!r}) of a frame"
        )
    else:
        advice = "Convert the column, for example with .astype(str)"
    raise ValueError(
        f"Ids must be ints or strings; the {name} id in row {row} is {show_id(value)} of type {type(value).__name__}. "
        f"{advice}."
    )


def _first_row(codes: np.ndarray, position: int) -> int:
    return int(np.argmax(codes == position))
