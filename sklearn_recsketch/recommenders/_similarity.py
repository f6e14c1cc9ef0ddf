"""Neighbours in the embedded space."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.ids import IdColumn, lookup, show_id
from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch._ranking.candidates import (
    ItemSelection,
    check_selection_users,
    matrix_of_pairs,
    pairs_per_user,
    read_item_selection,
    select_items,
)
from sklearn_recsketch._ranking.eligible import eligible
from sklearn_recsketch._ranking.neighbours import all_neighbours
from sklearn_recsketch._ranking.query import check_query_ids, ranked_table
from sklearn_recsketch._ranking.top_k import LARGEST_INSERTION
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer
from sklearn_recsketch.utils._warnings import levels_inside

__all__ = ["SimilarityMixin", "chosen_rows", "own_places", "unit_length"]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; zeros stay zeros."""
    lengths = norms(vectors).astype(vectors.dtype)[:, None]
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths)


def own_places(places: np.ndarray, n_targets: int) -> sp.csr_array:
    """What no query must get: itself, which stands at this place among the targets, or at none (-1)."""
    rows = np.flatnonzero(places >= 0)
    return sp.csr_array((np.ones(len(rows), np.float32), (rows, places[rows])), shape=(len(places), n_targets))


def chosen_rows(recommender: Any, name: str, choice: ItemSelection | None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted ids to choose from, and their row numbers, -1 with a warning for unknown ones."""
    ids, rows = select_items(choice, getattr(recommender, f"{name}s_"), recommender.interactions_, name)
    _warn_unknown(name, ids, rows)
    return ids, rows


class SimilarityMixin:
    """Similar users and similar items, for recommenders whose vectors are what they learn."""

    def similar_items(self, items: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None) -> Any:
        """Items whose vectors point the same way.

        Parameters
        ----------
        items : id or array-like of ids, default=None
            Unknown ones are represented by the mean item, with a warning. None: those with `candidates` of their own,
            where these are pairs, else all known items.
        k : int, default=10
            Neighbours per item; the item itself is none of them.
        metric : {"cosine", "dot"}, default="cosine"
            "dot" is the inner product of the vectors, which favours long ones: in WRMF the popular items.
        candidates : array-like of ids, table of pairs, dict of item to ids, or "cold", default=None
            Neighbours to choose from: a list for all, or a table of pairs (item, neighbour) or a dict for each item.
            "cold" is the items without interactions in fit. None: all known items.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Nearest first, ties by the order of the ids. `score` is the cosine, between -1 and 1, or the inner
            product.

        Notes
        -----
        The lists are exact, in memory bounded by O(len(items) * k) beyond a copy of the vectors. Time is
        O(len(items) * n_items * n_components). By cosine, without candidates and with k of at most 256, all items
        at once take half of that, as each pair is computed once for both.
        """
        return _similar(self, "item", items, k, metric, candidates)

    def similar_users(self, users: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None) -> Any:
        """Users whose vectors point the same way.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Unknown ones are represented by the mean user, with a warning. None: those with `candidates` of their own,
            where these are pairs, else all known users.
        k : int, default=10
            Neighbours per user; the user herself is none of them.
        metric : {"cosine", "dot"}, default="cosine"
            "dot" is the inner product of the vectors, which favours long ones: in WRMF the popular users.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Neighbours to choose from: a list for all, or a table of pairs (user, neighbour) or a dict for each user.
            "cold" is the users without interactions in fit. None: all known users.

        Returns
        -------
        frame with columns user, rank, similar_user, score
            Nearest first, ties by the order of the ids. `score` is the cosine, between -1 and 1, or the inner
            product.
        """
        return _similar(self, "user", users, k, metric, candidates)


def _similar(recommender: Any, name: str, ids: Any, k: int, metric: str, candidates: Any) -> Any:
    """The k users or items, of `candidates` or of all, most similar to each of `ids`, itself left out."""
    check_is_fitted(recommender)
    k = check_integer(k, "k")
    if metric not in ("cosine", "dot"):
        raise ValueError(f"metric must be 'cosine' or 'dot', got {metric!r}.")
    known = getattr(recommender, f"{name}s_")
    choice = read_item_selection(candidates, "candidates", name, name)
    own = pairs_per_user(choice)
    if ids is None:
        distinct = known if own is None else own.users.ids
        column = IdColumn(np.arange(len(distinct)), distinct)
    else:
        column = check_query_ids(ids, name, known)
    check_selection_users(choice, "candidates", name, column.ids, known)
    codes = lookup(known, column, name)
    _warn_unknown(name, column.ids[column.codes], codes)
    others, rows = chosen_rows(recommender, name, choice)
    with workers(recommender.n_jobs) as pool:
        everything = getattr(recommender, f"{name}_factors_")
        if metric == "cosine" and choice is None and _most_are_asked(codes, len(known), k):
            best, scores = all_neighbours(unit_length(everything), k, pool)
            best, scores = best[codes], scores[codes]
        else:
            scale = unit_length if metric == "cosine" else np.asarray
            queries = scale(recommender._vectors(name, codes))
            targets = scale(everything if choice is None else recommender._vectors(name, rows))
            itself = own_places(lookup(others, column, name), len(others))
            pairs = None if own is None else matrix_of_pairs(own, column, others)
            best, scores = eligible(itself, pairs).top(queries, targets, k, pool)
    if metric == "cosine":
        np.clip(scores, -1, 1, out=scores, where=best >= 0)  # rounding may carry a cosine past 1
    asked = column.ids[column.codes]
    return ranked_table(name, asked, f"similar_{name}", others, best, scores, recommender._table_library())


def _most_are_asked(codes: np.ndarray, n: int, k: int) -> bool:
    """Whether the pairs of all rows are cheaper, each computed once for both, than those of the rows asked for.

    Of inner products they are not: their search stops early, where the lengths of the vectors say so.
    """
    return 2 * len(codes) > n and bool((codes >= 0).all()) and k <= LARGEST_INSERTION


def _warn_unknown(name: str, ids: np.ndarray, rows: np.ndarray) -> None:
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        warnings.warn(
            f"{len(unknown)} of the {len(rows)} {name} ids are unknown (first: {show_id(ids[unknown[0]])}): each is "
            f"represented by the mean {name}.",
            UserWarning,
            stacklevel=levels_inside(),
        )
