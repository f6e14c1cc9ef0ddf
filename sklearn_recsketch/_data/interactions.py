"""The data contract: what a table of interactions must look like, and every error about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.column_names import are_swapped, is_time, suggested_pair, third_is_id
from sklearn_recsketch._data.frames import columns_of, frame_library, unmasked
from sklearn_recsketch._data.ids import IdColumn, encode_ids
from sklearn_recsketch._data.strengths import check_strengths

__all__ = [
    "InteractionSource",
    "Interactions",
    "check_history",
    "check_interactions",
    "check_rows",
]

MANY_COLUMNS = 12  # more than a table of interactions has, so that it may be a matrix


@dataclass(frozen=True)
class Interactions:
    """A validated table of interactions.

    Attributes
    ----------
    users, items : IdColumn
        The two id columns.
    y : ndarray of shape (n_rows,), dtype float64
        Strength as passed, a single 1 broadcast to all rows where it was None. Relevance in metrics is ``y > 0``.
    weight : ndarray of shape (n_rows,), dtype float64 or float32, or None
        The optional third column; scales training only.
    library : str or None
        Frame library of X, None for arrays.
    names : list of str or None
        Column names of X, None for arrays.
    """

    users: IdColumn
    items: IdColumn
    y: np.ndarray
    weight: np.ndarray | None
    library: str | None
    names: list[str] | None

    @property
    def n_columns(self) -> int:
        """Number of columns X had."""
        return 2 if self.weight is None else 3

    def taken(self, rows: np.ndarray) -> Interactions:
        """Some of the rows, chosen by number or mask; the ids stay as they are."""
        users, items = (IdColumn(column.codes[rows], column.ids) for column in (self.users, self.items))
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, users=users, items=items, y=self.y[rows], weight=weight)

    @property
    def strength(self) -> np.ndarray:
        """Training strength of each row: y times the weight column."""
        if self.weight is None:
            return self.y
        ones = self.y.strides == (0,) and bool((self.y[:1] == 1).all())  # as where y was None: no product to be made
        return self.weight if ones else self.y * self.weight

    def frame(self, rows: Any = slice(None)) -> pd.DataFrame:
        """The table, or some of its rows, as a frame with ids as categories."""
        names = self.names or ["user", "item", "weight"]
        columns: dict[str, Any] = {
            name: pd.Categorical.from_codes(column.codes[rows], categories=pd.Index(column.ids))
            for name, column in zip(names, (self.users, self.items), strict=False)
        }
        if self.weight is not None:
            columns[names[2]] = self.weight[rows]
        return pd.DataFrame(columns)


class InteractionSource(ABC):
    """Interactions that are elsewhere, and are read as a whole when they are needed."""

    @abstractmethod
    def _read(self, weighted: bool) -> Interactions:
        """Read, check and encode all rows; weights only where `weighted`."""

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        # What scikit-learn does to whatever it is to cut into rows, and has no rows to be cut.
        raise TypeError(_no_rows(self))


def _no_rows(source: InteractionSource) -> str:
    return (
        f"{source!r} is read as a whole and has no rows to choose from, as splitters and searches do. Pass them a "
        f"frame such as pd.concat(source.batches()), or fit on a file of training rows and score on one of test rows."
    )


def check_interactions(X: Any, y: Any = None, *, name: str = "X", weighted: bool = True) -> Interactions:
    """Check a table of interactions and encode its ids.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3), or InteractionSource
        User id, item id and, optionally, a training weight, by position.
    y : array-like of shape (n_rows,), default=None
        Strengths, finite and not negative; None means 1. A source has none beside its own.
    name : str, default="X"
        What to call X in errors.
    weighted : bool, default=True
        Whether the third column is read, as a training weight. If False it is not looked at, whatever it contains.

    Raises
    ------
    TypeError, ValueError
        With the rule, what was received, the first offending row and what to write instead.
    """
    if isinstance(X, InteractionSource):
        if y is not None:
            raise ValueError(
                f"y was given with {X!r}, whose strengths are a column of its own. Leave y out and name the column: "
                f"ParquetInteractions(path, weight='count')."
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
    return Interactions(
        users=encode_ids(columns[0], "user", names and names[0]),
        items=encode_ids(columns[1], "item", names and names[1]),
        y=strength,
        weight=weight,
        library=library,
        names=names,
    )


def check_history(history: Any, name: str) -> Interactions | None:
    """`check_interactions` of a history given to a query, None where there is none or it has no rows."""
    shape = getattr(history, "shape", None)
    empty = shape[0] == 0 if shape else isinstance(history, list | tuple) and not history
    return None if history is None or empty else check_interactions(history, name=name)


def check_rows(X: Any, y: Any = None) -> Interactions:
    """`check_interactions` of a table whose rows are to be told apart, and not weighted."""
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
            f"{name} is a {type(X).__name__}, but each row of {name} must be one interaction. Items by user become a "
            f"table with pd.Series({name}).explode().reset_index(), columns with pd.DataFrame({name})."
        )
    if isinstance(X, pd.Series):
        raise TypeError(
            f"{name} is a Series, but each row of {name} must be one interaction of a user with an item. Items by user "
            f"become a table with {name}.explode().reset_index()."
        )
    if isinstance(X, list | tuple):
        _refuse_ragged(X, name)
        # As objects: np.asarray(["u", 1]) would turn the integer into text.
        X = np.array(X, dtype=object)
    # Frames that are not in memory: Spark's, dask's, and the lazy ones of polars.
    for method in ("toPandas", "compute", "collect"):
        if hasattr(X, method):
            raise TypeError(f"{name} is a lazy frame, whose rows are not in memory: pass {name}.{method}().")
    X = np.asarray(unmasked(X) if isinstance(X, np.ndarray) else X)
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
    """Raise where the rows of a list are lists of several lengths, as those of items by user are."""
    lengths = [len(row) for row in rows if isinstance(row, list | tuple)]
    if len(lengths) == len(rows) and len(set(lengths)) > 1:
        place = next(place for place, length in enumerate(lengths) if length != lengths[0])
        raise ValueError(
            f"{name} must have one row per interaction, with a user id and an item id, but row 0 has {lengths[0]} "
            f"values and row {place} has {lengths[place]}. A user with several items has a row for each of them."
        )


def _selection(names: list[Any], name: str, library: str | None) -> str:
    """How to select columns of a frame."""
    return f"{name}.select({names})" if library == "pyarrow" else f"{name}[{names}]"


def _how_to_select(X: Any, names: list[str] | None, name: str, library: str | None) -> str:
    """What to write where a table has too few columns, or others beside users and items."""
    order = "Select them in this order, for example"
    wide = ""
    if X.shape[1] > MANY_COLUMNS:
        wide = (
            f" A user x item matrix becomes a table with X, y = "
            f"sklearn_recsketch.preprocessing.interactions_from_matrix({name})."
        )
    if names is None:
        return f"{order} {name}[['user', 'item']] of a frame or {name}[:, :2] of an array.{wide}"
    labels = list(X.columns) if library == "pandas" else names  # those of pandas may be numbers
    if len(labels) == 1:
        return f"Its column is {labels[0]!r}. Add the ids of the other side."
    pair = suggested_pair(names) or names[:2]
    select = _selection([labels[names.index(one)] for one in pair], name, library)
    more = f" and {len(labels) - MANY_COLUMNS} more" if wide else ""
    return f"Its columns are {labels[:MANY_COLUMNS]}{more}. {order} {select}.{wide}"


def _refuse_swapped(names: list[str] | None, name: str, library: str | None) -> None:
    if names is not None and are_swapped(names):
        raise ValueError(
            f"The columns of {name} are {names[0]!r}, {names[1]!r}: users come first. "
            f"Write {_selection([names[1], names[0]], name, library)}; if {names[0]!r} does hold the users, "
            f"rename the columns or pass {name}.to_numpy()."
        )


def _refuse_other_weight(column: Any, names: list[str] | None, name: str, library: str | None) -> None:
    """Raise where a third column holds times or ids, by its name or by its type."""
    third = "" if names is None else names[2]
    pair = f"{name}[:, :2]" if names is None else _selection(names[:2], name, library)
    groups = f"{name}[:, 2]" if names is None else f"{name}[{third!r}]"
    rename = "" if names is None else f" If {third!r} does hold weights, rename it."
    which = f"The third column of {name}" if names is None else f"The third column of {name}, {third!r},"
    if is_time(third) or _holds_times(column):
        raise ValueError(
            f"{which} holds times, but a third column weights the rows in training. Write {pair}. To split by time, "
            f"pass the times as groups: TemporalUserSplit().split({pair}, groups={groups}).{rename}"
        )
    if names is not None and third_is_id(names):
        ids = suggested_pair(names)
        raise ValueError(
            f"{which} holds ids by its name, but a third column weights the rows in training. Write "
            f"{pair if ids is None else _selection(list(ids), name, library)}.{rename}"
        )


def _holds_times(column: Any) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.dtype.categories
    times = ("datetime", "datetime64", "date", "time", "period")
    return bool(len(column)) and pd.api.types.infer_dtype(column, skipna=True) in times
