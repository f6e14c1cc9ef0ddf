"""User, item and feature embeddings, with their ids, biases and counts."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch._ranking.query import known_rows
from sklearn_recsketch.recommenders._interface import FittedFactorRecommender
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["FeatureSpace", "embedding_space", "feature_space"]


@dataclass(frozen=True)
class EmbeddingSpace(ABC):
    """User, item or feature embeddings of a fitted recommender.

    Attributes
    ----------
    recommender : FactorRecommender
        Fitted recommender.
    side : {"item", "user"}
        Whether the embeddings belong to items and their features, or to users and their features.
    """

    recommender: FittedFactorRecommender
    side: str

    @property
    @abstractmethod
    def ids(self) -> np.ndarray:
        """User ids, item ids or feature names."""

    @property
    @abstractmethod
    def vectors(self) -> np.ndarray:
        """Matrix with one embedding per row, in the order of `ids`."""

    @property
    @abstractmethod
    def biases(self) -> np.ndarray | None:
        """Bias of each user, item or feature, or None if the model has no such biases."""

    @property
    @abstractmethod
    def counts(self) -> np.ndarray:
        """Number of interactions of each user or item, or number of users or items that have each feature."""

    @abstractmethod
    def rows(self, ids: Any) -> np.ndarray:
        """Return the row indices of one or more ids. Raise a ValueError if an id is unknown."""

    @property
    def norms(self) -> np.ndarray:
        """Euclidean norm of each vector."""
        return norms(self.vectors)


class EntitySpace(EmbeddingSpace):
    """User or item vectors of a fitted recommender."""

    counted = "n_interactions"  # column name of `counts`

    @property
    def name(self) -> str:
        """Name of the table column that contains the ids."""
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
    """User or item feature embeddings. Features are identified by the names that the encoder assigns to them."""

    name = "feature"
    counted = "count"

    @property
    def encoder(self) -> Any:
        """Fitted encoder of the features. A ValueError is raised if the model was fitted without features."""
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
        """Return the row indices of one or more features.

        Raise a ValueError if a feature does not exist. The error message suggests similar names.
        """
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
        """Return the row indices of the features whose names start with `prefix`.

        Raise a ValueError if there are no such features.
        """
        names = self.ids.tolist()
        chosen = np.flatnonzero([name.startswith(prefix) for name in names]) if prefix else np.arange(len(names))
        if not len(chosen):
            raise ValueError(
                f"No {self.side} feature starts with prefix={prefix!r}. "
                f"There are {len(self.ids)}, such as {self.ids[0]!r}."
            )
        return chosen

    def feature_indicators(self) -> sp.csr_array:
        """Return a matrix of shape (n_ids, n_features). An entry is 1 if the user or item has the feature.

        An id with an explicit value of 0 has the feature only if the feature is a standardized measurement.
        """
        encoder, features = self.encoder, self.recommender._side(self.side).entities.features
        assert features is not None  # there is an encoder
        block = features.matrix
        if block.shape[1] > len(encoder.columns_):
            block = sp.csr_array(block[:, encoder.columns_])
        zeros = np.flatnonzero(block.data == 0)
        zeros = zeros[~encoder.standardized_[block.indices[zeros]]]
        indicators = sp.csr_array((np.ones_like(block.data), block.indices, block.indptr), shape=block.shape)
        if len(zeros):
            indicators = indicators.copy()  # the arrays of the features are read-only
            indicators.data[zeros] = 0
            indicators.eliminate_zeros()
        return indicators


SPACES: dict[str, tuple[type[EntitySpace | FeatureSpace], str]] = {
    "items": (EntitySpace, "item"),
    "users": (EntitySpace, "user"),
    "item_features": (FeatureSpace, "item"),
    "user_features": (FeatureSpace, "user"),
}


def embedding_space(estimator: Any, of: str) -> Any:
    """Return the item, user or feature embeddings of a fitted estimator.

    `of` must be one of "items", "users", "item_features" and "user_features".
    """
    if of not in SPACES:
        raise ValueError(f"of must be one of {list(SPACES)}, got {of!r}.")
    space, side = SPACES[of]
    return space(factor_recommender(estimator), side)


def feature_space(estimator: Any, of: str) -> FeatureSpace:
    """Return the item or user feature embeddings of a fitted estimator."""
    if of not in ("items", "users"):
        raise ValueError(f"of must be 'items' or 'users', got {of!r}.")
    return FeatureSpace(factor_recommender(estimator), of.removesuffix("s"))
