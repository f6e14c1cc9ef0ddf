"""The data contract: what a table of interactions must look like, and every error about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch.utils._frames import columns_of, frame_library
from sklearn_recsketch.utils._ids import IdColumn, encode_ids, show_id

__all__ = [
    "InteractionSource",
    "Interactions",
    "are_swapped",
    "check_interactions",
    "check_k",
    "check_rows",
    "refuse_bad_strengths",
]

USER_NAMES = {"user", "users", "user_id", "userid", "uid", "customer", "customer_id", "member", "member_id"}
ITEM_NAMES = {
    "item", "items", "item_id", "itemid", "iid", "mid", "product", "product_id", "movie", "movie_id",
    "movieid", "article", "article_id", "track", "track_id", "song", "song_id", "asin", "sku",
}  # fmt: skip


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
    def _read(self) -> Interactions:
        """Read, check and encode all rows."""

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        # What scikit-learn does to whatever it is to cut into rows, and has no rows to be cut.
        raise TypeError(_no_rows(self))


def _no_rows(source: InteractionSource) -> str:
    return (
        f"{source!r} is read as a whole and has no rows to choose from, as splitters and searches do. Pass them a "
        f"frame such as pd.concat(source.batches()), or fit on a file of training rows and score on one of test rows."
    )


def check_interactions(X: Any, y: Any = None, *, name: str = "X") -> Interactions:
    """Check a table of interactions and encode its ids.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3), or InteractionSource
        User id, item id and, optionally, a training weight, by position.
    y : array-like of shape (n_rows,), default=None
        Strengths, finite and not negative; None means 1. A source has none beside its own.
    name : str, default="X"
        What to call X in errors.

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
        return X._read()
    X = _as_table(X, name)
    columns, names = columns_of(X)
    if not columns:
        raise ValueError(
            f"{name} is empty: found array with 0 feature(s) (shape={tuple(X.shape)}) while a minimum of 2 is required."
        )
    if len(columns) not in (2, 3):
        raise ValueError(
            f"{name} has {len(columns)} feature(s) in {len(columns[0])} sample(s), but a recommender expects "
            f"2 features: user id and item id, or 3 with a training weight. Select them in this order, for example "
            f"{name}[['user', 'item']] of a frame or {name}[:, :2] of an array."
        )
    _refuse_swapped(names, name)
    n_rows = len(columns[0])
    if n_rows == 0:
        raise ValueError(
            f"{name} is empty: found array with 0 sample(s) (shape=(0, {len(columns)})) while a minimum of 1 is "
            f"required. Each row is one interaction of a user with an item."
        )
    weight = None if len(columns) == 2 else _check_strength(columns[2], n_rows, f"the weight column of {name}")
    strength = np.broadcast_to(1.0, n_rows) if y is None else _check_strength(y, n_rows, "y")
    return Interactions(
        users=encode_ids(columns[0], "user"),
        items=encode_ids(columns[1], "item"),
        y=strength,
        weight=weight,
        library=frame_library(X) if names is not None else None,
        names=names,
    )


def check_rows(X: Any, y: Any = None) -> Interactions:
    """`check_interactions` of a table whose rows are to be told apart."""
    if isinstance(X, InteractionSource):
        raise TypeError(_no_rows(X))
    return check_interactions(X, y)


def check_k(k: Any, name: str = "k", least: int = 1) -> int:
    """A cutoff, or a number of something else, as an int."""
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {k!r}.")
    return int(k)


def _as_table(X: Any, name: str) -> Any:
    if sp.issparse(X):
        raise TypeError(
            f"{name} is a sparse matrix, but each row of {name} must be one interaction. Convert a user x item matrix "
            f"with X, y = sklearn_recsketch.preprocessing.interactions_from_matrix({name}); "
            f"sparse input is not supported here."
        )
    if frame_library(X) is not None:
        return X
    if isinstance(X, list | tuple):
        # As objects: np.asarray(["u", 1]) would turn the integer into text.
        X = np.array(X, dtype=object)
    if hasattr(X, "collect"):
        raise TypeError(f"{name} is a lazy frame: pass {name}.collect().")
    X = np.asarray(X)
    if X.ndim != 2:
        raise ValueError(
            f"{name} must be two-dimensional with one row per interaction, got an array of shape {X.shape}. "
            f"Reshape your data: two id arrays become {name} = np.column_stack([users, items])."
        )
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: the ids of {name} are {X.dtype}.")
    return X


def are_swapped(names: list[str]) -> bool:
    """Whether columns are called as if items came before users."""
    return names[0].lower() in ITEM_NAMES and names[1].lower() in USER_NAMES


def _refuse_swapped(names: list[str] | None, name: str) -> None:
    if names is not None and are_swapped(names):
        raise ValueError(
            f"The columns of {name} are {names[0]!r}, {names[1]!r}: users come first. "
            f"Write {name}[[{names[1]!r}, {names[0]!r}]]; if {names[0]!r} does hold the users, "
            f"rename the columns or pass {name}.to_numpy()."
        )


def _check_strength(values: Any, n_rows: int, name: str) -> np.ndarray:
    if isinstance(values, list | tuple):
        values = np.array(values, dtype=object)  # [1, "many"] would become text as a whole
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional with one strength per interaction, got an array of shape {array.shape}."
        )
    if len(array) != n_rows:
        raise ValueError(
            f"{name} has {len(array)} values for {n_rows} rows of X: inconsistent numbers of samples. "
            f"Give one strength per interaction, or None for 1 each."
        )
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} is {array.dtype}.")
    try:
        if array.dtype.kind in "mMUST" or (array.dtype == object and any(isinstance(v, str) for v in array)):
            raise TypeError
        strength = array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        row, value = next(((r, v) for r, v in enumerate(array) if not _is_number(v)), (0, array[0]))
        raise ValueError(
            f"{name} must be numbers, but row {row} is {show_id(value)} of type {type(value).__name__}."
        ) from None
    refuse_bad_strengths(strength, name)
    return strength


def refuse_bad_strengths(strength: np.ndarray, name: str, show_row: Callable[[int], str] = "row {}".format) -> None:
    """Raise for the first strength that is no finite number of at least 0, or that float32 cannot hold."""
    bad = ~np.isfinite(strength) | (strength < 0)
    if bad.any():
        row = int(np.argmax(bad))
        value = strength[row]
        kind = "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else "negative"
        raise ValueError(
            f"{name} must be finite and not negative, but {show_row(row)} is {kind}: {show_id(value)}. "
            f"Drop the row, or set its strength to 0 for 'no interaction'."
        )
    limits = np.finfo(np.float32)
    extreme = (strength > 0) & ((strength < limits.tiny) | (strength > limits.max))
    if extreme.any():
        row = int(np.argmax(extreme))
        raise ValueError(
            f"{name} must be 0 or between {limits.tiny:.2g} and {limits.max:.2g}, as models keep it in float32, but "
            f"{show_row(row)} is {show_id(strength[row])}. Scale the strengths."
        )


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
