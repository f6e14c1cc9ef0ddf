"""Who is to get recommendations, from which items, and what must not be among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.preprocessing._matrix import present_ids
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.utils._frames import frame_library, make_table
from sklearn_recsketch.utils._id_lists import check_id_list
from sklearn_recsketch.utils._ids import IdColumn, check_same_kind, lookup, lookup_unsorted
from sklearn_recsketch.utils._validation import Interactions, InteractionSource, check_interactions

__all__ = ["Given", "Request", "build_request", "ranked_table"]


@dataclass(frozen=True)
class Given:
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
class Request:
    """Users and items of a query, in ids and in row numbers of the model (-1: unknown)."""

    users: IdColumn
    user_codes: np.ndarray
    item_ids: np.ndarray
    item_codes: np.ndarray
    pairs: Interactions | None  # pairs to leave out

    @property
    def user_ids(self) -> np.ndarray:
        """Id of each user asked for, in order."""
        return self.users.ids[self.users.codes]

    @property
    def items(self) -> IdColumn:
        """Each item to choose from, in order."""
        return IdColumn(np.arange(len(self.item_ids)), self.item_ids)

    def excluded(self, seen: sp.csr_array | None, *past: Interactions | None) -> sp.csr_array | None:
        """What each user must not get, as a users x items matrix of this request."""
        parts = []
        if seen is not None:
            whole = len(self.user_codes) == seen.shape[0] and bool(np.all(np.diff(self.user_codes) == 1))
            rows = seen if whole and self.user_codes[0] == 0 else self._known_rows(seen)
            same = len(self.item_codes) == seen.shape[1] and bool(np.all(self.item_codes == np.arange(seen.shape[1])))
            parts.append(rows if same else self._known_columns(rows))
        for table in (*past, self.pairs):
            if table is not None:
                parts.append(self._pair_matrix(table))
        if not parts:
            return None
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return sp.csr_array(total)

    def _known_rows(self, seen: sp.csr_array) -> sp.csr_array:
        known = self.user_codes >= 0
        if known.all():
            return sp.csr_array(seen[self.user_codes])
        pick = sp.csr_array(
            (np.ones(known.sum(), np.float32), (np.flatnonzero(known), self.user_codes[known])),
            shape=(len(known), seen.shape[0]),
        )
        return sp.csr_array(pick @ seen)

    def _known_columns(self, rows: sp.csr_array) -> sp.csr_array:
        position = np.full(rows.shape[1], -1)
        known = self.item_codes >= 0
        position[self.item_codes[known]] = np.flatnonzero(known)
        coo = rows.tocoo()
        keep = position[coo.col] >= 0
        return sp.csr_array(
            (coo.data[keep], (coo.row[keep], position[coo.col[keep]])),
            shape=(rows.shape[0], len(self.item_codes)),
        )

    def _pair_matrix(self, table: Interactions) -> sp.csr_array:
        position = lookup(self.users.ids, table.users, "user", "the users asked for are")
        columns = lookup_unsorted(self.item_ids, table.items, "item", "the items to choose from are")
        keep = (position >= 0) & (columns >= 0) & (table.strength > 0)
        shape = (len(self.users.ids), len(self.item_ids))
        by_id = sp.csr_array((np.ones(keep.sum(), np.float32), (position[keep], columns[keep])), shape=shape)
        return sp.csr_array(by_id[self.users.codes])


def build_request(
    known_users: np.ndarray,
    known_items: np.ndarray,
    users: Any = None,
    of_users: Given = Given(),
    of_items: Given = Given(),
    candidates: Any = None,
    exclude: Any = None,
) -> Request:
    """Check the arguments of a query and find its ids among the known ones."""
    if users is not None:
        column = check_id_list(users, "user")
    else:
        given = of_users.ids("user")
        ids = known_users if given is None else given
        column = IdColumn(codes=np.arange(len(ids)), ids=ids)
    items, item_codes = known_items, np.arange(len(known_items))
    given = of_items.ids("item")
    if given is not None and candidates is None:
        new = given[lookup(known_items, IdColumn(np.arange(len(given)), given), "item") < 0]
        items, item_codes = np.concatenate([items, new]), np.append(item_codes, np.full(len(new), -1))
    if candidates is not None:
        chosen = check_id_list(candidates, "candidate")
        if not len(chosen.ids):
            raise ValueError("candidates is empty: give at least one item, or None for all known items.")
        items = chosen.ids
        item_codes = lookup(known_items, IdColumn(np.arange(len(items)), items), "candidate")
    pairs = None
    if exclude is not None and _is_table(exclude):
        empty = hasattr(exclude, "__len__") and not len(exclude)
        pairs = None if empty else check_interactions(exclude, name="exclude", weighted=False)
    elif exclude is not None:
        unwanted = check_id_list(exclude, "excluded item")
        position = lookup_unsorted(items, IdColumn(np.arange(len(unwanted.ids)), unwanted.ids), "excluded item")
        stays = np.ones(len(items), dtype=bool)
        stays[position[position >= 0]] = False
        items, item_codes = items[stays], item_codes[stays]
    return Request(column, lookup(known_users, column, "user"), items, item_codes, pairs)


def _is_table(exclude: Any) -> bool:
    if isinstance(exclude, InteractionSource) or frame_library(exclude) is not None:
        return True
    if isinstance(exclude, list | tuple):
        return bool(exclude) and isinstance(exclude[0], list | tuple | np.ndarray)
    return getattr(exclude, "ndim", 1) == 2


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
