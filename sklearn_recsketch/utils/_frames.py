"""Reading columns from, and writing tables to, the frame library the caller uses."""

from __future__ import annotations

from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

_BACKENDS: dict[str, Literal["polars", "pyarrow"]] = {"polars": "polars", "pyarrow": "pyarrow"}

__all__ = ["columns_of", "frame_library", "make_table"]


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
        return [frame[name].to_numpy() for name in frame.columns], list(frame.columns)
    return [data[:, j] for j in range(data.shape[1])], None


def make_table(columns: dict[str, np.ndarray], library: str, index: Any = None) -> Any:
    """A pandas frame, or a polars or pyarrow one where the caller uses that library."""
    # Objects without a value do not say that they are strings.
    empty = [name for name, values in columns.items() if values.dtype.kind == "O" and not len(values)]
    if library not in _BACKENDS:
        frame = pd.DataFrame(columns, index=index)
        return frame.astype(dict.fromkeys(empty, pd.Series([""]).dtype)) if empty else frame
    series = {name: _plain(values) for name, values in columns.items()}
    table = nw.from_dict(series, backend=_BACKENDS[library])
    return table.with_columns(nw.col(name).cast(nw.String) for name in empty).to_native()


def _plain(values: np.ndarray) -> Any:
    """Object arrays as lists: polars would otherwise keep Python objects instead of strings."""
    return values.tolist() if values.dtype.kind == "O" else values
