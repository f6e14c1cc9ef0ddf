"""Values of side features: reading texts, numbers and lists of texts from columns of any kind."""

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

__all__ = ["Cells", "joined", "plain_text", "read_cells", "refuse_missing"]


class Cells(NamedTuple):
    """Values read from a column, in no particular order; a missing value is left out.

    Attributes
    ----------
    rows : ndarray of shape (n_values,)
        Row of each value.
    codes : ndarray of shape (n_values,)
        Position of its text in `texts`; -1 for a number.
    texts : ndarray of shape (n_texts,), dtype object
        Distinct texts.
    numbers : ndarray of shape (n_values,), dtype float64
        Its number; 1 for a text.
    """

    rows: np.ndarray
    codes: np.ndarray
    texts: np.ndarray
    numbers: np.ndarray


def read_cells(column: Any, show: Callable[[int], str], lowercase: bool) -> Cells:
    """Read a column of texts, numbers and lists of texts; a missing cell and an empty text are no feature.

    Parameters
    ----------
    column : Series, or ndarray of shape (n_rows,)
    show : callable
        What to call the value in a row, for errors.
    lowercase : bool
        Lower-case texts.

    Raises
    ------
    TypeError, ValueError
        For the first value of another kind, and for numbers that are not finite.
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
            read = _of_numbers(np.asarray(column)[present], lambda place: show(present[place]))
        except OverflowError:  # an integer, to be found cell by cell
            return _of_objects(column, show, lowercase)
        return read._replace(rows=present[read.rows])
    return _of_objects(column, show, lowercase)


def joined(parts: list[Cells]) -> Cells:
    """All values of several columns, of which there may be none."""
    parts = [*parts, Cells(*(np.zeros(0, dtype=dtype) for dtype in (np.intp, np.intp, object, np.float64)))]
    texts = np.array([text for part in parts for text in part.texts], dtype=object)
    places, distinct = pd.factorize(texts)
    places = np.append(places, -1)
    starts = np.cumsum([0, *(len(part.texts) for part in parts)])
    codes = [places[np.where(part.codes < 0, -1, part.codes + at)] for part, at in zip(parts, starts, strict=False)]
    rows, numbers = ([getattr(part, name) for part in parts] for name in ("rows", "numbers"))
    return Cells(np.concatenate(rows), np.concatenate(codes), distinct, np.concatenate(numbers))


def plain_text(text: str) -> str:
    """A str without the class of numpy or of an enumeration."""
    return str.__str__(text)


def refuse_missing(cells: np.ndarray, show: Callable[[int], str]) -> None:
    """Raise for the first missing cell of a mapping, where a key that is left out says the same."""
    missing = pd.isna(cells)
    if missing.any():
        row = int(np.argmax(missing))
        cell = cells[row]
        if isinstance(cell, float | np.floating | Decimal):
            _refuse_infinite(cell, show(row))
        _number(cell, row, show)


def _of_texts(rows: np.ndarray, codes: np.ndarray, texts: list[str], lowercase: bool) -> Cells:
    plain = [plain_text(text).lower() if lowercase else plain_text(text) for text in texts]
    places, distinct = pd.factorize(np.array(plain, dtype=object))
    codes = places[codes]
    said = np.array([text != "" for text in distinct], dtype=bool)[codes]
    return Cells(rows[said], codes[said], distinct, np.ones(int(said.sum())))


def _of_numbers(column: Any, show: Callable[[int], str]) -> Cells:
    with np.errstate(over="ignore"):  # what overflows is refused below
        if isinstance(column, pd.Series):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            numbers = column.astype(np.float64)
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(np.argmax(infinite))
        _refuse_infinite(next(iter(column[row : row + 1])), show(row))
    rows = np.flatnonzero(~np.isnan(numbers))
    return Cells(rows, np.full(len(rows), -1), np.zeros(0, dtype=object), numbers[rows])


def _of_objects(column: Any, show: Callable[[int], str], lowercase: bool) -> Cells:
    """Cell by cell."""
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
    measured = Cells(where[~is_text], codes[~is_text], distinct[:0], values[~is_text])
    return joined([measured, _of_texts(where[is_text], codes[is_text], list(distinct), lowercase)])


def _values(cell: Any, row: int, show: Callable[[int], str]) -> Iterator[str | float]:
    """The texts of a cell, or its number."""
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
                    f"a list must hold texts only. {_remedy(text, in_list=True)}"
                )
    elif not is_missing(cell):
        yield _number(cell, row, show)


def _number(cell: Any, row: int, show: Callable[[int], str]) -> float:
    # numpy's timedelta64 is an integer to Python.
    if isinstance(cell, np.timedelta64) or not isinstance(cell, Real | Decimal | np.bool_):
        raise TypeError(
            f"{show(row)} is {show_id(cell)} of type {type(cell).__name__}: "
            f"a feature must be a text, a number or a list of texts. {_remedy(cell)}"
        )
    try:
        number = float(cell)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        _refuse_infinite(cell, show(row))
    return number


def _refuse_infinite(cell: Any, what: str) -> NoReturn:
    # A decimal or an integer of 400 digits is finite, but not as a float.
    rule = "numbers must be finite" if isinstance(cell, float | np.floating) else "numbers must be finite in float64"
    raise ValueError(
        f"{what} is {show_id(cell)}, but {rule}. Leave the key out where the feature is missing, or change its unit."
    )


def _is_list(cell: Any) -> bool:
    """Whether it is a list, an array, a column or a set of values, of whatever library."""
    is_whole = isinstance(cell, str | bytes | bytearray | memoryview | Mapping)
    return isinstance(cell, Sized) and isinstance(cell, Iterable) and not is_whole


def _plain(cell: Any) -> Any:
    """A scalar of Arrow, or an array without axes, as Python's own."""
    if type(cell) in (str, float, int):  # nearly always
        return cell
    if hasattr(cell, "as_py"):
        return cell.as_py()
    return cell.item() if isinstance(cell, np.ndarray) and cell.ndim == 0 else cell


def _remedy(cell: Any, in_list: bool = False) -> str:
    """What to write instead of a value that cannot be a feature."""
    if isinstance(cell, bytes | bytearray):
        return "Decode it, for example with df[column].str.decode('utf-8')."
    if isinstance(cell, Mapping):
        return "Give each of its fields a key or column of its own."
    if _is_list(cell):
        return "Flatten the lists."
    if is_missing(cell):
        return "Leave the key out where the feature is missing."
    if isinstance(cell, datetime.timedelta | np.timedelta64) and not in_list:
        return "Convert it to a number, for example with df[column].dt.total_seconds()."
    if isinstance(cell, datetime.date | np.datetime64 | pd.Period) and not in_list:
        return "Convert it to a number such as the year, for example with df[column].dt.year."
    return "Convert it, with str(value) if it is a category."
