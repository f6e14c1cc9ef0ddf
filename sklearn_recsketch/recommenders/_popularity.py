"""Baseline that recommends the most popular items."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.fit_data import EarlierFit, gather_fit_data
from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.recommenders._base import BaseRecommender, feature_ids
from sklearn_recsketch.utils._compat import _fit_context
from sklearn_recsketch.utils._validation import refuse_sample_weight

__all__ = ["PopularityRecommender"]


class PopularityRecommender(BaseRecommender):
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
    >>> PopularityRecommender().fit(X).recommend(["ann", "somebody new"], k=2)
               user  rank  item  score
    0           ann     1     8    2.0
    1  somebody new     1     9    3.0
    2  somebody new     2     8    2.0
    """

    _parameter_constraints: dict[str, Any] = {}

    @refuse_sample_weight
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        user_features: Any = None,
        item_features: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> PopularityRecommender:
        """Count the users of each item.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User ids in the first column, item ids in the second column and, optionally, weights in the third column.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions. Rows with strength 0 are ignored.
        user_features, item_features : SideFeatures, default=None
            Side features of users and items. Their ids become known users and items, but the features are not used.
        X_val, y_val : None
            Not supported because this recommender has no early stopping.

        Returns
        -------
        self : PopularityRecommender
        """
        if X_val is not None or y_val is not None:
            raise ValueError("X_val was passed, but PopularityRecommender has no early stopping: leave it out.")
        return self._count(X, y, user_features, item_features, None)

    @refuse_sample_weight
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, *, user_features: Any = None, item_features: Any = None
    ) -> PopularityRecommender:
        """Add new interactions to the fitted model.

        The parameters have the same meaning as in `fit`.
        """
        # This recommender does not keep features, so it cannot tell whether earlier fits had any.
        earlier = (
            EarlierFit(self.users_, self.items_, self.interactions_, (True, True)) if hasattr(self, "items_") else None
        )
        return self._count(X, y, user_features, item_features, earlier)

    def _count(
        self, X: Any, y: Any, user_features: Any, item_features: Any, earlier: EarlierFit | None
    ) -> PopularityRecommender:
        interactions = check_interactions(X, y)
        user_ids, item_ids = feature_ids(user_features, "user_features"), feature_ids(item_features, "item_features")
        data = gather_fit_data(interactions, user_ids, item_ids, earlier)
        state = self._input_attributes(interactions)
        state |= {"users_": data.users, "items_": data.items, "interactions_": data.interactions}
        self._replace_fitted(state)
        return self

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
