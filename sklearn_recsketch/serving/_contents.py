"""Ids, vectors and interactions that an index stores, and the rows that a query may return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn, show_id
from sklearn_recsketch._ranking.candidates import ItemSelection, Pairs, matrix_of_pairs, pairs_per_user, select_items
from sklearn_recsketch._ranking.eligible import Eligible, eligible, pair_matrix, select_rows
from sklearn_recsketch.recommenders._interface import FittedFactorRecommender
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["Contents", "contents_of", "id_name", "score_vectors"]

OTHER = {"items": "users", "users": "items"}


@dataclass(frozen=True)
class Contents:
    """Ids and vectors that an index searches, vectors of known queries, and interactions to exclude.

    Attributes
    ----------
    of : {"items", "users"}
        Whether items or users are indexed.
    metric : {"dot", "cosine"}
        Similarity that the index uses.
    ids : ndarray of shape (n,)
        Sorted ids of the indexed vectors.
    vectors : ndarray of shape (n, n_components), dtype float32
        Indexed vectors. They have unit length if `metric="cosine"`.
    query_ids, queries : ndarray
        Sorted ids and vectors of the known queries. If `metric="dot"`, the queries of an item index are users, and the
        queries of a user index are items. If `metric="cosine"`, they are the same as `ids` and `vectors`.
    seen : csr_array of shape (n_queries, n), dtype bool, or None
        Items that each user interacted with in the training data. It is None unless `of="items"` and `metric="dot"`.
    library : str
        Library of the returned data frames, "pandas" or "polars".
    """

    of: str
    metric: str
    ids: np.ndarray
    vectors: np.ndarray
    query_ids: np.ndarray
    queries: np.ndarray
    seen: sp.csr_array | None
    library: str

    def seen_or_self(self, rows: np.ndarray) -> sp.csr_array | None:
        """Return a boolean matrix of the rows that each query excludes by default.

        Parameters
        ----------
        rows : ndarray of shape (n_queries,)
            Row indices of the queries in `queries`.

        Returns
        -------
        csr_array of shape (n_queries, n) or None
            If `metric="cosine"`, each query excludes itself. If `metric="dot"`, each user excludes the items that the
            user has seen. The result is None if `seen` is None.
        """
        if self.metric == "cosine":
            n = len(rows)
            return pair_matrix(np.arange(n), rows, (n, len(self.ids)), bool)
        return None if self.seen is None else select_rows(self.seen, rows)

    def excluded(
        self, column: IdColumn, rows: np.ndarray, exclude: ItemSelection | None, exclude_seen: bool
    ) -> sp.csr_array | None:
        """Return a boolean matrix of the indexed rows that each query excludes, or None if no rows are excluded.

        A query excludes the ids in `exclude`. If `exclude_seen=True`, it also excludes the rows from `seen_or_self`.
        """
        parts = [self.seen_or_self(rows) if exclude_seen else None]
        if isinstance(exclude, np.ndarray):
            n = len(column.ids)
            repeated_queries = IdColumn(np.repeat(np.arange(n), len(exclude)), column.ids)
            exclude = Pairs(repeated_queries, IdColumn(np.tile(np.arange(len(exclude)), n), exclude))
        if isinstance(exclude, Pairs):
            parts.append(matrix_of_pairs(exclude, column, self.ids).astype(bool))
        matrices = [part for part in parts if part is not None]
        return sum(matrices[1:], start=matrices[0]) if matrices else None

    def candidate_rows(
        self, column: IdColumn, candidates: ItemSelection, excluded: sp.csr_array | None
    ) -> tuple[np.ndarray, Eligible]:
        """Return the indexed rows of the candidates, and the candidates that each query may return."""
        name = id_name(self.of)
        ids, rows = select_items(candidates, self.ids, self.seen, name)
        if (rows < 0).any():
            first: Any = show_id(ids[int(np.argmax(rows < 0))])
            raise ValueError(
                f"The {name} {first} of candidates is unknown to the index, which contains the {name}s that the "
                f"recommender knew when the index was built. Leave it out, or use the recommender instead."
            )
        pairs = pairs_per_user(candidates)
        excluded = None if excluded is None else sp.csr_array(excluded[:, rows])
        return rows, eligible(excluded, None if pairs is None else matrix_of_pairs(pairs, column, ids))


def contents_of(estimator: Any, of: str, metric: str) -> Contents:
    """Collect the contents of an index from a fitted recommender."""
    recommender: FittedFactorRecommender = factor_recommender(estimator)
    library = recommender._table_library()
    if metric == "cosine":
        side = recommender._side(id_name(of))
        # Biases do not describe a preference, so they are left out, as in similar_items.
        vectors = unit_length(side.factors)
        return Contents(of, metric, side.ids, vectors, side.ids, vectors, None, library)
    ids, vectors = score_vectors(recommender, of)
    query_ids, queries = score_vectors(recommender, OTHER[of])
    seen = recommender.interactions_
    pairs = sp.csr_array((np.ones(seen.nnz, bool), seen.indices, seen.indptr), shape=seen.shape)
    return Contents(of, metric, ids, vectors, query_ids, queries, pairs if of == "items" else None, library)


def score_vectors(recommender: FittedFactorRecommender, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids and vectors of all items or users.

    The inner product of a user vector and an item vector is the score. If the recommender learns biases, the vectors
    have an additional coordinate for the bias.
    """
    side = recommender._side(id_name(of))
    return side.ids, recommender._score_vectors(side.name, np.arange(len(side.ids)))


def id_name(of: str) -> str:
    """Return the name of the id column, for example "item" for "items"."""
    return of.removesuffix("s")
