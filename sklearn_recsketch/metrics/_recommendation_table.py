"""Tables of recommendations: read, and compared with relevant pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import columns_of, frame_library
from sklearn_recsketch._data.ids import IdColumn, encode_ids, lookup, show_id
from sklearn_recsketch._data.interactions import Interactions, check_interactions
from sklearn_recsketch._data.matrix import pair_keys

__all__ = ["Judged", "RankedTable", "averaged", "distinct_pairs", "judge_table", "read_table"]


@dataclass(frozen=True)
class RankedTable:
    """What :meth:`recommend` returns.

    Attributes
    ----------
    users, items : IdColumn
    rank : ndarray of shape (n_rows,)
        From 1, each once per user.
    """

    users: IdColumn
    items: IdColumn
    rank: np.ndarray

    def first(self, k: int) -> RankedTable:
        """The first k places of each list."""
        rows = self.rank <= k
        users, items = (IdColumn(column.codes[rows], column.ids) for column in (self.users, self.items))
        return RankedTable(users, items, self.rank[rows])


@dataclass(frozen=True)
class Judged:
    """Which rows of a table are relevant.

    Attributes
    ----------
    truth : Interactions
        The relevant rows, by which users and items are numbered here.
    pairs : ndarray of shape (n_pairs, 2)
        Its distinct pairs, sorted.
    user : ndarray of shape (n_rows,)
        User of each row of the table, -1 where she has no relevant pair.
    pair : ndarray of shape (n_rows,)
        Which of the pairs the row is, -1 where it is not relevant.
    """

    truth: Interactions
    pairs: np.ndarray
    user: np.ndarray
    pair: np.ndarray

    @property
    def users(self) -> np.ndarray:
        """Ids of the users with relevant pairs, sorted."""
        return self.truth.users.ids

    @property
    def n_relevant(self) -> np.ndarray:
        """Distinct relevant items of each user."""
        return np.bincount(self.pairs[:, 0])


def read_table(recommended: Any, k: int = 1) -> RankedTable:
    """Check a table of recommendations that is to be at least `k` deep."""
    columns = _columns(recommended)
    rank = np.asarray(columns["rank"])
    if not len(rank) or rank.max() < k:
        deepest = int(rank.max()) if len(rank) else 0
        raise ValueError(
            f"The table of recommendations is {deepest} deep, which is not enough for k={k}. "
            f"Make it with recommend(..., k={k}); if no user has so many items left, a smaller k measures as much."
        )
    users = encode_ids(columns["user"], "user")
    if rank.dtype.kind not in "iu" or rank.min() < 1:
        raise ValueError(
            "The ranks of a table of recommendations must be whole numbers from 1, each once per user; "
            "the best item has rank 1. recommend() numbers them so."
        )
    repeated = pd.DataFrame({"user": users.codes, "rank": rank}).duplicated()
    if repeated.any():
        row = int(np.argmax(repeated))
        raise ValueError(
            f"A table of recommendations must have each rank once per user, but row {row} repeats rank {rank[row]} of "
            f"the user {show_id(users.ids[users.codes[row]])}. A user who is named twice gets her list twice: name "
            f"each once, recommend(X['user'].unique())."
        )
    items = encode_ids(columns["item"], "item")
    twice = pd.DataFrame({"user": users.codes, "item": items.codes}).duplicated()
    if twice.any():
        row = int(np.argmax(twice))
        raise ValueError(
            f"A list of recommendations must have each item once, but row {row} repeats the item "
            f"{show_id(items.ids[items.codes[row]])} of the user {show_id(users.ids[users.codes[row]])}. "
            f"Drop repeated rows and number the ranks again."
        )
    return RankedTable(users, items, rank)


def judge_table(X_true: Any, table: RankedTable) -> Judged:
    """Find the relevant pairs among the rows of a table."""
    truth = check_interactions(X_true, name="X_true", weighted=False)
    pairs = distinct_pairs(truth)
    n_items = len(truth.items.ids)
    keys = pairs[:, 0] * n_items + pairs[:, 1]
    user = lookup(truth.users.ids, table.users, "user", "those of X_true are")
    item = lookup(truth.items.ids, table.items, "item", "those of X_true are")
    asked = np.where((user >= 0) & (item >= 0), user * n_items + item, -1)
    pair = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return Judged(truth, pairs, user, np.where(keys[pair] == asked, pair, -1))


def distinct_pairs(interactions: Interactions) -> np.ndarray:
    """Codes of user and item of each distinct pair, sorted."""
    return np.column_stack(np.divmod(np.unique(pair_keys(interactions)), len(interactions.items.ids)))


def averaged(values: np.ndarray, users: np.ndarray, name: str, per_user: bool) -> Any:
    """The values as a Series by user, or their mean."""
    return pd.Series(values, index=pd.Index(users, name="user"), name=name) if per_user else float(values.mean())


def _columns(recommended: Any) -> dict[str, Any]:
    if frame_library(recommended) is None:
        raise TypeError(
            f"recommended must be the table that recommend() returns, got {type(recommended).__name__}. "
            f"The columns user, rank and item are needed."
        )
    values, names = columns_of(recommended)
    columns = dict(zip(names or [], values, strict=True))
    missing = [name for name in ("user", "rank", "item") if name not in columns]
    if missing:
        raise ValueError(f"recommended lacks the columns {missing}; it has {names}. Pass the table of recommend().")
    return columns
