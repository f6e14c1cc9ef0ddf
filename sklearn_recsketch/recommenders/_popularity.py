"""The baseline: the same list for everybody."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.recommenders._base import BaseRecommender
from sklearn_recsketch.recommenders._entities import gather_fit_data
from sklearn_recsketch.utils._compat import _fit_context
from sklearn_recsketch.utils._validation import refuse_sample_weight

__all__ = ["PopularityRecommender"]


class PopularityRecommender(BaseRecommender):
    """Recommend the items that most users interacted with.

    The preference of every user for an item is the number of distinct users the item had in fit.
    A recommender that does not beat it by far has learnt nothing about its users.

    Attributes
    ----------
    users_, items_ : ndarray
        Known ids, sorted.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths in fit.
    n_features_in_ : int
        2, or 3 where X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X, where it was a frame.

    Notes
    -----
    Fit costs one pass over the rows.

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
            User id, item id and, optionally, a weight.
        y : array-like of shape (n_rows,), default=None
            Strengths; rows of strength 0 are no interactions.
        user_features, item_features : SideFeatures, default=None
            Their ids become known users and items; the features themselves are not used.
        X_val, y_val : None
            There is nothing to validate: an error if given.

        Returns
        -------
        self : PopularityRecommender
        """
        if X_val is not None or y_val is not None:
            raise ValueError("X_val was given, but PopularityRecommender has no early stopping: leave it out.")
        interactions = check_interactions(X, y)
        known = gather_fit_data(interactions, user_features, item_features)
        state = self._input_attributes(interactions)
        state |= {"users_": known.users, "items_": known.items, "interactions_": known.interactions}
        self._replace_fitted(state)
        return self

    @refuse_sample_weight
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, *, user_features: Any = None, item_features: Any = None
    ) -> PopularityRecommender:
        """Add interactions to those of earlier fits; see `fit` for the parameters."""
        interactions = check_interactions(X, y)
        earlier = self if hasattr(self, "items_") else None
        known = gather_fit_data(interactions, user_features, item_features, earlier)
        state = self._input_attributes(interactions)
        state |= {"users_": known.users, "items_": known.items, "interactions_": known.interactions}
        self._replace_fitted(state)
        return self

    def _user_vectors(self, codes: np.ndarray) -> np.ndarray:
        return np.ones((len(codes), 1), dtype=np.float32)

    def _item_vectors(self, codes: np.ndarray) -> np.ndarray:
        n_items = len(self.items_)
        counts = np.bincount(self.interactions_.indices, minlength=n_items).astype(np.float32)
        return np.append(counts, np.float32(0))[codes][:, None]

    def _query_vectors(self, name: str, asked: IdColumn, codes: np.ndarray, given: QueryContext) -> np.ndarray:
        if name == "user":
            return self._user_vectors(codes)
        vectors = self._item_vectors(codes)
        rows, history = given.history_matrix("item", asked, self.users_)
        vectors[rows, 0] = np.diff(history.indptr)
        return vectors
