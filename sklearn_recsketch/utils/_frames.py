"""Reading columns from, and writing tables to, the frame library the caller uses."""

from __future__ import annotations

from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

_BACKENDS: dict[str, Literal["polars", "pyarrow"]] = {"polars": "polars", "pyarrow": "pyarrow"}

__all__ = ["columns_of", "frame_library", "make_table", "values_of"]


def frame_library(data: Any) -> str | None:
    """Name of the frame library of `data` ("pandas", "polars", "pyarrow", ...), None for anything else."""
    if isinstance(data, pd.DataFrame):
        return "pandas"
    frame = nw.from_native(data, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return None
    return str(frame.implementation.name).lower()


def columns_of(data: Any) -> tuple[list[Any], list[str] | None]:
    """Columns of a frame or a two-dimensional array, and the names if it has any.

    pandas columns are returned as Series, so that categoricals and Arrow strings keep their fast
    path through :func:`pandas.factorize`; all others as numpy arrays.
    """
    if isinstance(data, pd.DataFrame):
        return [data.iloc[:, j] for j in range(data.shape[1])], [str(name) for name in data.columns]
    frame = nw.from_native(data, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return [values_of(frame[name]) for name in frame.columns], list(frame.columns)
    return [data[:, j] for j in range(data.shape[1])], None


def values_of(series: nw.Series[Any]) -> np.ndarray:
    """A column of polars or Arrow as numpy array."""
    if series.implementation.is_pyarrow() and isinstance(series.dtype, nw.Categorical):
        # Arrow takes the first value of a dictionary for missing ones.
        native = series.to_native()
        series = nw.from_native(native.cast(native.type.value_type), series_only=True)
    return series.to_numpy()


def make_table(columns: dict[str, np.ndarray], library: str, index: Any = None) -> Any:
    """A pandas frame, or a polars or pyarrow one where the caller uses that library."""
    if library not in _BACKENDS:
        return pd.DataFrame(columns, index=index)
    series = {name: _plain(values) for name, values in columns.items()}
    return nw.from_dict(series, backend=_BACKENDS[library]).to_native()


def _plain(values: np.ndarray) -> Any:
    """Object arrays as lists: polars would otherwise keep Python objects instead of strings."""
    return values.tolist() if values.dtype.kind == "O" else values
