"""Read the nonzero cells of a user x item matrix, which can be a sparse matrix, an array or a frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.column_names import are_swapped
from sklearn_recsketch._data.frames import columns_of, frame_library, is_missing
from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch._data.strengths import refuse_bad_strengths

__all__ = ["as_matrix", "nonzero_cells"]

TOTAL = "All"  # the label of the totals in pandas.pivot_table and pandas.crosstab
Triple = tuple[np.ndarray, np.ndarray, np.ndarray]
Place = Callable[[int, int], str]


def as_matrix(matrix: Any, has_users: bool) -> Any:
    """Convert a user x item matrix to a csr_array, a two-dimensional array or a pandas frame.

    Only pandas frames have an index. For frames of other libraries, the user ids must be passed separately, and
    `has_users` must be True.
    """
    if hasattr(matrix, "collect"):
        raise TypeError("matrix is a lazy frame: pass matrix.collect().")
    library = frame_library(matrix)
    if library not in (None, "pandas"):
        columns, names = columns_of(matrix)
        if not has_users:
            first = names[0] if names else "user"
            raise ValueError(
                f"A {library} frame has no index for the ids of the users. Pass them separately, for example "
                f"interactions_from_matrix(matrix.drop([{first!r}]), users=matrix[{first!r}])."
            )
        matrix = pd.DataFrame(dict(enumerate(columns))).set_axis(names or [], axis=1)
    if isinstance(matrix, pd.DataFrame):
        _check_labels(matrix)
        return matrix
    if isinstance(matrix, np.ma.MaskedArray):
        matrix = np.where(np.ma.getmaskarray(matrix), np.nan, np.asarray(matrix))
    is_sparse = sp.issparse(matrix)
    # Without dtype=object, numpy would convert the number in [[1, "?"]] to a string.
    read = partial(np.array, dtype=object) if isinstance(matrix, list | tuple) else np.asarray
    array: Any = sp.csr_array(matrix) if is_sparse else read(matrix)
    if array.ndim == 0:
        raise TypeError(
            f"matrix must be a sparse matrix, an array or a frame with a row per user and a column per item, got "
            f"{type(matrix).__name__}."
        )
    if array.ndim != 2:
        raise ValueError(
            f"matrix must be two-dimensional with a row per user and a column per item, got an array of shape "
            f"{array.shape}."
        )
    return array


def nonzero_cells(matrix: Any, users: np.ndarray, items: np.ndarray) -> Triple:
    """Return the row indices, column indices and values of the nonzero cells of a matrix, in row order.

    In arrays and frames, NaN is treated as 0.

    Raises
    ------
    ValueError
        If a value is not a finite, non-negative number. The message names the user and the item.
    """

    def place(row: int, column: int) -> str:
        return f"the cell of user {show_id(users[row])} and item {show_id(items[column])}"

    rows, columns, values = _cells(matrix, place)
    if values.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: the matrix is {values.dtype}.")
    values = values.astype(np.float64)
    refuse_bad_strengths(values, "matrix", lambda entry: place(rows[entry], columns[entry]))
    keep = values != 0
    return rows[keep], columns[keep], values[keep]


def _cells(matrix: Any, place: Place) -> Triple:
    if isinstance(matrix, sp.csr_array):
        coo = matrix.tocoo()
        return coo.row, coo.col, coo.data
    dtypes = matrix.dtypes if isinstance(matrix, pd.DataFrame) else [matrix.dtype]
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in dtypes):
        return _cells_by_column(pd.DataFrame(matrix), place)
    array = np.asarray(matrix)
    rows, columns = np.nonzero((array != 0) & ~np.isnan(array))
    return rows, columns, array[rows, columns]


def _check_labels(frame: pd.DataFrame) -> None:
    for axis, labels in (("index", frame.index), ("columns", frame.columns)):
        if isinstance(labels, pd.MultiIndex):
            raise ValueError(
                f"The {axis} of matrix must have one level, of ids, but there are {labels.nlevels} (first: "
                f"{labels[0]}). Pass values to pivot_table, pivot_table(index='user', columns='item', values='count'), "
                f"or drop a level: matrix.droplevel(0, axis={axis!r})."
            )
    # pandas appends the totals as the last row and column.
    corner = [label for labels in (frame.index, frame.columns) for label in labels[-1:] if isinstance(label, str)]
    if corner == [TOTAL, TOTAL]:
        raise ValueError(
            f"The last row and the last column of matrix are {TOTAL!r}, the totals of margins=True, which are neither "
            f"a user nor an item. Leave margins out, or write matrix.iloc[:-1, :-1]."
        )
    # Check whether the name of a column would suggest users next to a column of items.
    named = [label for label in frame.columns if isinstance(label, str) and are_swapped(["item", label])]
    if named:
        raise ValueError(
            f"The column {named[0]!r} of matrix seems to contain users, but each column must be an item. Make it the "
            f"index, matrix.set_index({named[0]!r}). Pass a table with one interaction per row to fit unchanged."
        )


def _cells_by_column(frame: pd.DataFrame, place: Place) -> Triple:
    """Return the nonzero cells of a frame whose columns may have different types."""
    parts = []
    for column in range(frame.shape[1]):
        values = frame.iloc[:, column].array
        rows = np.arange(len(values))
        if isinstance(values, pd.arrays.SparseArray) and (pd.isna(values.fill_value) or values.fill_value == 0):
            rows, values = values.sp_index.indices, values.sp_values
        numbers = _numbers(values, rows, column, place)
        filled = np.flatnonzero((numbers != 0) & ~np.isnan(numbers))
        parts.append((rows[filled], np.full(len(filled), column), numbers[filled]))
    rows, columns, cells = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((columns, rows))
    return rows[order], columns[order], cells[order]


def _numbers(values: Any, rows: np.ndarray, column: int, place: Place) -> np.ndarray:
    """Convert a column to floats, with NaN for missing values."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if not is_missing(value):
            try:
                if isinstance(value, str | bytes | complex | np.complexfloating):
                    raise TypeError
                numbers[row] = float(value)
            except (TypeError, ValueError):
                raise ValueError(
                    f"matrix must contain numbers, but {place(rows[row], column)} is {show_id(value)} of type "
                    f"{type(value).__name__}. Convert it; a column of user ids must be the index of the frame."
                ) from None
    return numbers
