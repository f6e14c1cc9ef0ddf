"""Queries for recommendations: users, candidates and exclusions, with optional features and histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import IdColumn, are_all, check_same_kind, lookup, show_id
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import present_ids
from sklearn_recsketch._ranking.candidates import (
    ItemSelection,
    Pairs,
    check_selection_users,
    drop_excluded,
    matrix_of_pairs,
    pairs_per_user,
    read_item_selection,
    select_items,
)
from sklearn_recsketch._ranking.eligible import Eligible, eligible, pair_matrix, select_rows
from sklearn_recsketch.preprocessing._side_features import SideFeatures

__all__ = ["Query", "QueryContext", "build_query", "check_query_ids", "known_rows", "ranked_table"]


@dataclass(frozen=True)
class QueryContext:
    """Features and histories that are passed with a query, either for users or for items.

    Attributes
    ----------
    features : SideFeatures or None
    history : Interactions or None
    """

    features: SideFeatures | None = None
    history: Interactions | None = None

    def ids(self, name: str) -> np.ndarray | None:
        """Return the sorted ids that have features or a history, or None if neither was passed."""
        parts = []
        if self.history is not None:
            # A user is included even if no interaction has a positive strength; an item is not.
            column = self.history.users if name == "user" else self.history.items
            positive = self.history.strength > 0
            parts.append(column.ids if name == "user" else present_ids(column, positive))
        if self.features is not None:
            parts.append(self.features.ids)
        if len(parts) == 2:
            check_same_kind(parts[0], parts[1], f"The {name} ids of the history", f"those of {name}_features are")
        return np.unique(np.concatenate(parts)) if parts else None

    def history_matrix(self, name: str, query_ids: IdColumn, other_ids: np.ndarray) -> tuple[np.ndarray, sp.csr_array]:
        """Convert the histories to a matrix of interaction strengths.

        Parameters
        ----------
        name : {"user", "item"}
            Whether the histories belong to users or to items.
        query_ids : IdColumn
            Ids in the query.
        other_ids : ndarray
            Sorted ids that the model knows: item ids for user histories, and user ids for item histories.

        Returns
        -------
        positions : ndarray of shape (n_rows,)
            Positions in `query_ids` of the ids that have a history.
        matrix : csr_array of shape (n_rows, n_columns), dtype float32
            Sums of interaction strengths. The columns correspond to `other_ids`, followed by the sorted ids that occur
            in the histories but are not in `other_ids`.
        """
        history = self.history
        if history is None:
            return np.zeros(0, dtype=np.intp), sp.csr_array(np.zeros((0, len(other_ids)), dtype=np.float32))
        ids, others = _sides(history, name)
        rows = lookup(query_ids.ids, ids, name, f"the {name}s of the query are")
        columns = lookup(other_ids, others, "item" if name == "user" else "user")
        unknown, place = np.unique(others.codes[columns < 0], return_inverse=True)
        columns[columns < 0] = len(other_ids) + place
        keep = (rows >= 0) & (history.strength > 0)
        shape = (len(query_ids.ids), len(other_ids) + len(unknown))
        by_id = sp.coo_array((history.strength[keep], (rows[keep], columns[keep])), shape=shape).tocsr()
        by_id.sum_duplicates()
        positions = np.flatnonzero(np.diff(by_id.indptr)[query_ids.codes])
        codes = query_ids.codes[positions]
        matrix = by_id if are_all(codes, len(query_ids.ids)) else by_id[codes]
        return positions, sp.csr_array(matrix.astype(np.float32, copy=False))

    def pair(self, name: str, query_ids: IdColumn, other_ids: np.ndarray, row: int, column: int) -> tuple[Any, Any]:
        """Return the user id and the item id that belong to an entry of `history_matrix`."""
        assert self.history is not None
        _, others = _sides(self.history, name)
        unknown = others.ids[lookup(other_ids, IdColumn(np.arange(len(others.ids)), others.ids), name) < 0]
        positions, _ = self.history_matrix(name, query_ids, other_ids)
        ids = query_ids.ids[query_ids.codes[positions[row]]], np.concatenate([other_ids, unknown])[column]
        return ids if name == "user" else ids[::-1]


@dataclass(frozen=True)
class Query:
    """Users and items of a query.

    Attributes
    ----------
    users : IdColumn
        Users in the order of the query. A user may occur several times.
    user_codes : ndarray
        Row index of each user in the model, or -1 if the user is unknown.
    item_ids, item_codes : ndarray
        Sorted ids of all items that may be recommended to any user, and their row indices in the model. The row index
        of an unknown item is -1.
    candidates : Pairs or None
        Items that may be recommended to each user. If None, all items may be recommended.
    exclusions : Pairs or None
        Items that are excluded for individual users. Items that are excluded for all users do not occur in `item_ids`.
    """

    users: IdColumn
    user_codes: np.ndarray
    item_ids: np.ndarray
    item_codes: np.ndarray
    candidates: Pairs | None = None
    exclusions: Pairs | None = None

    @property
    def user_ids(self) -> np.ndarray:
        """User ids in the order of the query."""
        return self.users.ids[self.users.codes]

    @property
    def items(self) -> IdColumn:
        """Item ids as an `IdColumn`."""
        return IdColumn(np.arange(len(self.item_ids)), self.item_ids)

    def eligible(self, seen: sp.csr_array | None, *histories: Interactions | None) -> Eligible:
        """Return the items that may be recommended to each user.

        Parameters
        ----------
        seen : csr_array of shape (n_known_users, n_known_items) or None
            Interactions passed to fit. Each user's items in these interactions are excluded for this user.
        *histories : Interactions or None
            Further interactions. Pairs with a positive strength are excluded.
        """
        excluded = [] if seen is None or np.all(self.user_codes < 0) else [self._in_query(seen)]
        for history in histories:
            if history is not None:
                positive = history.take(history.strength > 0)
                excluded.append(matrix_of_pairs(Pairs(positive.users, positive.items), self.users, self.item_ids))
        candidates, exclusions = (
            None if pairs is None else matrix_of_pairs(pairs, self.users, self.item_ids)
            for pairs in (self.candidates, self.exclusions)
        )
        if exclusions is not None:
            excluded.append(exclusions)
        return eligible(sum(excluded[1:], start=excluded[0]) if excluded else None, candidates)

    def _in_query(self, seen: sp.csr_array) -> sp.csr_array:
        """Select the matrix rows and columns that belong to the query.

        The rows and columns of unknown ids are empty.
        """
        if not are_all(self.user_codes, seen.shape[0]):
            seen = select_rows(seen, self.user_codes)
        if not are_all(self.item_codes, seen.shape[1]):
            n_items = len(self.item_codes)
            seen = sp.csr_array(seen @ pair_matrix(self.item_codes, np.arange(n_items), (seen.shape[1], n_items)))
            seen.sort_indices()
        return seen


def build_query(
    known_users: np.ndarray,
    known_items: np.ndarray,
    interactions: sp.csr_array,
    users: Any = None,
    user_context: QueryContext = QueryContext(),
    item_context: QueryContext = QueryContext(),
    candidates: Any = None,
    exclude: Any = None,
) -> Query:
    """Check the arguments of `recommend` and look up their ids in the model.

    Parameters
    ----------
    known_users, known_items : ndarray
        Sorted ids of the users and items that the model knows.
    interactions : csr_array of shape (n_users, n_items)
        Interactions passed to fit.
    users, candidates, exclude : Any
        Arguments of `recommend`.
    user_context, item_context : QueryContext
        Features and histories of the users and the items, respectively.

    Returns
    -------
    Query
    """
    candidates, exclude = read_item_selection(candidates, "candidates"), read_item_selection(exclude, "exclude")
    column = _query_users(users, candidates, user_context, known_users)
    check_selection_users(candidates, "candidates", "user", column.ids, known_users)
    check_selection_users(exclude, "exclude", "user", column.ids, known_users)
    new = item_context.ids("item")
    if new is not None:
        new = new[lookup(known_items, IdColumn(np.arange(len(new)), new), "item") < 0]
    items, item_codes = select_items(candidates, known_items, interactions, "item", new)
    items, item_codes = drop_excluded(items, item_codes, exclude, "item")
    codes = lookup(known_users, column, "user")
    return Query(column, codes, items, item_codes, pairs_per_user(candidates), pairs_per_user(exclude))


def check_query_ids(ids: Any, name: str, known: np.ndarray) -> IdColumn:
    """Check the ids of a query.

    An empty list is converted to the data type of the known ids.
    """
    column = check_id_list(ids, name)
    return column if len(column.ids) else IdColumn(column.codes, known[:0])


def known_rows(recommender: Any, name: str, ids: Any, reason: str) -> tuple[np.ndarray, np.ndarray]:
    """Convert one or several ids to an array, and look up their row indices in a fitted recommender.

    Raises
    ------
    ValueError
        If an id is unknown. The error message ends with `reason`.
    """
    known = recommender.users_ if name == "user" else recommender.items_
    column = check_query_ids(ids, name, known)
    ids = column.ids[column.codes]
    rows = lookup(known, column, name)
    if (rows < 0).any():
        raise ValueError(f"The {name} {show_id(ids[int(np.argmax(rows < 0))])} is unknown: {reason}")
    return ids, rows


def _query_users(users: Any, candidates: ItemSelection | None, context: QueryContext, known: np.ndarray) -> IdColumn:
    """Return the users of a query.

    If `users` is None, the query contains the users who have their own candidates. If no user has their own candidates,
    it contains the users in the context. If the context is empty, it contains all known users.
    """
    if users is not None:
        return check_query_ids(users, "user", known)
    own = pairs_per_user(candidates)
    ids = context.ids("user") if own is None else own.users.ids
    ids = known if ids is None else ids
    return IdColumn(np.arange(len(ids)), ids)


def _sides(history: Interactions, name: str) -> tuple[IdColumn, IdColumn]:
    """Return both id columns of a history, starting with the column that `name` specifies."""
    return (history.users, history.items) if name == "user" else (history.items, history.users)


def ranked_table(
    name: str,
    ids: np.ndarray,
    other_name: str,
    other_ids: np.ndarray,
    best: np.ndarray,
    scores: np.ndarray,
    library: str,
) -> Any:
    """Convert ranked lists to a table with the columns `name`, "rank", `other_name` and "score".

    Parameters
    ----------
    name, other_name : str
        Column names. The column `name` contains the ids for which lists were computed, and the column `other_name`
        contains the ids in these lists.
    ids, other_ids : ndarray
        Ids for the two columns. Row r of `best` is the list for ``ids[r]``, and its values are positions in
        `other_ids`.
    best : ndarray of shape (len(ids), k)
        Positions in `other_ids`, sorted from best to worst. The value -1 marks the positions after the end of a list.
    scores : ndarray of the same shape
    library : {"pandas", "polars"}

    Returns
    -------
    frame
        Table with one row per list element. Ranks start at 1.
    """
    found = best >= 0
    row, rank = np.nonzero(found)
    columns = {name: ids[row], "rank": rank + 1, other_name: other_ids[best[found]], "score": scores[found]}
    return make_table(columns, library, copy=False)
