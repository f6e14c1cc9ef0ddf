"""Read side features from columns that contain strings, numbers or lists of strings."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import is_missing
from sklearn_recsketch._data.ids import show_id

__all__ = ["FeatureValues", "concatenate_values", "plain_text", "read_feature_values", "refuse_missing"]


class FeatureValues(NamedTuple):
    """Feature values that were read from a column.

    The values are in no particular order. Missing values are left out.

    Attributes
    ----------
    rows : ndarray of shape (n_values,)
        Row index of each value.
    codes : ndarray of shape (n_values,)
        Index of each value in `texts` if it is a string, or -1 if it is a number.
    texts : ndarray of shape (n_texts,), dtype object
        Distinct strings.
    numbers : ndarray of shape (n_values,), dtype float64
        Each value if it is a number, or 1 if it is a string.
    """

    rows: np.ndarray
    codes: np.ndarray
    texts: np.ndarray
    numbers: np.ndarray


def read_feature_values(column: Any, show: Callable[[int], str], lowercase: bool) -> FeatureValues:
    """Read a column of strings, numbers and lists of strings.

    Missing values and empty strings are skipped.

    Parameters
    ----------
    column : Series or ndarray of shape (n_rows,)
    show : callable
        Function that takes a row index and describes the value in this row for error messages.
    lowercase : bool
        Whether to convert strings to lower case.

    Raises
    ------
    TypeError, ValueError
        If a value has another type or is a number that is not finite.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = [value if isinstance(value, str) else str(value) for value in dtype.categories]
        codes = np.asarray(column.array.codes)
        return _of_texts(np.flatnonzero(codes >= 0), codes[codes >= 0], categories, lowercase)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return _of_numbers(column, show)
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in ("string", "empty"):
        codes, texts = pd.factorize(column)
        return _of_texts(np.flatnonzero(codes >= 0), codes[codes >= 0], list(texts), lowercase)
    if kind in ("floating", "integer", "mixed-integer-float", "boolean"):
        present = np.flatnonzero(~np.asarray(pd.isna(column)))
        try:
            read = _of_numbers(np.asarray(column)[present], lambda position: show(present[position]))
        except OverflowError:  # there is a huge integer, and the slow path finds its row
            return _of_objects(column, show, lowercase)
        return read._replace(rows=present[read.rows])
    return _of_objects(column, show, lowercase)


def concatenate_values(parts: list[FeatureValues]) -> FeatureValues:
    """Concatenate the values of any number of columns."""
    parts = [*parts, FeatureValues(*(np.zeros(0, dtype=dtype) for dtype in (np.intp, np.intp, object, np.float64)))]
    texts = np.array([text for part in parts for text in part.texts], dtype=object)
    positions, distinct = pd.factorize(texts)
    positions = np.append(positions, -1)
    starts = np.cumsum([0, *(len(part.texts) for part in parts)])
    codes = [positions[np.where(part.codes < 0, -1, part.codes + at)] for part, at in zip(parts, starts, strict=False)]
    rows, numbers = ([getattr(part, name) for part in parts] for name in ("rows", "numbers"))
    return FeatureValues(np.concatenate(rows), np.concatenate(codes), distinct, np.concatenate(numbers))


def plain_text(text: str) -> str:
    """Convert an instance of a str subclass, such as a string enumeration member, to a plain str."""
    return str.__str__(text)


def refuse_missing(values: np.ndarray, show: Callable[[int], str]) -> None:
    """Raise a TypeError or ValueError if a mapping contains a missing value.

    The error message advises the caller to omit the key instead.
    """
    missing = pd.isna(values)
    if missing.any():
        row = int(np.argmax(missing))
        cell = values[row]
        if isinstance(cell, float | np.floating | Decimal):
            _refuse_infinite(cell, show(row))
        _number(cell, row, show)


def _of_texts(rows: np.ndarray, codes: np.ndarray, texts: list[str], lowercase: bool) -> FeatureValues:
    plain = [plain_text(text).lower() if lowercase else plain_text(text) for text in texts]
    positions, distinct = pd.factorize(np.array(plain, dtype=object))
    codes = positions[codes]
    kept = np.array([text != "" for text in distinct], dtype=bool)[codes]
    return FeatureValues(rows[kept], codes[kept], distinct, np.ones(int(kept.sum())))


def _of_numbers(column: Any, show: Callable[[int], str]) -> FeatureValues:
    with np.errstate(over="ignore"):  # a value that overflows becomes infinite, which raises an error below
        if isinstance(column, pd.Series):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            numbers = column.astype(np.float64)
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(np.argmax(infinite))
        _refuse_infinite(next(iter(column[row : row + 1])), show(row))
    rows = np.flatnonzero(~np.isnan(numbers))
    return FeatureValues(rows, np.full(len(rows), -1), np.zeros(0, dtype=object), numbers[rows])


def _of_objects(column: Any, show: Callable[[int], str], lowercase: bool) -> FeatureValues:
    """Read a column of any type one value at a time.

    This is slower than reading a typed column.
    """
    rows, texts, numbers = [], [], []
    for row, cell in enumerate(column):
        for value in _values(cell, row, show):
            text = isinstance(value, str)
            rows.append(row)
            texts.append(value if text else None)
            numbers.append(1.0 if text else value)
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    values = np.array(numbers, dtype=np.float64)
    where, is_text = np.array(rows, dtype=np.intp), codes >= 0
    measured = FeatureValues(where[~is_text], codes[~is_text], distinct[:0], values[~is_text])
    return concatenate_values([measured, _of_texts(where[is_text], codes[is_text], list(distinct), lowercase)])


def _values(cell: Any, row: int, show: Callable[[int], str]) -> Iterator[str | float]:
    """Iterate over the values in a cell, which are either strings or a single number."""
    cell = _plain(cell)
    if isinstance(cell, str):
        yield cell
    elif _is_list(cell):
        for text in map(_plain, cell):
            if isinstance(text, str):
                yield text
            elif not is_missing(text):
                raise TypeError(
                    f"{show(row)} is a list with {show_id(text)} of type {type(text).__name__}: "
                    f"a list must contain strings only. {_remedy(text, in_list=True)}"
                )
    elif not is_missing(cell):
        yield _number(cell, row, show)


def _number(cell: Any, row: int, show: Callable[[int], str]) -> float:
    # For isinstance, a timedelta64 of numpy is an integer.
    if isinstance(cell, np.timedelta64) or not isinstance(cell, Real | Decimal | np.bool_):
        raise TypeError(
            f"{show(row)} is {show_id(cell)} of type {type(cell).__name__}: "
            f"a feature must be a string, a number or a list of strings. {_remedy(cell)}"
        )
    try:
        number = float(cell)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        _refuse_infinite(cell, show(row))
    return number


def _refuse_infinite(cell: Any, shown: str) -> NoReturn:
    # A decimal number or an integer of 400 digits is finite, but becomes infinite if it is converted to a float.
    rule = "numbers must be finite" if isinstance(cell, float | np.floating) else "numbers must be finite in float64"
    raise ValueError(
        f"{shown} is {show_id(cell)}, but {rule}. Leave out the key of a missing feature, or change the unit."
    )


def _is_list(cell: Any) -> bool:
    """Return True if a value is a list, a set, an array or a column of a frame library."""
    is_whole = isinstance(cell, str | bytes | bytearray | memoryview | Mapping | type)
    return isinstance(cell, Sized) and isinstance(cell, Iterable) and not is_whole


def _plain(cell: Any) -> Any:
    """Convert an Arrow scalar or a zero-dimensional array to a Python object."""
    if type(cell) in (str, float, int):  # the common case
        return cell
    if hasattr(cell, "as_py"):
        return cell.as_py()
    return cell.item() if isinstance(cell, np.ndarray) and cell.ndim == 0 else cell


def _remedy(cell: Any, in_list: bool = False) -> str:
    """Return advice on how to convert a value that cannot be a feature."""
    if isinstance(cell, bytes | bytearray):
        return "Decode it, for example with df[column].str.decode('utf-8')."
    if isinstance(cell, Mapping):
        return "Use one key or column per field."
    if _is_list(cell):
        return "Flatten the lists."
    if is_missing(cell):
        return "Leave out the key of a missing feature."
    if isinstance(cell, datetime.timedelta | np.timedelta64) and not in_list:
        return "Convert it to a number, for example with df[column].dt.total_seconds()."
    if isinstance(cell, datetime.date | np.datetime64 | pd.Period) and not in_list:
        return "Convert it to a number such as the year, for example with df[column].dt.year."
    return "Convert it, for a category with str(value)."
