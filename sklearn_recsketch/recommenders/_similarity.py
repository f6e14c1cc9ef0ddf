"""Similar items and similar users."""

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
from sklearn_recsketch._ranking.eligible import eligible, pair_matrix
from sklearn_recsketch._ranking.neighbours import all_neighbours
from sklearn_recsketch._ranking.query import check_query_ids, ranked_table
from sklearn_recsketch._ranking.top_k import LARGEST_INSERTION
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._stacklevel import levels_inside
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["SimilarityMixin", "candidate_rows", "self_pairs", "unit_length"]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms. Rows of zeros stay zeros."""
    lengths = norms(vectors).astype(vectors.dtype)[:, None]
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths)


def self_pairs(positions: np.ndarray, n_targets: int) -> sp.csr_array:
    """Matrix of the pairs of a query and itself. `positions` of the queries among the targets are -1 for other ids."""
    return pair_matrix(np.arange(len(positions)), positions, (len(positions), n_targets))


def candidate_rows(recommender: Any, name: str, choice: ItemSelection | None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted ids of the candidates and their row numbers. Unknown ids get -1, with a warning."""
    ids, rows = select_items(choice, recommender._side(name).ids, recommender.interactions_, name)
    _warn_unknown(name, ids, rows)
    return ids, rows


class SimilarityMixin:
    """Similar users and similar items, for recommenders with factors."""

    def similar_items(self, items: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None) -> Frame:
        """Find the k items most similar to each item, by cosine similarity or inner product of their vectors.

        Parameters
        ----------
        items : id or array-like of ids, default=None
            Query items. Unknown items are represented by the mean vector, with a warning. If None: the items that have
            `candidates`, if these are pairs, else all known items.
        k : int, default=10
            Number of similar items per item. The item itself is excluded.
        metric : {"cosine", "dot"}, default="cosine"
            Similarity. "dot" is the inner product, which favours long vectors: in WRMF, those of popular items.
        candidates : array-like of ids, table of pairs, dict of item to ids, or "cold", default=None
            Items to choose from: a list for all query items, or a table of pairs (item, candidate) or a dict for each
            query item.
            "cold" stands for the items without interactions in fit. If None, all known items are candidates.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Most similar first; ties by the order of the ids. `score` is the cosine, between -1 and 1, or the inner
            product.

        Notes
        -----
        The lists are exact. Memory: O(len(items) * k) and a copy of the vectors. Time:
        O(len(items) * n_items * n_components), or half of that for the cosine similarities of all items, without
        candidates and with k of at most 256, because each pair is computed once.
        """
        return _similar(self, "item", items, k, metric, candidates)

    def similar_users(self, users: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None) -> Frame:
        """Find the k users most similar to each user, by cosine similarity or inner product of their vectors.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Query users. Unknown users are represented by the mean vector, with a warning. If None: the users that have
            `candidates`, if these are pairs, else all known users.
        k : int, default=10
            Number of similar users per user. The user itself is excluded.
        metric : {"cosine", "dot"}, default="cosine"
            Similarity. "dot" is the inner product, which favours long vectors: in WRMF, those of active users.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Users to choose from: a list for all query users, or a table of pairs (user, candidate) or a dict for each
            query user.
            "cold" stands for the users without interactions in fit. If None, all known users are candidates.

        Returns
        -------
        frame with columns user, rank, similar_user, score
            Most similar first; ties by the order of the ids. `score` is the cosine, between -1 and 1, or the inner
            product.
        """
        return _similar(self, "user", users, k, metric, candidates)


def _similar(recommender: Any, name: str, ids: Any, k: int, metric: str, candidates: Any) -> Any:
    """Table of the k users or items that are most similar to each of `ids`."""
    check_is_fitted(recommender)
    k = check_integer(k, "k")
    if metric not in ("cosine", "dot"):
        raise ValueError(f"metric must be 'cosine' or 'dot', got {metric!r}.")
    side = recommender._side(name)
    known = side.ids
    choice = read_item_selection(candidates, "candidates", name, name)
    candidate_pairs = pairs_per_user(choice)
    if ids is None:
        distinct = known if candidate_pairs is None else candidate_pairs.users.ids
        column = IdColumn(np.arange(len(distinct)), distinct)
    else:
        column = check_query_ids(ids, name, known)
    check_selection_users(choice, "candidates", name, column.ids, known)
    codes = lookup(known, column, name)
    _warn_unknown(name, column.ids[column.codes], codes)
    others, rows = candidate_rows(recommender, name, choice)
    with workers(recommender.n_jobs) as pool:
        if metric == "cosine" and choice is None and _most_are_queried(codes, len(known), k):
            best, scores = all_neighbours(unit_length(side.factors), k, pool)
            best, scores = best[codes], scores[codes]
        else:
            scale = unit_length if metric == "cosine" else np.asarray
            queries = scale(side.vectors(codes))
            targets = scale(side.factors if choice is None else side.vectors(rows))
            itself = self_pairs(lookup(others, column, name), len(others))
            pairs = None if candidate_pairs is None else matrix_of_pairs(candidate_pairs, column, others)
            best, scores = eligible(itself, pairs).top(queries, targets, k, pool)
    if metric == "cosine":
        np.clip(scores, -1, 1, out=scores, where=best >= 0)  # rounding may carry a cosine past 1
    queried = column.ids[column.codes]
    return ranked_table(name, queried, f"similar_{name}", others, best, scores, recommender._table_library())


def _most_are_queried(codes: np.ndarray, n: int, k: int) -> bool:
    """Whether computing each pair of rows once is cheaper than computing all pairs of the queries.

    This does not hold for inner products, whose search stops early depending on the norms of the vectors.
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
