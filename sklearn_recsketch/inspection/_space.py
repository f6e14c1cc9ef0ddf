"""Users, items and their features as points of the embedded space."""

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

__all__ = ["embedded"]


@dataclass(frozen=True)
class Space(ABC):
    """What a fitted recommender has learnt of users, items or features.

    Attributes
    ----------
    recommender : FactorRecommender
    side : {"item", "user"}
        Whose features, where these are.
    """

    recommender: Any
    side: str

    @property
    @abstractmethod
    def ids(self) -> np.ndarray:
        """Ids of users or items, names of features."""

    @property
    @abstractmethod
    def vectors(self) -> np.ndarray:
        """One row per id."""

    @property
    @abstractmethod
    def biases(self) -> np.ndarray | None:
        """One per id, None where scores have none."""

    @property
    @abstractmethod
    def counts(self) -> np.ndarray:
        """Interactions of each user or item, or how many of them carry each feature."""

    @abstractmethod
    def rows(self, ids: Any) -> np.ndarray:
        """Row numbers of ids, one or several; an unknown one is an error."""

    @property
    def norms(self) -> np.ndarray:
        """Lengths of the vectors."""
        return norms(self.vectors)


class EntitySpace(Space):
    """Users or items."""

    counted = "n_interactions"  # what `counts` are called in a table

    @property
    def name(self) -> str:
        """What a table calls one of them."""
        return self.side

    @property
    def ids(self) -> np.ndarray:
        return np.asarray(getattr(self.recommender, f"{self.side}s_"))

    @property
    def vectors(self) -> np.ndarray:
        return np.asarray(getattr(self.recommender, f"{self.side}_factors_"))

    @property
    def biases(self) -> np.ndarray | None:
        return getattr(self.recommender, f"{self.side}_biases_", None)

    @property
    def counts(self) -> np.ndarray:
        matrix = self.recommender.interactions_
        if self.side == "user":
            return np.diff(matrix.indptr).astype(np.int64)
        return np.bincount(matrix.indices, minlength=matrix.shape[1])

    def rows(self, ids: Any) -> np.ndarray:
        return known_rows(self.recommender, self.side, ids, "the model was fitted without it.")[1]


class FeatureSpace(Space):
    """Features of users or items, by the names their encoder gives them."""

    name = "feature"
    counted = "count"

    @property
    def encoder(self) -> Any:
        """The fitted encoder of the features; none is an error."""
        encoder = getattr(self.recommender, f"{self.side}_encoder_")
        if encoder is None:
            raise ValueError(
                f"{type(self.recommender).__name__} was fitted without {self.side} features: "
                f"fit(X, y, {self.side}_features=...) first."
            )
        if not len(encoder.feature_names_):
            raise ValueError(
                f"No {self.side} feature is on {encoder.min_count} ids: lower min_count={encoder.min_count}."
            )
        return encoder

    @property
    def ids(self) -> np.ndarray:
        return np.asarray(self.encoder.feature_names_)

    @property
    def vectors(self) -> np.ndarray:
        return np.asarray(getattr(self.recommender, f"{self.side}_embeddings_")[-len(self.ids) :])

    @property
    def biases(self) -> np.ndarray | None:
        biases = getattr(self.recommender, f"{self.side}_feature_biases_", None)
        return None if biases is None else biases[-len(self.ids) :]

    @property
    def counts(self) -> np.ndarray:
        return np.bincount(self.carriers().indices, minlength=len(self.ids))

    def rows(self, names: Any) -> np.ndarray:
        """Row numbers of features, one or several; for a name that does not exist the error has the nearest."""
        position = {name: row for row, name in enumerate(self.ids)}
        if hasattr(names, "to_pylist"):  # of pyarrow, whose scalars are not equal to their values
            names = names.to_pylist()
        asked = [names] if isinstance(names, str | bytes) or not isinstance(names, Iterable) else list(names)
        for name in asked:
            if name not in position:
                near = difflib.get_close_matches(str(name), list(position), n=3, cutoff=0.4)
                hint = f"The nearest are {near}." if near else f"The first of {len(self.ids)} is {self.ids[0]!r}."
                raise ValueError(f"There is no {self.side} feature {name!r}. {hint}")
        return np.array([position[name] for name in asked], dtype=np.intp)

    def starting(self, prefix: str) -> np.ndarray:
        """Row numbers of the features whose names start so; none is an error."""
        chosen = np.flatnonzero([name.startswith(prefix) for name in self.ids])
        if not len(chosen):
            raise ValueError(
                f"No {self.side} feature starts with prefix={prefix!r}; "
                f"the first of {len(self.ids)} is {self.ids[0]!r}."
            )
        return chosen

    def carriers(self) -> sp.csr_array:
        """Who has which feature, as a matrix of ones: ids in rows, features in columns."""
        encoder, features = self.encoder, getattr(self.recommender, f"{self.side}_features_")
        names = pd.Index(features.feature_names(encoder.separator))
        block = sp.csr_array(features.matrix[:, names.get_indexer(pd.Index(self.ids))])
        return sp.csr_array((np.ones_like(block.data), block.indices, block.indptr), shape=block.shape)

    def profiles(self, carriers: sp.csr_array) -> np.ndarray:
        """Vectors whose inner products with those of this side say how well each column of `carriers` suits an id.

        A feature of items is represented by somebody who likes all that carry it and nothing else, a feature
        of users by something that all who carry it like: both are folded in as any history is.
        """
        recommender, other = self.recommender, "user" if self.side == "item" else "item"
        history = sp.csr_array(carriers.T.tocsr())
        nobody = np.full(history.shape[0], -1)
        profiles = np.asarray(getattr(recommender, f"_{other}_vectors")(nobody))
        undrawn = np.zeros((len(nobody), recommender._embeddings(other).shape[1]), dtype=np.float32)
        folded = recommender._fold_in(other, recommender._entities(other), undrawn, history)
        profiles[:, : folded.shape[1]] = folded
        return profiles


SPACES: dict[str, tuple[type[EntitySpace | FeatureSpace], str]] = {
    "items": (EntitySpace, "item"),
    "users": (EntitySpace, "user"),
    "item_features": (FeatureSpace, "item"),
    "user_features": (FeatureSpace, "user"),
}


def embedded(estimator: Any, of: str) -> Any:
    """What an estimator has learnt of items, users or their features."""
    if of not in SPACES:
        raise ValueError(f"of must be one of {list(SPACES)}, got {of!r}.")
    space, side = SPACES[of]
    return space(factor_recommender(estimator), side)
