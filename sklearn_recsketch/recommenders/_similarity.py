"""Neighbours in the embedded space."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch.solvers._neighbours import all_neighbours
from sklearn_recsketch.solvers._ranking import LARGEST_INSERTION, top_items
from sklearn_recsketch.solvers._request import ranked_table
from sklearn_recsketch.utils._ids import IdColumn, lookup, show_id
from sklearn_recsketch.utils._threads import Workers, workers
from sklearn_recsketch.utils._validation import check_id_list, check_k

__all__ = ["SimilarityMixin", "unit_length"]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; zeros stay zeros."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


class SimilarityMixin:
    """Similar users and similar items, for recommenders whose vectors are what they learn."""

    def similar_items(self, items: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None) -> Any:
        """Items whose vectors point the same way.

        Parameters
        ----------
        items : id or array-like of ids, default=None
            Unknown ones are represented by the mean item, with a warning. None: all known items.
        k : int, default=10
            Neighbours per item; the item itself is none of them.
        metric : {"cosine", "dot"}, default="cosine"
            "dot" is the inner product of the vectors, which favours long ones: in WRMF the popular items.
        candidates : array-like of ids, default=None
            Neighbours to choose from; None: all known items.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Nearest first, ties by the order of the ids. `score` is the cosine, between -1 and 1, or the inner
            product.

        Notes
        -----
        The lists are exact, in memory bounded by O(len(items) * k) beyond a copy of the vectors. Time is
        O(len(items) * n_items * n_components); for all items at once half of that, as each pair serves both.
        """
        return _similar(self, "item", items, k, metric, candidates)

    def similar_users(self, users: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None) -> Any:
        """Users whose vectors point the same way.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Unknown ones are represented by the mean user, with a warning. None: all known users.
        k : int, default=10
            Neighbours per user; the user herself is none of them.
        metric : {"cosine", "dot"}, default="cosine"
            "dot" is the inner product of the vectors, which favours long ones: in WRMF the popular users.
        candidates : array-like of ids, default=None
            Neighbours to choose from; None: all known users.

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
    k = check_k(k)
    if metric not in ("cosine", "dot"):
        raise ValueError(f"metric must be 'cosine' or 'dot', got {metric!r}.")
    known = getattr(recommender, f"{name}s_")
    asked, codes = (known, np.arange(len(known))) if ids is None else _found(known, name, check_id_list(ids, name))
    others, places = known, None
    if candidates is not None:
        distinct = check_id_list(candidates, "candidate").ids
        if not len(distinct):
            raise ValueError(f"candidates is empty: give at least one {name}, or None for all known {name}s.")
        others, places = _found(known, name, IdColumn(np.arange(len(distinct)), distinct))
    with workers(recommender.n_jobs) as pool:
        best, scores = _nearest(recommender, name, codes, places, k, metric, pool)
    return ranked_table(name, asked, f"similar_{name}", others, best, scores, recommender._table_library())


def _found(known: np.ndarray, name: str, column: IdColumn) -> tuple[np.ndarray, np.ndarray]:
    """Ids and their row numbers, -1 with a warning for unknown ones."""
    ids, codes = column.ids[column.codes], lookup(known, column, name)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        warnings.warn(
            f"{len(unknown)} of the {len(codes)} {name} ids are unknown (first: {show_id(ids[unknown[0]])}): each is "
            f"represented by the mean {name}.",
            UserWarning,
            stacklevel=4,
        )
    return ids, codes


def _nearest(
    recommender: Any, name: str, codes: np.ndarray, places: np.ndarray | None, k: int, metric: str, pool: Workers
) -> tuple[np.ndarray, np.ndarray]:
    everything = getattr(recommender, f"{name}_factors_")
    if metric == "cosine":
        everything = unit_length(everything)
    n = len(everything)
    # Where most pairs are needed, all are cheaper: each is computed once for both. Inner products, of vectors
    # of many lengths, are better left to the search that stops where the lengths say so.
    if metric == "cosine" and places is None and 2 * len(codes) > n and (codes >= 0).all() and k <= LARGEST_INSERTION:
        best, scores = all_neighbours(everything, k, pool)
        best, scores = best[codes], scores[codes]
    else:
        scale = unit_length if metric == "cosine" else np.asarray
        queries = scale(recommender._vectors(name, codes))
        targets = everything if places is None else scale(recommender._vectors(name, places))
        best, scores = top_items(queries, targets, _itself(codes, places, n), k, pool)
    if metric == "cosine":
        np.clip(scores, -1, 1, out=scores, where=best >= 0)  # rounding may carry a cosine past 1
    return best, scores


def _itself(codes: np.ndarray, places: np.ndarray | None, n: int) -> sp.csr_array:
    """Where each query stands among the targets."""
    position = np.full(n + 1, -1)
    targets = np.arange(n) if places is None else places
    position[targets] = np.arange(len(targets))
    position[-1] = -1  # unknown ones are no duplicates of each other
    found = np.where(codes >= 0, position[codes], -1)
    rows = np.flatnonzero(found >= 0)
    return sp.csr_array((np.ones(len(rows), np.float32), (rows, found[rows])), shape=(len(codes), len(targets)))
