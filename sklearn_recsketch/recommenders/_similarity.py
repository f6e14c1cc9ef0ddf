"""Neighbours in the embedded space."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch.solvers._neighbours import all_neighbours
from sklearn_recsketch.solvers._norms import norms
from sklearn_recsketch.solvers._ranking import LARGEST_INSERTION, top_items
from sklearn_recsketch.solvers._request import ranked_table
from sklearn_recsketch.utils._id_lists import check_id_list
from sklearn_recsketch.utils._ids import IdColumn, lookup, show_id
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_k
from sklearn_recsketch.utils._warnings import levels_inside

__all__ = ["SimilarityMixin", "own_places", "places_among", "unit_length"]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; zeros stay zeros."""
    lengths = norms(vectors).astype(vectors.dtype)[:, None]
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths)


def own_places(places: np.ndarray, n_targets: int) -> sp.csr_array:
    """What no query must get: itself, which stands at this place among the targets, or at none (-1)."""
    rows = np.flatnonzero(places >= 0)
    return sp.csr_array((np.ones(len(rows), np.float32), (rows, places[rows])), shape=(len(places), n_targets))


def places_among(recommender: Any, name: str, candidates: Any) -> tuple[np.ndarray, np.ndarray]:
    """Distinct candidates, sorted, and their row numbers, -1 with a warning for unknown ones."""
    distinct = check_id_list(candidates, "candidate").ids
    if not len(distinct):
        raise ValueError(f"candidates is empty: give at least one {name}, or None for all known {name}s.")
    return distinct, _rows_of(recommender, name, IdColumn(np.arange(len(distinct)), distinct))


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
        O(len(items) * n_items * n_components). By cosine, without candidates and with k of at most 256, all items
        at once take half of that, as each pair is computed once for both.
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
    column = IdColumn(np.arange(len(known)), known) if ids is None else check_id_list(ids, name)
    codes = _rows_of(recommender, name, column)
    others, places = known, None
    if candidates is not None:
        others, places = places_among(recommender, name, candidates)
    with workers(recommender.n_jobs) as pool:
        everything = getattr(recommender, f"{name}_factors_")
        if metric == "cosine" and places is None and _most_are_asked(codes, len(known), k):
            best, scores = all_neighbours(unit_length(everything), k, pool)
            best, scores = best[codes], scores[codes]
        else:
            scale = unit_length if metric == "cosine" else np.asarray
            queries = scale(recommender._vectors(name, codes))
            targets = scale(everything if places is None else recommender._vectors(name, places))
            itself = own_places(lookup(others, column, name), len(others))
            best, scores = top_items(queries, targets, itself, k, pool)
    if metric == "cosine":
        np.clip(scores, -1, 1, out=scores, where=best >= 0)  # rounding may carry a cosine past 1
    asked = column.ids[column.codes]
    return ranked_table(name, asked, f"similar_{name}", others, best, scores, recommender._table_library())


def _most_are_asked(codes: np.ndarray, n: int, k: int) -> bool:
    """Whether the pairs of all rows are cheaper, each computed once for both, than those of the rows asked for.

    Of inner products they are not: their search stops early, where the lengths of the vectors say so.
    """
    return 2 * len(codes) > n and bool((codes >= 0).all()) and k <= LARGEST_INSERTION


def _rows_of(recommender: Any, name: str, column: IdColumn) -> np.ndarray:
    """Row numbers, -1 with a warning for unknown ids."""
    codes = lookup(getattr(recommender, f"{name}s_"), column, name)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        first = show_id(column.ids[column.codes[unknown[0]]])
        warnings.warn(
            f"{len(unknown)} of the {len(codes)} {name} ids are unknown (first: {first}): each is represented by the "
            f"mean {name}.",
            UserWarning,
            stacklevel=levels_inside(),
        )
    return codes
