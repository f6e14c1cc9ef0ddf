"""Validate recommendation tables and find their relevant pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import columns_of, frame_library
from sklearn_recsketch._data.ids import IdColumn, encode_ids, lookup, show_id
from sklearn_recsketch._data.interactions import Interactions, check_interactions
from sklearn_recsketch._data.matrix import pair_keys

__all__ = ["RankedTable", "RelevantRows", "averaged", "distinct_pairs", "find_relevant_rows", "read_table"]


@dataclass(frozen=True)
class RankedTable:
    """Validated table of recommendations, as returned by ``recommend``.

    Attributes
    ----------
    users, items : IdColumn
        User and item of each row.
    rank : ndarray of shape (n_rows,)
        Rank of each row, starting at 1. Each rank occurs at most once per user.
    """

    users: IdColumn
    items: IdColumn
    rank: np.ndarray

    def first(self, k: int) -> RankedTable:
        """Return the rows with a rank of at most k."""
        rows = self.rank <= k
        users, items = (IdColumn(column.codes[rows], column.ids) for column in (self.users, self.items))
        return RankedTable(users, items, self.rank[rows])


@dataclass(frozen=True)
class RelevantRows:
    """Relevant rows of a table of recommendations.

    Attributes
    ----------
    truth : Interactions
        Relevant user-item pairs. The other attributes use the same user and item codes.
    pairs : ndarray of shape (n_pairs, 2)
        Distinct pairs in `truth`, sorted.
    user : ndarray of shape (n_rows,)
        User code of each table row, or -1 if the user has no relevant pair.
    pair : ndarray of shape (n_rows,)
        Index into `pairs` for each table row, or -1 if the row is not relevant.
    """

    truth: Interactions
    pairs: np.ndarray
    user: np.ndarray
    pair: np.ndarray

    @property
    def users(self) -> np.ndarray:
        """Sorted ids of the users with relevant pairs."""
        return self.truth.users.ids

    @property
    def n_relevant(self) -> np.ndarray:
        """Number of distinct relevant items of each user."""
        return np.bincount(self.pairs[:, 0])


def read_table(recommended: Any, k: int = 1) -> RankedTable:
    """Validate a table of recommendations.

    At least one list in the table must extend to rank `k`.
    """
    columns = _columns(recommended)
    rank = np.asarray(columns["rank"])
    if not len(rank) or rank.max() < k:
        largest = int(rank.max()) if len(rank) else 0
        raise ValueError(
            f"The largest rank in the table of recommendations is {largest}, which is not enough for k={k}. "
            f"Make the table with recommend(..., k={k}), or use a smaller k if no user has {k} candidates."
        )
    users = encode_ids(columns["user"], "user")
    if rank.dtype.kind not in "iu" or rank.min() < 1:
        raise ValueError(
            "The ranks of a table of recommendations must be integers from 1, each once per user. The best item has "
            "rank 1, as in the tables of recommend()."
        )
    repeated = pd.DataFrame({"user": users.codes, "rank": rank}).duplicated()
    if repeated.any():
        row = int(np.argmax(repeated))
        raise ValueError(
            f"A table of recommendations must have each rank once per user, but row {row} repeats rank {rank[row]} of "
            f"the user {show_id(users.ids[users.codes[row]])}. A user who is passed to recommend() twice gets two "
            f"lists: pass each user once, as in recommend(X['user'].unique())."
        )
    items = encode_ids(columns["item"], "item")
    repeated = pd.DataFrame({"user": users.codes, "item": items.codes}).duplicated()
    if repeated.any():
        row = int(np.argmax(repeated))
        raise ValueError(
            f"A list of recommendations must have each item once, but row {row} repeats the item "
            f"{show_id(items.ids[items.codes[row]])} of the user {show_id(users.ids[users.codes[row]])}. "
            f"Drop repeated rows and renumber the ranks."
        )
    return RankedTable(users, items, rank)


def find_relevant_rows(X_true: Any, table: RankedTable) -> RelevantRows:
    """Find the table rows that contain relevant pairs."""
    truth = check_interactions(X_true, name="X_true", weighted=False)
    pairs = distinct_pairs(truth)
    n_items = len(truth.items.ids)
    keys = pairs[:, 0] * n_items + pairs[:, 1]
    user = lookup(truth.users.ids, table.users, "user", "those of X_true are")
    item = lookup(truth.items.ids, table.items, "item", "those of X_true are")
    row_keys = np.where((user >= 0) & (item >= 0), user * n_items + item, -1)
    pair = np.minimum(np.searchsorted(keys, row_keys), len(keys) - 1)
    return RelevantRows(truth, pairs, user, np.where(keys[pair] == row_keys, pair, -1))


def distinct_pairs(interactions: Interactions) -> np.ndarray:
    """Return the distinct pairs of user and item codes, sorted."""
    return np.column_stack(np.divmod(np.unique(pair_keys(interactions)), len(interactions.items.ids)))


def averaged(values: np.ndarray, users: np.ndarray, name: str, per_user: bool) -> Any:
    """Return the mean of the values, or a Series indexed by user if `per_user` is True."""
    return pd.Series(values, index=pd.Index(users, name="user"), name=name) if per_user else float(values.mean())


def _columns(recommended: Any) -> dict[str, Any]:
    """Return a dict that maps column names to the columns of a recommendation table."""
    if frame_library(recommended) is None:
        raise TypeError(
            f"recommended must be a table returned by recommend(), with the columns user, rank and item, "
            f"got {type(recommended).__name__}."
        )
    values, names = columns_of(recommended)
    columns = dict(zip(names or [], values, strict=True))
    missing = [name for name in ("user", "rank", "item") if name not in columns]
    if missing:
        raise ValueError(
            f"recommended lacks the columns {missing}; it has {names}. Pass the table returned by recommend()."
        )
    return columns
