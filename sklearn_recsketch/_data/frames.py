"""Read columns from frames of several libraries, and create tables in the caller's library."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

_BACKENDS: dict[str, Literal["polars", "pyarrow"]] = {"polars": "polars", "pyarrow": "pyarrow"}

__all__ = ["as_column", "columns_of", "frame_library", "is_missing", "make_table", "unmask"]


def frame_library(data: Any) -> str | None:
    """Return the name of a frame's library, such as "pandas" or "polars", or None if `data` is not a frame."""
    if isinstance(data, pd.DataFrame):
        return "pandas"
    if isinstance(data, list | np.ndarray):  # narwhals would take longer to see this than a query to answer
        return None
    if _is_arrow(data):
        return "pyarrow"
    frame = nw.from_native(data, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return None
    return str(frame.implementation.name).lower()


def _is_arrow(data: Any) -> bool:
    """Return True if `data` is a pyarrow table or record batch.

    Such tables are not read with narwhals, because narwhals raises an error if two columns have the same name.
    """
    return hasattr(data, "itercolumns") and hasattr(data, "column_names")


def columns_of(data: Any) -> tuple[list[Any], list[str] | None]:
    """Return the columns of a frame or a two-dimensional array, and the column names if it is a frame.

    pandas and pyarrow columns are returned as Series, because :func:`pandas.factorize` is fast for categoricals and
    Arrow strings. All other columns are returned as numpy arrays.
    """
    if isinstance(data, pd.DataFrame):
        return [data.iloc[:, j] for j in range(data.shape[1])], [str(name) for name in data.columns]
    if _is_arrow(data):
        return [as_column(column) for column in data.itercolumns()], [str(name) for name in data.column_names]
    frame = nw.from_native(data, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return [as_column(frame[name].to_native()) for name in frame.columns], list(frame.columns)
    return [data[:, j] for j in range(data.shape[1])], None


def as_column(values: Any) -> Any:
    """Convert a column to a pandas object or to a numpy array with native byte order.

    Masked values become missing values.
    """
    if isinstance(values, np.ndarray):
        return _native(unmask(values))
    if isinstance(values, pd.arrays.NumpyExtensionArray):
        return as_column(values.to_numpy())
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        dtype = values.dtype
        if isinstance(dtype, pd.ArrowDtype) and hasattr(dtype.pyarrow_dtype, "value_type"):
            # This is a dictionary or a list. pandas cannot hash lists, and hides the value type of a dictionary.
            return _of_arrow(values.array.__arrow_array__())  # type: ignore[union-attr]
        return _native(values.to_numpy()) if isinstance(dtype, np.dtype) and not dtype.isnative else values
    if hasattr(values, "to_pandas") and hasattr(values, "type"):  # pyarrow arrays and chunked arrays
        return _of_arrow(values)
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        if not series.implementation.is_polars():
            return as_column(series.to_native())
        if series.dtype in (nw.Int128, nw.UInt128):  # numpy has no such types
            return np.array(series.to_list(), dtype=object)
        if series.dtype == nw.String:  # narwhals drops NUL characters at the end, so that "a" equals "a\0"
            return series.to_native().to_numpy()
        return as_column(series.to_numpy())
    return _native(unmask(np.asanyarray(values)))


def is_missing(cell: Any) -> bool:
    """Return True if a value is None, NaN, NA or NaT.

    A list of missing values does not count as a missing value.
    """
    return bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def unmask(array: np.ndarray) -> np.ndarray:
    """Replace the masked values of an array with None.

    Other conversions would expose the values under the mask.
    """
    if not np.ma.is_masked(array):
        return np.asarray(array)
    values = np.asarray(array).astype(object)
    values[np.ma.getmaskarray(array)] = None
    return values


def _of_arrow(values: Any) -> pd.Series:
    # narwhals and numpy lose the missing values of a dictionary. pandas has neither float16 nor missing categories.
    kind = str(values.type)
    if kind.startswith("dictionary<"):
        parts = [chunk.dictionary.to_pandas() for chunk in getattr(values, "chunks", [values])]
        if kind.startswith("dictionary<values=halffloat") or any(part.isna().any() for part in parts):
            values = values.cast(values.type.value_type)
    return values.to_pandas()


def _native(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def make_table(columns: dict[str, np.ndarray], library: str, index: Any = None, copy: bool = True) -> Any:
    """Create a polars or pyarrow table if `library` is "polars" or "pyarrow", and a pandas frame otherwise.

    With ``copy=False``, a pandas frame may share the memory of the columns, which the caller must not use any more.
    """
    # An empty object array does not show that it is meant for strings.
    empty = [name for name, values in columns.items() if values.dtype.kind == "O" and not len(values)]
    if library not in _BACKENDS:
        frame = pd.DataFrame(dict(enumerate(columns.values())), index=index, copy=copy)
        frame.columns = _names(tuple(columns)).copy()  # a shared index could be renamed
        return frame.astype(dict.fromkeys(empty, pd.Series([""]).dtype)) if empty else frame
    series = {name: _plain(values) for name, values in columns.items()}
    table = nw.from_dict(series, backend=_BACKENDS[library])
    return table.with_columns(nw.col(name).cast(nw.String) for name in empty).to_native()


@cache
def _names(names: tuple[str, ...]) -> pd.Index:
    """Return an index of column names. To create it takes as long as to create the columns of a short table."""
    return pd.Index(names)


def _plain(values: np.ndarray) -> Any:
    """Convert object arrays to lists, because polars would otherwise store Python objects instead of strings."""
    return values.tolist() if values.dtype.kind == "O" else values
