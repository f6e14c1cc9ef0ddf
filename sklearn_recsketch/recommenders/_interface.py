"""Internal interface of fitted recommenders, which metrics, inspection, serving and conversion build on."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._ranking.query import Query, QueryContext
from sklearn_recsketch.recommenders._entities import Entities, FittedSide

__all__ = ["ExplainableRecommender", "FittedFactorRecommender", "FittedRecommender"]


class FittedRecommender(Protocol):
    """A fitted recommender whose scores are inner products of vectors of users and items."""

    users_: np.ndarray
    items_: np.ndarray
    interactions_: sp.csr_array

    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        """Vectors of users or items by row number, -1 for unknown ids. Their inner products are the scores."""
        ...

    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        """Score vectors of the ids of a query, with the histories and features that were passed with it."""
        ...

    def _query(self, query: Query, of_users: QueryContext, of_items: QueryContext) -> tuple[np.ndarray, np.ndarray]:
        """Score vectors of the users and of the items of a query."""
        ...

    def _table_library(self) -> str:
        """Library of the frames to return, "pandas" or "polars"."""
        ...


class FittedFactorRecommender(FittedRecommender, Protocol):
    """A fitted recommender that learns embeddings of users, items and side features."""

    user_factors_: np.ndarray
    item_factors_: np.ndarray
    n_jobs: int | None
    _trained_on: sp.csr_array  # interactions without the rows held out for early stopping

    def _side(self, name: str) -> FittedSide:
        """Users or items, with their embeddings and factors."""
        ...

    def _score_embeddings(self, name: str) -> np.ndarray:
        """Embeddings of users or items, and their biases as a last column if the score has biases."""
        ...

    def _fold_in(self, name: str, entities: Entities, prior: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """Vectors of users or items computed from their interactions, with the other side fixed.

        The last columns of `history` belong to partners that the model does not know. `prior` holds the sum of the
        features' embeddings of each row, in the columns of `_score_embeddings`.
        """
        ...


class ExplainableRecommender(FittedFactorRecommender, Protocol):
    """A fitted recommender that can split a score into contributions of the interactions of a user, as WRMF can."""

    def _contributions(self, priors: np.ndarray, history: sp.csr_array, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Contribution to the score of an item vector of each interaction of a user, and of each part of the prior."""
        ...
