"""A recommender that extends no class of the package, and has no partial_fit."""

from __future__ import annotations

from own_recommender import NearestItemRecommender
from sklearn.base import BaseEstimator

__all__ = ["DelegatingRecommender"]


class DelegatingRecommender(BaseEstimator):
    """Has the methods of a recommender, and calls another one."""

    def fit(self, X, y=None):
        self.model_ = NearestItemRecommender().fit(X, y)
        self.users_, self.items_ = self.model_.users_, self.model_.items_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def recommend(self, users=None, k=10, **kwargs):
        return self.model_.recommend(users, k, **kwargs)

    def score(self, X, y=None, *, k=5):
        return self.model_.score(X, y, k=k)
