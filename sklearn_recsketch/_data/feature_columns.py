"""Read the columns of a side feature table from a pandas, polars or pyarrow frame."""

from __future__ import annotations

from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import as_column, frame_library
from sklearn_recsketch._data.ids import show_id

__all__ = ["as_id_column", "as_values", "column_named", "feature_columns", "first_column"]

Column: TypeAlias = "pd.Series[Any] | nw.Series[Any]"


def feature_columns(df: Any, method: str) -> dict[str, Column]:
    """Return a dictionary that maps column names to the columns of a frame.

    If the index of a pandas frame has a name, it is returned as the first column.

    Raises
    ------
    TypeError, ValueError
        If `df` is not a frame, if two of its columns have the same name, or if its index has several levels.
    """
    names = getattr(df, "column_names", None)  # narwhals raises an error for repeated names
    if names is not None:
        _refuse_repeated(names, method)
    if frame_library(df) is None:
        raise TypeError(
            f"SideFeatures.{method} expects a pandas, polars or pyarrow frame, got {type(df).__name__}. {_remedy(df)}"
        )
    if isinstance(df, pd.DataFrame):
        columns = _of_pandas(df, method)
    else:
        frame = nw.from_native(df, eager_only=True)
        columns = {name: frame[name] for name in frame.columns}
    if not (len(columns) and df.shape[0]):
        raise ValueError(
            f"The table of features is empty: SideFeatures needs at least one row and one column, got {df.shape}."
        )
    return columns


def _of_pandas(df: pd.DataFrame, method: str) -> dict[str, Column]:
    if isinstance(df.index, pd.MultiIndex):
        raise ValueError(
            f"The index of the table of features has {df.index.nlevels} levels: {list(df.index.names)}. "
            f"Pass df.reset_index()."
        )
    if isinstance(df.columns, pd.MultiIndex):
        raise ValueError(
            f"The column names of the table of features have {df.columns.nlevels} levels (first: {df.columns[0]}). "
            f"Join them, for example with df.columns = df.columns.map('_'.join)."
        )
    names = [str(name) for name in df.columns]
    columns = [df.iloc[:, j] for j in range(df.shape[1])]
    if df.index.name is not None:
        name = str(df.index.name)
        # df.set_index(..., drop=False) leaves the ids both in the index and in a column.
        copies = [j for j, other in enumerate(names) if other == name and df.index.equals(pd.Index(columns[j]))]
        names = [name, *(other for j, other in enumerate(names) if j not in copies)]
        columns = [df.index.to_series(), *(column for j, column in enumerate(columns) if j not in copies)]
    _refuse_repeated(names, method)
    return dict(zip(names, columns, strict=True))


def first_column(df: Any, columns: dict[str, Column]) -> str:
    """Return the name of the first column, which contains the ids by default.

    Raises
    ------
    ValueError
        If the frame has an unnamed index that may contain the ids.
    """
    first = next(iter(columns))
    if isinstance(df, pd.DataFrame) and df.index.name is None and df.index.inferred_type != "integer":
        raise ValueError(
            f"The index of the frame (first: {show_id(df.index[0])}) has no name, so the ids may be there or in the "
            f"first column. Write id={first!r} for the column, or SideFeatures.from_frame(df.rename_axis('id')) for "
            f"the index."
        )
    return first


def column_named(columns: dict[str, Column], name: Any, role: str, hint: str = "") -> str:
    """Return the name of a required column as a string, because pandas column names may be numbers.

    `hint` is the end of the error message if there is no such column.
    """
    if str(name) not in columns:
        raise ValueError(
            f"There is no column {name!r} for the {role}s; the columns are {list(columns)}. Pass {role}=...{hint}"
        )
    return str(name)


def as_id_column(column: Column) -> Any:
    """Convert a column to a type that :func:`~sklearn_recsketch._data.ids.encode_ids` accepts."""
    return column if isinstance(column, pd.Series) else as_column(column.to_native())


def as_values(column: Column) -> Any:
    """Convert a column for `read_feature_values`, preserving lists, categories and missing values."""
    if isinstance(column, pd.Series):
        dtype = column.dtype
        arrow = getattr(dtype, "pyarrow_dtype", None)
        is_dictionary = arrow is not None and hasattr(arrow, "index_type")
        return column.astype(object).astype("category") if is_dictionary else column
    if isinstance(column.dtype, nw.Categorical | nw.Enum):
        return pd.Series(column.to_list(), dtype="category")
    if column.dtype.is_nested():
        return pd.Series(column.to_list(), dtype=object)
    return as_column(column.to_native())


def _refuse_repeated(names: list[str], method: str) -> None:
    repeated = pd.Index(names, dtype=object).duplicated()
    if repeated.any():
        raise ValueError(
            f"SideFeatures.{method} received two columns named {names[int(np.argmax(repeated))]!r}; "
            f"the columns are {list(names)}. Rename or drop one of them; the index counts as a column if it has a name."
        )


def _remedy(df: Any) -> str:
    if hasattr(df, "collect"):
        return "For a lazy frame pass df.collect()."
    if isinstance(df, pd.Series):
        return "For a Series with one feature, indexed by id, write SideFeatures.from_frame(series.reset_index())."
    return "For a mapping from ids to features write SideFeatures.from_dicts(features)."
