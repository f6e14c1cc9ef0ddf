"""Who is to get recommendations, from which items, and what must not be among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import IdColumn, check_same_kind, lookup, lookup_unsorted, show_id
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import present_ids
from sklearn_recsketch._ranking.candidates import (
    ItemSelection,
    Pairs,
    check_selection_users,
    matrix_of_pairs,
    pairs_per_user,
    read_item_selection,
    select_items,
)
from sklearn_recsketch._ranking.eligible import Eligible, eligible
from sklearn_recsketch.preprocessing._side_features import SideFeatures

__all__ = ["Query", "QueryContext", "build_query", "check_query_ids", "known_rows", "ranked_table"]


@dataclass(frozen=True)
class QueryContext:
    """What a query says of users or of items beyond what the model knows."""

    features: SideFeatures | None = None
    history: Interactions | None = None

    def ids(self, name: str) -> np.ndarray | None:
        """Ids that it says something of, sorted; None if it says nothing."""
        parts = []
        if self.history is not None:
            # A user is asked for by being named; an item of strength 0 is one that nobody had.
            column, positive = getattr(self.history, f"{name}s"), self.history.strength > 0
            parts.append(column.ids if name == "user" else present_ids(column, positive))
        if self.features is not None:
            parts.append(self.features.ids)
        if len(parts) == 2:
            check_same_kind(parts[0], parts[1], f"The {name} ids of the history", f"those of {name}_features are")
        return np.unique(np.concatenate(parts)) if parts else None

    def history_matrix(self, name: str, asked: IdColumn, others: np.ndarray) -> tuple[np.ndarray, sp.csr_array]:
        """Positions of the asked ids that have a history, and it as a matrix.

        It has a column for each known other, then one for each other that the model does not know, sorted by id.
        """
        past = self.history
        if past is None:
            return np.zeros(0, dtype=np.intp), sp.csr_array(np.zeros((0, len(others)), dtype=np.float32))
        own, partners = (past.users, past.items) if name == "user" else (past.items, past.users)
        position = lookup_unsorted(asked.ids, own, name, f"the {name}s asked for are")
        columns = lookup(others, partners, "item" if name == "user" else "user")
        unknown, place = np.unique(partners.codes[columns < 0], return_inverse=True)
        columns[columns < 0] = len(others) + place
        keep = (position >= 0) & (past.strength > 0)
        shape = (len(asked.ids), len(others) + len(unknown))
        by_id = sp.coo_array((past.strength[keep], (position[keep], columns[keep])), shape=shape).tocsr()
        by_id.sum_duplicates()
        rows = np.flatnonzero(np.diff(by_id.indptr)[asked.codes])
        return rows, sp.csr_array(by_id[asked.codes[rows]].astype(np.float32))

    def pair(self, name: str, asked: IdColumn, others: np.ndarray, row: int, column: int) -> tuple[Any, Any]:
        """Ids of the user and the item at a place of the `history_matrix`."""
        past = self.history
        assert past is not None
        partners = past.items if name == "user" else past.users
        unknown = partners.ids[lookup(others, IdColumn(np.arange(len(partners.ids)), partners.ids), name) < 0]
        rows, _ = self.history_matrix(name, asked, others)
        ids = asked.ids[asked.codes[rows[row]]], np.concatenate([others, unknown])[column]
        return ids if name == "user" else ids[::-1]


@dataclass(frozen=True)
class Query:
    """Users and items of a query, in ids and in row numbers of the model (-1: unknown)."""

    users: IdColumn
    user_codes: np.ndarray
    item_ids: np.ndarray
    item_codes: np.ndarray
    own: Pairs | None = None  # pairs of a user and an item of hers: she gets no others
    unwanted: Pairs | None = None  # pairs to leave out

    @property
    def user_ids(self) -> np.ndarray:
        """Id of each user asked for, in order."""
        return self.users.ids[self.users.codes]

    @property
    def items(self) -> IdColumn:
        """Each item to choose from, in order."""
        return IdColumn(np.arange(len(self.item_ids)), self.item_ids)

    def eligible(self, seen: sp.csr_array | None, *past: Interactions | None) -> Eligible:
        """Which of the items each user may get: not what she has seen, nor what is in past interactions."""
        parts = [] if seen is None else [self._known_columns(self._known_rows(seen))]
        for table in past:
            if table is not None:
                done = table.taken(table.strength > 0)
                parts.append(matrix_of_pairs(Pairs(done.users, done.items), self.users, self.item_ids))
        own, unwanted = (
            None if pairs is None else matrix_of_pairs(pairs, self.users, self.item_ids)
            for pairs in (self.own, self.unwanted)
        )
        if unwanted is not None:
            parts.append(unwanted)
        return eligible(sp.csr_array(sum(parts[1:], start=parts[0])) if parts else None, own)

    def _known_rows(self, seen: sp.csr_array) -> sp.csr_array:
        if _are_all(self.user_codes, seen.shape[0]):
            return seen
        known = self.user_codes >= 0
        if known.all():
            return sp.csr_array(seen[self.user_codes])
        pick = sp.csr_array(
            (np.ones(known.sum(), np.float32), (np.flatnonzero(known), self.user_codes[known])),
            shape=(len(known), seen.shape[0]),
        )
        return sp.csr_array(pick @ seen)

    def _known_columns(self, rows: sp.csr_array) -> sp.csr_array:
        if _are_all(self.item_codes, rows.shape[1]):
            return rows
        position = np.full(rows.shape[1], -1)
        known = self.item_codes >= 0
        position[self.item_codes[known]] = np.flatnonzero(known)
        coo = rows.tocoo()
        keep = position[coo.col] >= 0
        return sp.csr_array(
            (coo.data[keep], (coo.row[keep], position[coo.col[keep]])),
            shape=(rows.shape[0], len(self.item_codes)),
        )


def build_query(
    known_users: np.ndarray,
    known_items: np.ndarray,
    interactions: sp.csr_array,
    users: Any = None,
    of_users: QueryContext = QueryContext(),
    of_items: QueryContext = QueryContext(),
    candidates: Any = None,
    exclude: Any = None,
) -> Query:
    """Check the arguments of a query and find its ids among the known ones."""
    chosen, unwanted = read_item_selection(candidates, "candidates"), read_item_selection(exclude, "exclude")
    column = _users_asked(users, chosen, of_users, known_users)
    check_selection_users(chosen, "candidates", "user", column.ids, known_users)
    check_selection_users(unwanted, "exclude", "user", column.ids, known_users)
    given = of_items.ids("item")
    if given is not None:
        given = given[lookup(known_items, IdColumn(np.arange(len(given)), given), "item") < 0]
    items, item_codes = select_items(chosen, known_items, interactions, "item", given)
    if isinstance(unwanted, np.ndarray):
        position = lookup_unsorted(items, IdColumn(np.arange(len(unwanted)), unwanted), "excluded item")
        stays = np.ones(len(items), dtype=bool)
        stays[position[position >= 0]] = False
        items, item_codes = items[stays], item_codes[stays]
    codes = lookup(known_users, column, "user")
    return Query(column, codes, items, item_codes, pairs_per_user(chosen), pairs_per_user(unwanted))


def check_query_ids(ids: Any, name: str, known: np.ndarray) -> IdColumn:
    """The ids that a query names, of the type of the known ones where it names none."""
    column = check_id_list(ids, name)
    return column if len(column.ids) else IdColumn(column.codes, known[:0])


def known_rows(recommender: Any, name: str, ids: Any, reason: str) -> tuple[np.ndarray, np.ndarray]:
    """Return one or several ids as an array, and their row numbers in a fitted recommender.

    Raises
    ------
    ValueError
        If an id is unknown. The message ends in `reason`.
    """
    known = getattr(recommender, f"{name}s_")
    column = check_query_ids(ids, name, known)
    ids = column.ids[column.codes]
    rows = lookup(known, column, name)
    if (rows < 0).any():
        raise ValueError(f"The {name} {show_id(ids[int(np.argmax(rows < 0))])} is unknown: {reason}")
    return ids, rows


def _users_asked(users: Any, chosen: ItemSelection | None, of_users: QueryContext, known: np.ndarray) -> IdColumn:
    """The users named; else those with candidates of their own, or those the query says something of, or all."""
    if users is not None:
        return check_query_ids(users, "user", known)
    own = pairs_per_user(chosen)
    ids = of_users.ids("user") if own is None else own.users.ids
    ids = known if ids is None else ids
    return IdColumn(np.arange(len(ids)), ids)


def _are_all(codes: np.ndarray, n: int) -> bool:
    return len(codes) == n and bool(np.all(codes == np.arange(n)))


def ranked_table(
    name: str,
    ids: np.ndarray,
    other_name: str,
    other_ids: np.ndarray,
    best: np.ndarray,
    scores: np.ndarray,
    library: str,
) -> Any:
    """One row per ranked partner of each id: `name`, rank from 1, `other_name`, score."""
    found = best >= 0
    row, rank = np.nonzero(found)
    columns = {name: ids[row], "rank": rank + 1, other_name: other_ids[best[found]], "score": scores[found]}
    return make_table(columns, library)
