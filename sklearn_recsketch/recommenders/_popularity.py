"""Baseline that recommends the most popular items."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.recommenders._inner_product import InnerProductRecommender

__all__ = ["PopularityRecommender"]


class PopularityRecommender(InnerProductRecommender):
    """Recommend the most popular items.

    The predicted preference for an item is the number of distinct users who interacted with the item in fit. It is the
    same for every user. This recommender is a baseline for personalized recommenders.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the known users and items.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths of the interactions in fit.
    n_features_in_ : int
        Number of columns of X: 2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X. Only defined if X was a frame.

    Notes
    -----
    Fitting takes a single pass over the rows.

    Examples
    --------
    >>> from sklearn_recsketch import PopularityRecommender
    >>> X = [["ann", 7], ["ann", 9], ["bob", 9], ["eve", 9], ["eve", 8], ["bob", 8]]
    >>> PopularityRecommender().fit(X).recommend(["ann", "bob"], k=2)
      user  rank  item  score
    0  ann     1     8    2.0
    1  bob     1     7    1.0
    """

    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        if name == "user":
            return np.ones((len(codes), 1), dtype=np.float32)
        counts = np.bincount(self.interactions_.indices, minlength=len(self.items_)).astype(np.float32)
        return np.append(counts, np.float32(0))[codes][:, None]

    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        vectors = self._score_vectors(name, codes)
        if name == "item":
            rows, history = context.history_matrix("item", ids, self.users_)
            vectors[rows, 0] = np.diff(history.indptr)
        return vectors
