"""Validate tables of interactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.column_names import are_swapped, is_time, suggested_pair, third_is_id
from sklearn_recsketch._data.frames import columns_of, frame_library, unmask
from sklearn_recsketch._data.ids import IdColumn, encode_ids
from sklearn_recsketch._data.strengths import check_strengths, refuse_bad_strengths

__all__ = [
    "InteractionSource",
    "Interactions",
    "check_history",
    "check_interactions",
    "check_rows",
]

MANY_COLUMNS = 12  # a table with more columns than this may be a user x item matrix


@dataclass(frozen=True)
class Interactions:
    """A validated table of interactions.

    Attributes
    ----------
    users, items : IdColumn
        Encoded columns of user ids and item ids.
    y : ndarray of shape (n_rows,), dtype float64
        Strengths passed by the caller. If y is None, this is a single 1 that is broadcast to all rows. Metrics treat
        rows with ``y > 0`` as relevant.
    weight : ndarray of shape (n_rows,), dtype float64 or float32, or None
        Weights from the optional third column. They scale the strengths in training only.
    library : str or None
        Name of the frame library of X, or None if X is an array.
    names : list of str or None
        Column names of X, or None if X is an array.
    """

    users: IdColumn
    items: IdColumn
    y: np.ndarray
    weight: np.ndarray | None
    library: str | None
    names: list[str] | None

    @property
    def n_columns(self) -> int:
        """Number of columns of X."""
        return 2 if self.weight is None else 3

    def take(self, rows: np.ndarray) -> Interactions:
        """Select rows by their indices or with a mask, without changing the distinct ids."""
        users, items = (IdColumn(column.codes[rows], column.ids) for column in (self.users, self.items))
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, users=users, items=items, y=self.y[rows], weight=weight)

    @property
    def strength(self) -> np.ndarray:
        """Training strength of each row, which is y multiplied by the weight."""
        if self.weight is None:
            return self.y
        ones = self.y.strides == (0,) and bool((self.y[:1] == 1).all())  # y was None, so do not multiply
        return self.weight if ones else self.y * self.weight

    def frame(self, rows: Any = slice(None)) -> pd.DataFrame:
        """Convert all or some rows of the table to a pandas frame with categorical ids."""
        names = self.names or ["user", "item", "weight"]
        columns: dict[str, Any] = {
            name: pd.Categorical.from_codes(column.codes[rows], categories=pd.Index(column.ids))
            for name, column in zip(names, (self.users, self.items), strict=False)
        }
        if self.weight is not None:
            columns[names[2]] = self.weight[rows]
        return pd.DataFrame(columns)


class InteractionSource(ABC):
    """Base class for interactions that are not kept in memory, but read on demand."""

    @abstractmethod
    def _read(self, weighted: bool) -> Interactions:
        """Read, check and encode all rows, including their weights if `weighted` is True."""

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        # scikit-learn converts inputs to arrays before it selects rows.
        raise TypeError(_no_rows(self))


def _no_rows(source: InteractionSource) -> str:
    return (
        f"{source!r} is read as a whole and has no rows to choose from, but splitters and searches choose rows. Pass "
        f"them a frame such as pd.concat(source.batches()), or fit on a file of training rows and score on a file of "
        f"test rows."
    )


def check_interactions(X: Any, y: Any = None, *, name: str = "X", weighted: bool = True) -> Interactions:
    """Check a table of interactions and encode its ids.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3), or InteractionSource
        Table with the columns user id, item id and, optionally, training weight, in this order.
    y : array-like of shape (n_rows,), default=None
        Finite, non-negative strengths. If None, all strengths are 1. `y` must be None if X is an InteractionSource.
    name : str, default="X"
        Name of X in error messages.
    weighted : bool, default=True
        Whether to read training weights from the third column. If False, the third column is ignored.

    Raises
    ------
    TypeError, ValueError
        If X or y is invalid. The message states the constraint, the value received, its row and how to fix the error.
    """
    if isinstance(X, InteractionSource):
        if y is not None:
            raise ValueError(
                f"y was passed together with {X!r}, but its strengths must be a column of the files. Leave y out and "
                f"name the column: ParquetInteractions(path, weight='count')."
            )
        return X._read(weighted)
    X = _as_table(X, name)
    columns, names = columns_of(X)
    library = frame_library(X)
    if not columns:
        raise ValueError(
            f"{name} is empty: found array with 0 feature(s) (shape={tuple(X.shape)}) while a minimum of 2 is required."
        )
    n_rows = len(columns[0])
    if len(columns) not in (2, 3):
        raise ValueError(
            f"{name} has {len(columns)} feature(s) in {n_rows} sample(s), but a recommender expects "
            f"2 features: user id and item id, or 3 with a training weight. {_how_to_select(X, names, name, library)}"
        )
    _refuse_swapped(names, name, library)
    if n_rows == 0:
        raise ValueError(
            f"{name} is empty: found array with 0 sample(s) (shape=(0, {len(columns)})) while a minimum of 1 is "
            f"required. Each row is one interaction of a user with an item."
        )
    weight = None
    if weighted and len(columns) == 3:
        _refuse_other_weight(columns[2], names, name, library)
        weight = check_strengths(columns[2], n_rows, f"the weight column of {name}")
    strength = np.broadcast_to(1.0, n_rows) if y is None else check_strengths(y, n_rows, "y")
    if weight is not None and y is not None:
        with np.errstate(over="ignore", under="ignore"):
            refuse_bad_strengths(strength * weight, f"y multiplied by the weight column of {name}")
    return Interactions(
        users=encode_ids(columns[0], "user", names and names[0]),
        items=encode_ids(columns[1], "item", names and names[1]),
        y=strength,
        weight=weight,
        library=library,
        names=names,
    )


def check_history(history: Any, name: str) -> Interactions | None:
    """Check the history of a query with :func:`check_interactions`.

    The function returns None if the history is None or has no rows.
    """
    shape = getattr(history, "shape", None)
    empty = shape[0] == 0 if shape else isinstance(history, list | tuple) and not history
    return None if history is None or empty else check_interactions(history, name=name)


def check_rows(X: Any, y: Any = None) -> Interactions:
    """Check a table of interactions that will be split by rows.

    The weights are not read.
    """
    if isinstance(X, InteractionSource):
        raise TypeError(_no_rows(X))
    return check_interactions(X, y, weighted=False)


def _as_table(X: Any, name: str) -> Any:
    if sp.issparse(X):
        raise TypeError(
            f"{name} is a sparse matrix, but each row of {name} must be one interaction. Convert a user x item matrix "
            f"with X, y = sklearn_recsketch.preprocessing.interactions_from_matrix({name}); "
            f"sparse input is not supported here."
        )
    if frame_library(X) is not None:
        return X
    if isinstance(X, Mapping):
        raise TypeError(
            f"{name} is a {type(X).__name__}, but each row of {name} must be one interaction. A dict of items by user "
            f"becomes a table with pd.Series({name}).explode().reset_index(), a dict of columns with "
            f"pd.DataFrame({name})."
        )
    if isinstance(X, pd.Series):
        raise TypeError(
            f"{name} is a Series, but each row of {name} must be one interaction of a user with an item. A Series of "
            f"items by user becomes a table with {name}.explode().reset_index()."
        )
    if isinstance(X, list | tuple):
        _refuse_ragged(X, name)
        # Without dtype=object, numpy would convert the integer in ["u", 1] to a string.
        X = np.array(X, dtype=object)
    # Spark, Dask and lazy polars frames are not in memory.
    for method in ("toPandas", "compute", "collect"):
        if hasattr(X, method):
            raise TypeError(f"{name} is a lazy frame, so its rows are not in memory: pass {name}.{method}().")
    X = np.asarray(unmask(X) if isinstance(X, np.ndarray) else X)
    if X.dtype.names:
        raise TypeError(
            f"{name} is a structured array with the fields {list(X.dtype.names)}, but must be a table of two or three "
            f"columns: pass pd.DataFrame({name})."
        )
    if X.ndim != 2:
        raise ValueError(
            f"{name} must be two-dimensional with one row per interaction, got an array of shape {X.shape}. "
            f"Reshape your data: two id arrays become {name} = np.column_stack([users, items]), a list of dicts "
            f"pd.DataFrame({name})."
        )
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: the ids of {name} are {X.dtype}.")
    return X


def _refuse_ragged(rows: Any, name: str) -> None:
    """Raise a ValueError if the rows of a list have different lengths.

    This happens, for example, if each row contains all items of a user.
    """
    lengths = [len(row) for row in rows if isinstance(row, list | tuple)]
    if len(lengths) == len(rows) and len(set(lengths)) > 1:
        row = next(row for row, length in enumerate(lengths) if length != lengths[0])
        raise ValueError(
            f"{name} must have one row per interaction, with a user id and an item id, but row 0 has {lengths[0]} "
            f"values and row {row} has {lengths[row]}. Write one row for each item of a user."
        )


def _selection(names: list[Any], name: str, library: str | None) -> str:
    """Return code that selects columns of a frame, to be shown in an error message."""
    return f"{name}.select({names})" if library == "pyarrow" else f"{name}[{names}]"


def _how_to_select(X: Any, names: list[str] | None, name: str, library: str | None) -> str:
    """Return advice on how to select columns from a table with too few or too many columns."""
    order = "Select them in this order, for example"
    wide = ""
    if X.shape[1] > MANY_COLUMNS:
        wide = (
            f" A user x item matrix becomes a table with X, y = "
            f"sklearn_recsketch.preprocessing.interactions_from_matrix({name})."
        )
    if names is None:
        return f"{order} {name}[['user', 'item']] of a frame or {name}[:, :2] of an array.{wide}"
    labels = list(X.columns) if library == "pandas" else names  # pandas labels may be numbers
    if len(labels) == 1:
        return f"Its column is {labels[0]!r}. Add a column with the other ids."
    pair = suggested_pair(names) or names[:2]
    select = _selection([labels[names.index(one)] for one in pair], name, library)
    more = f" and {len(labels) - MANY_COLUMNS} more" if wide else ""
    return f"Its columns are {labels[:MANY_COLUMNS]}{more}. {order} {select}.{wide}"


def _refuse_swapped(names: list[str] | None, name: str, library: str | None) -> None:
    if names is not None and are_swapped(names):
        raise ValueError(
            f"The columns of {name} are {names[0]!r}, {names[1]!r}: users come first. "
            f"Write {_selection([names[1], names[0]], name, library)}; if {names[0]!r} does contain users, "
            f"rename the columns or pass {name}.to_numpy()."
        )


def _refuse_other_weight(column: Any, names: list[str] | None, name: str, library: str | None) -> None:
    """Raise a ValueError if the name or type of the third column suggests times or ids."""
    third = "" if names is None else names[2]
    pair = f"{name}[:, :2]" if names is None else _selection(names[:2], name, library)
    groups = f"{name}[:, 2]" if names is None else f"{name}[{third!r}]"
    rename = "" if names is None else f" If {third!r} does contain weights, rename it."
    which = f"The third column of {name}" if names is None else f"The third column of {name}, {third!r},"
    if is_time(third) or _contains_times(column):
        raise ValueError(
            f"{which} contains times, but a third column weights the rows in training. Write {pair}. To split by time, "
            f"pass the times as groups: TemporalUserSplit().split({pair}, groups={groups}).{rename}"
        )
    if names is not None and third_is_id(names):
        ids = suggested_pair(names)
        raise ValueError(
            f"{which} contains ids according to its name, but a third column weights the rows in training. Write "
            f"{pair if ids is None else _selection(list(ids), name, library)}.{rename}"
        )


def _contains_times(column: Any) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.dtype.categories
    times = ("datetime", "datetime64", "date", "time", "period")
    return bool(len(column)) and pd.api.types.infer_dtype(column, skipna=True) in times
