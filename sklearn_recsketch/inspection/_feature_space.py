"""The features of one side of a fitted recommender, in the embedded space."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.inspection._fitted import factor_recommender
from sklearn_recsketch.recommenders._similarity import unit_length

__all__ = ["FeatureSpace"]


@dataclass(frozen=True)
class FeatureSpace:
    """Features of users or items, under the names their encoder gives them.

    Attributes
    ----------
    recommender : FactorRecommender
        Fitted.
    side : {"user", "item"}
        Whose features.
    names : ndarray of shape (n_features,)
        As the encoder gives them.
    """

    recommender: Any
    side: str
    names: np.ndarray

    @classmethod
    def of(cls, estimator: Any, side: str) -> FeatureSpace:
        """The features of a recommender, or of the one that a search or Pipeline ends in."""
        recommender = factor_recommender(estimator)
        encoder = getattr(recommender, f"{side}_encoder_")
        if encoder is None or not len(encoder.feature_names_):
            raise ValueError(
                f"{type(recommender).__name__} was fitted without {side} features: "
                f"fit(X, y, {side}_features=...) first."
            )
        return cls(recommender, side, encoder.feature_names_)

    @property
    def directions(self) -> np.ndarray:
        """Embeddings of the features, scaled to length one."""
        return unit_length(getattr(self.recommender, f"{self.side}_embeddings_")[-len(self.names) :])

    def positions(self, asked: list[str]) -> np.ndarray:
        """Where features stand by name; a name that does not exist gets the nearest ones that do."""
        position = {name: p for p, name in enumerate(self.names)}
        for name in asked:
            if name not in position:
                near = difflib.get_close_matches(str(name), list(position), n=3, cutoff=0.4)
                hint = f"The nearest are {near}." if near else f"The first of {len(position)} is {self.names[0]!r}."
                raise ValueError(f"There is no {self.side} feature {name!r}. {hint}")
        return np.array([position[name] for name in asked], dtype=np.intp)

    def starting_with(self, prefix: str) -> np.ndarray:
        """Where the features whose name starts so stand."""
        chosen = np.flatnonzero([name.startswith(prefix) for name in self.names])
        if not len(chosen):
            raise ValueError(
                f"No {self.side} feature starts with prefix={prefix!r}; the first of {len(self.names)} is "
                f"{self.names[0]!r}."
            )
        return chosen

    def carriers(self) -> sp.csr_array:
        """Who has which feature, as a matrix of ones: ids in rows, features in columns."""
        encoder = getattr(self.recommender, f"{self.side}_encoder_")
        encoded = encoder.transform(getattr(self.recommender, f"{self.side}_features_"))
        block = sp.csr_array(encoded[:, encoded.shape[1] - len(self.names) :])
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
