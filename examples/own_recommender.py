"""A recommender of your own: what a user's most similar item suggests. See docs/own_recommender.rst."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_recsketch.base import BaseRecommender


class NearestItemRecommender(BaseRecommender):
    """Score an item by its similarity to the most similar of the user's items, and new users' items by popularity."""

    _parameter_constraints = {"shrinkage": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, shrinkage=10.0):
        self.shrinkage = shrinkage

    def _learn(self, interactions):
        seen = (interactions > 0).astype(np.float32)
        common = (seen.T @ seen).toarray()  # numbers of users that two items have in common
        counts = common.diagonal()
        similarity = common / (np.sqrt(np.outer(counts, counts)) + self.shrinkage)
        np.fill_diagonal(similarity, 0)
        return {"similarity_": similarity, "popularity_": counts / counts.max()}

    def _score_users(self, users, history):
        scores = np.tile(0.001 * self.popularity_, (len(users), 1))
        for row in range(len(users)):
            own = slice(history.indptr[row], history.indptr[row + 1])
            if own.stop > own.start:
                strengths = history.data[own] / history.data[own].max()  # so that their unit does not matter
                scores[row] += (strengths[:, None] * self.similarity_[history.indices[own]]).max(axis=0)
        return scores
