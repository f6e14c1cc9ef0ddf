"""What an index holds beside its search structure: ids, vectors, and who may not get what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.eligible import pair_matrix
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.serving._vectors import OTHER, id_name, score_vectors
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["Contents", "contents_of"]


@dataclass(frozen=True)
class Contents:
    """What is found, by whom, and what they must not get.

    Attributes
    ----------
    of : {"items", "users"}
        What is found.
    metric : {"score", "cosine"}
    ids : ndarray of shape (n,)
        Sorted ids of what is found.
    vectors : ndarray of shape (n, n_components), dtype float32
        Of unit length where the metric is the cosine.
    query_ids, queries : ndarray
        The same of those whose ids may be asked for: the other side for the score, the same side for the cosine.
    seen : csr_array of shape (n_queries, n), dtype bool, or None
        Items of each user in fit.
    library : str
        Frame library of the tables.
    """

    of: str
    metric: str
    ids: np.ndarray
    vectors: np.ndarray
    query_ids: np.ndarray
    queries: np.ndarray
    seen: sp.csr_array | None
    library: str

    def left_out(self, rows: np.ndarray) -> sp.csr_array | None:
        """What some of the queries must not get: what they have seen, or themselves."""
        if self.metric == "cosine":
            n = len(rows)
            return pair_matrix(np.arange(n), rows, (n, len(self.ids)), bool)
        return None if self.seen is None else sp.csr_array(self.seen[rows])


def contents_of(estimator: Any, of: str, metric: str) -> Contents:
    """The contents of an index of a fitted recommender."""
    recommender = factor_recommender(estimator)
    library = recommender._table_library()
    if metric == "cosine":
        ids = getattr(recommender, f"{of}_")
        # Neighbours are those of similar_items: a bias is no taste.
        vectors = unit_length(getattr(recommender, f"{id_name(of)}_factors_"))
        return Contents(of, metric, ids, vectors, ids, vectors, None, library)
    ids, vectors = score_vectors(recommender, of)
    query_ids, queries = score_vectors(recommender, OTHER[of])
    seen = recommender.interactions_
    pairs = sp.csr_array((np.ones(seen.nnz, bool), seen.indices, seen.indptr), shape=seen.shape)
    return Contents(of, metric, ids, vectors, query_ids, queries, pairs if of == "items" else None, library)
