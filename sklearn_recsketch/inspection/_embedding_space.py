"""Embeddings of users, items and features, with their ids, biases and counts."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch._ranking.query import known_rows
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["FeatureSpace", "embedding_space", "feature_space"]


@dataclass(frozen=True)
class EmbeddingSpace(ABC):
    """Vectors of users, items or features in a fitted recommender.

    Attributes
    ----------
    recommender : FactorRecommender
        Fitted recommender.
    side : {"item", "user"}
        Whether these are items (or their features) or users (or their features).
    """

    recommender: Any
    side: str

    @property
    @abstractmethod
    def ids(self) -> np.ndarray:
        """Ids of users or items, or names of features."""

    @property
    @abstractmethod
    def vectors(self) -> np.ndarray:
        """Matrix with one row per id."""

    @property
    @abstractmethod
    def biases(self) -> np.ndarray | None:
        """Bias of each id, or None if the model has no such biases."""

    @property
    @abstractmethod
    def counts(self) -> np.ndarray:
        """Number of interactions of each user or item, or number of users or items that have each feature."""

    @abstractmethod
    def rows(self, ids: Any) -> np.ndarray:
        """Row numbers of one or several ids. Unknown ids are an error."""

    @property
    def norms(self) -> np.ndarray:
        """Euclidean norms of the vectors."""
        return norms(self.vectors)


class EntitySpace(EmbeddingSpace):
    """Vectors of users or items."""

    counted = "n_interactions"  # column name of `counts`

    @property
    def name(self) -> str:
        """Column name of the ids."""
        return self.side

    @property
    def ids(self) -> np.ndarray:
        return np.asarray(self.recommender._side(self.side).ids)

    @property
    def vectors(self) -> np.ndarray:
        return np.asarray(self.recommender._side(self.side).factors)

    @property
    def biases(self) -> np.ndarray | None:
        return getattr(self.recommender, "item_biases_", None) if self.side == "item" else None

    @property
    def counts(self) -> np.ndarray:
        matrix = self.recommender.interactions_
        if self.side == "user":
            return np.diff(matrix.indptr).astype(np.int64)
        return np.bincount(matrix.indices, minlength=matrix.shape[1])

    def rows(self, ids: Any) -> np.ndarray:
        return known_rows(self.recommender, self.side, ids, "the model was fitted without it.")[1]


class FeatureSpace(EmbeddingSpace):
    """Embeddings of the features of users or items, by the names of the encoder."""

    name = "feature"
    counted = "count"

    @property
    def encoder(self) -> Any:
        """Fitted encoder of the features. It is an error if there is none."""
        encoder = self.recommender._side(self.side).entities.encoder
        if encoder is None:
            raise ValueError(
                f"{type(self.recommender).__name__} was fitted without {self.side} features. "
                f"Call fit(X, y, {self.side}_features=...) first."
            )
        if not len(encoder.feature_names_):
            raise ValueError(
                f"No feature belongs to at least min_count={encoder.min_count} {self.side}s. Lower min_count."
            )
        return encoder

    @property
    def ids(self) -> np.ndarray:
        return np.asarray(self.encoder.feature_names_)

    @property
    def vectors(self) -> np.ndarray:
        return np.asarray(self.recommender._side(self.side).embeddings[-len(self.ids) :])

    @property
    def biases(self) -> np.ndarray | None:
        biases = getattr(self.recommender, "item_feature_biases_", None) if self.side == "item" else None
        return None if biases is None else biases[-len(self.ids) :]

    @property
    def counts(self) -> np.ndarray:
        return np.bincount(self.feature_indicators().indices, minlength=len(self.ids))

    def rows(self, names: Any) -> np.ndarray:
        """Row numbers of one or several features. The error for an unknown name suggests similar ones."""
        position = {name: row for row, name in enumerate(self.ids)}
        if hasattr(names, "to_pylist"):  # pyarrow scalars do not equal their values
            names = names.to_pylist()
        names = [names] if isinstance(names, str | bytes) or not isinstance(names, Iterable) else list(names)
        for name in names:
            if name not in position:
                similar = difflib.get_close_matches(str(name), list(position), n=3, cutoff=0.4)
                hint = (
                    f"Similar names: {similar}." if similar else f"There are {len(self.ids)}, such as {self.ids[0]!r}."
                )
                raise ValueError(f"There is no {self.side} feature {name!r}. {hint}")
        return np.array([position[name] for name in names], dtype=np.intp)

    def rows_with_prefix(self, prefix: str) -> np.ndarray:
        """Row numbers of the features whose names start with `prefix`. It is an error if there are none."""
        chosen = np.flatnonzero([name.startswith(prefix) for name in self.ids])
        if not len(chosen):
            raise ValueError(
                f"No {self.side} feature starts with prefix={prefix!r}. "
                f"There are {len(self.ids)}, such as {self.ids[0]!r}."
            )
        return chosen

    def feature_indicators(self) -> sp.csr_array:
        """Indicator matrix of shape (n_ids, n_features): 1 if the user or item has the feature."""
        encoder, features = self.encoder, self.recommender._side(self.side).entities.features
        names = pd.Index(features.feature_names(encoder.separator))
        block = sp.csr_array(features.matrix[:, names.get_indexer(pd.Index(self.ids))])
        return sp.csr_array((np.ones_like(block.data), block.indices, block.indptr), shape=block.shape)

    def fold_in(self, indicators: sp.csr_array) -> np.ndarray:
        """Vector of each column of `indicators`, folded in on the other side.

        A feature of items becomes a user who has interacted with all items that have it, and with nothing else. A
        feature of users becomes an item that all users who have it have interacted with. The inner product with the
        vector of an id is the score of the feature for this id.
        """
        recommender, other_side = self.recommender, "user" if self.side == "item" else "item"
        history = sp.csr_array(indicators.T.tocsr())
        unknown = np.full(history.shape[0], -1)
        vectors = np.asarray(recommender._score_vectors(other_side, unknown))
        target = np.zeros((len(unknown), recommender._score_embeddings(other_side).shape[1]), dtype=np.float32)
        folded = recommender._fold_in(other_side, recommender._side(other_side).entities, target, history)
        vectors[:, : folded.shape[1]] = folded
        return vectors


SPACES: dict[str, tuple[type[EntitySpace | FeatureSpace], str]] = {
    "items": (EntitySpace, "item"),
    "users": (EntitySpace, "user"),
    "item_features": (FeatureSpace, "item"),
    "user_features": (FeatureSpace, "user"),
}


def embedding_space(estimator: Any, of: str) -> Any:
    """Embeddings of items, users or their features in a fitted estimator.

    `of` is one of "items", "users", "item_features" and "user_features".
    """
    if of not in SPACES:
        raise ValueError(f"of must be one of {list(SPACES)}, got {of!r}.")
    space, side = SPACES[of]
    return space(factor_recommender(estimator), side)


def feature_space(estimator: Any, of: str) -> FeatureSpace:
    """Embeddings of the features of items or users in a fitted estimator."""
    if of not in ("items", "users"):
        raise ValueError(f"of must be 'items' or 'users', got {of!r}.")
    return FeatureSpace(factor_recommender(estimator), of.removesuffix("s"))
