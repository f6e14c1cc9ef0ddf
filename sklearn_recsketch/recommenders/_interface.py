"""Internal interface of fitted recommenders, used for metrics, inspection, serving and conversion."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.recommenders._entities import Entities, FittedSide

__all__ = ["ExplainableRecommender", "FittedFactorRecommender", "FittedRecommender"]


class FittedRecommender(Protocol):
    """A fitted recommender that scores a pair by the inner product of a user vector and an item vector."""

    users_: np.ndarray
    items_: np.ndarray
    interactions_: sp.csr_array

    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        """Return the vectors of users or items, given their row indices.

        Row index -1 stands for an unknown id. The score of a pair is the inner product of its two vectors.
        """
        ...

    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        """Compute the score vectors of the ids in a query from the histories and features passed with the query."""
        ...

    def _table_library(self) -> str:
        """Return the library of the output frames, "pandas" or "polars"."""
        ...


class FittedFactorRecommender(FittedRecommender, Protocol):
    """A fitted recommender that learns embeddings of users, items and side features."""

    user_factors_: np.ndarray
    item_factors_: np.ndarray
    n_jobs: int | None
    _trained_on: sp.csr_array  # interactions without the rows held out for early stopping

    def _side(self, name: str) -> FittedSide:
        """Return the users or the items, with their embeddings and factors."""
        ...

    def _score_embeddings(self, name: str) -> np.ndarray:
        """Return the embeddings of users or items.

        If the scores include biases, the last column holds the biases.
        """
        ...

    def _fold_in(self, name: str, entities: Entities, prior: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """Compute vectors of users or items from their interactions, with the other side fixed.

        The last columns of `history` belong to users or items that the model does not know. `prior` holds the sum of
        the feature embeddings for each row of `history`. It has the same columns as the result of `_score_embeddings`.
        """
        ...


class ExplainableRecommender(FittedFactorRecommender, Protocol):
    """A fitted recommender, such as WRMF, that can split a score into the contributions of a user's interactions."""

    def _contributions(self, parts: np.ndarray, history: sp.csr_array, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute how much a user's interactions, and the parts of the prior, contribute to an item's score."""
        ...
