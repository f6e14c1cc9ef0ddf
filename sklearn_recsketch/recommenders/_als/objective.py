"""WRMF objective: confidences and penalties, which are passed as parameters or computed from interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._als import Ratings
from sklearn_recsketch.recommenders._als.confidences import excess_of, row_sums, scaled_ratings

__all__ = ["Objective"]

# Mean excess confidence in units of 1 / sqrt(density), and penalty in units of the largest singular value of noise.
# Chosen on nine public data sets, six of which are in benchmarks/README.md. With 128 components, 2/3 and 4/3 of these
# penalties lose up to 5 % of nDCG@20 on some of the sets, and gain up to 3 % on others.
MEAN_EXCESS = 1.4
NOISE_SHARE = 0.3
# Ratio of a feature's penalty to the penalty of an item with as many interactions. Chosen on lastfm, steam,
# citeulike-a and synthetic data.
FEATURE_SHARE = 5.0

# Least penalty of a new item with features, in units of the penalty of the mean item. Chosen on lastfm, steam,
# citeulike-a and amazon-beauty (benchmarks/new_items.py): with up to 16 interactions, the area under the ROC curve is
# larger than with 1 on all of them, and less than 0.01 below that with 5.
LEAST_OF_NEW_ITEMS = 3.0

# The kernels square products of penalties and vectors in float32. With this penalty, a vector is zero, or equal to the
# sum of its feature embeddings, within the precision of float32.
LARGEST_PENALTY = 2.0**50

TERMS = {"linear": "d", "log": "log(1 + d)", "scaled_log": "(1 + log(d / min(d)))"}


@dataclass(frozen=True)
class Objective:
    """Confidences and penalties used in one fit.

    The confidence of a pair is ``c_ui = 1 + alpha t(d_ui)`` with the transformed strength t(d). If `scaling` is a
    number s, the penalty of user u is ``lam (w_u / mean(w_u))^s`` with ``w_u = n_items + alpha t_u``, where t_u is the
    sum of the user's t(d_ui). The penalties of items are defined in the same way. If `scaling` is "popularity", the
    penalty of item i is ``lam (t_i / mean(t_i))^(1/2)``, and the penalty of all users is lam.

    Attributes
    ----------
    alpha : float
    confidence : {"linear", "log", "scaled_log"}
    scale : float
        Strength at which "scaled_log" changes from linear to logarithmic.
    penalties : tuple of float
        Values of lam for users and for items.
    scaling : float or "popularity"
    mean_totals : tuple of float
        Mean of t_u over the users in training, and mean of t_i over the items in training.
    n_active : tuple of int
        Number of users and number of items in training.
    """

    alpha: float
    confidence: str
    scale: float
    penalties: tuple[float, float]
    scaling: float | str
    mean_totals: tuple[float, float]
    n_active: tuple[int, int]

    @classmethod
    def of(cls, model: Any, strengths: sp.csr_array, earlier: Objective | None = None) -> Objective:
        """Create a model's objective for a matrix of strengths that has no empty rows or columns.

        Parameters set to "auto" take their values from `earlier`. If `earlier` is None, these values are computed from
        the strengths.
        """
        parameters = [model._regularization_of(name) for name in ("user", "item")]
        automatic = "auto" in parameters
        confidence, scaling = model.confidence, model.regularization_scaling
        if confidence == "auto":
            confidence = "scaled_log" if model.alpha == "auto" else "linear"
        if scaling == "auto":
            scaling = "popularity" if parameters[1] == "auto" and model.engine == "native" else 0.0
        scale = 1.0
        if confidence == "scaled_log":
            scale = float(strengths.data.min(initial=np.inf)) if earlier is None else earlier.scale
        shape, n = strengths.shape, strengths.nnz
        mean = float(np.mean(transformed(strengths.data, confidence, scale), dtype=np.float64)) if n else 1.0
        alpha = model.alpha
        if alpha == "auto":
            alpha = automatic_alpha(shape, n, mean) if earlier is None else earlier.alpha
        computed = (0.0, 0.0)
        if automatic:
            computed = earlier.penalties if earlier is not None else noise_penalties(shape, n, alpha * mean)
        user, item = (auto if value == "auto" else value for value, auto in zip(parameters, computed, strict=True))
        mean_totals = mean * n / shape[0], mean * n / shape[1]
        return cls(float(alpha), confidence, scale, (float(user), float(item)), scaling, mean_totals, shape)

    def ratings(self, strengths: sp.csr_array) -> Ratings:
        """Compute the excess confidences c - 1, in the format that the solvers read."""
        data = transformed(strengths.data, self.confidence, self.scale)
        weights = sp.csr_array((data, strengths.indices, strengths.indptr), shape=strengths.shape)
        return scaled_ratings(weights, self.alpha, TERMS[self.confidence])

    def excess(self, strengths: sp.csr_array) -> sp.csr_array:
        """Compute the excess confidences c - 1, as a sparse matrix."""
        data = excess_of(self.ratings(strengths)).data
        return sp.csr_array((data, strengths.indices, strengths.indptr), shape=strengths.shape)

    def row_penalties(self, name: str, ratings: Ratings) -> np.ndarray:
        """Compute the penalty of the identity embedding of each user or item.

        If all penalties are equal, the result has shape (1,).
        """
        return np.minimum(self._row_penalties(name, ratings), LARGEST_PENALTY)

    def fold_in_penalties(self, name: str, penalties: np.ndarray, described: np.ndarray) -> np.ndarray:
        """Adapt the result of `row_penalties` to users or items that are folded in.

        Most users have not seen a new item yet, so that it matters less than in training who did not interact with it.
        Its features are a better guess, and an item that has them is shrunk towards them at least three times as
        strongly as the mean item in training. `described` marks the rows that have features.
        """
        if name == "user" or not isinstance(self.scaling, str):
            return penalties
        least = min(LEAST_OF_NEW_ITEMS * self.penalties[1], LARGEST_PENALTY)
        return np.where(described, np.maximum(penalties, least), penalties)

    def _row_penalties(self, name: str, ratings: Ratings) -> np.ndarray:
        """Compute the penalties by their formula, without an upper bound."""
        side = 0 if name == "user" else 1
        if self.scaling == 0 or (self.scaling == "popularity" and name == "user"):
            return np.array([self.penalties[side]])
        shares = self._shares(name, ratings)
        if isinstance(self.scaling, str):
            return self.penalties[side] * np.sqrt(shares)
        n_others, mean_excess = self.n_active[1 - side], self.alpha * self.mean_totals[side]
        return self.penalties[side] * ((n_others + mean_excess * shares) / (n_others + mean_excess)) ** self.scaling

    def feature_penalties(
        self, name: str, ratings: Ratings, features: sp.csr_array, regularization: float | None
    ) -> np.ndarray:
        """Compute the penalty of each feature embedding.

        Parameters
        ----------
        name : {"user", "item"}
        ratings : Ratings
            Excess confidences of the rows in training.
        features : csr_array of shape (n_rows, n_features)
            Side features of these rows.
        regularization : float or None
            Value of the parameter `feature_regularization`.
        """
        if regularization is not None:
            return np.full(features.shape[1], min(float(regularization), LARGEST_PENALTY))
        penalty = self.penalties[0 if name == "user" else 1]
        if not isinstance(self.scaling, str):
            return np.full(features.shape[1], min(penalty, LARGEST_PENALTY))
        shares = features.multiply(features).T @ self._shares(name, ratings)
        # A feature without interactions is penalized as if it had a single one.
        least = self.n_active[0 if name == "user" else 1] / len(ratings.indices)
        return np.minimum(FEATURE_SHARE * penalty * np.sqrt(np.maximum(shares, least)), LARGEST_PENALTY)

    def _shares(self, name: str, ratings: Ratings) -> np.ndarray:
        """Compute each row's total transformed strength, divided by the mean total in training."""
        return row_sums(ratings._replace(scale=np.float32(1))) / self.mean_totals[0 if name == "user" else 1]

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes that describe the objective."""
        user, item = self.penalties
        values = {"alpha_": self.alpha, "user_regularization_": user, "item_regularization_": item}
        return values | {"strength_scale_": self.scale, "_objective": self}


def transformed(strengths: np.ndarray, confidence: str, scale: float) -> np.ndarray:
    """Compute the transformed strengths t(d)."""
    if confidence == "linear":
        return strengths
    if confidence == "log":
        return np.log1p(strengths)
    with np.errstate(over="ignore"):
        shares = np.minimum(strengths / np.float32(scale), np.finfo(np.float32).max)
    # The logarithm continues the linear part with the same slope. It is computed in place to save memory.
    above = shares > 1
    np.log(shares, out=shares, where=above)
    return np.add(shares, 1, out=shares, where=above)


def automatic_alpha(shape: tuple[int, int], n_interactions: int, mean: float) -> float:
    """Compute the alpha for which the mean excess confidence of an interaction is MEAN_EXCESS / sqrt(density).

    `mean` is the mean of the transformed strengths.
    """
    density = max(n_interactions, 1) / (shape[0] * float(shape[1]))
    return float(MEAN_EXCESS / (np.sqrt(density) * mean))


def noise_penalties(shape: tuple[int, int], n_interactions: int, mean_excess: float) -> tuple[float, float]:
    """Compute the automatic penalties of users and items; see the Notes section of `WRMFRecommender`."""
    n_users, n_items = shape
    per_user, per_item = n_interactions / n_users, n_interactions / n_items
    penalty = NOISE_SHARE * (1 + mean_excess) * (np.sqrt(per_user) + np.sqrt(per_item))
    # Only the product of both matters to the scores. Their ratio is the ratio of the mean total confidences of rows.
    balance = np.sqrt((n_items + mean_excess * per_user) / (n_users + mean_excess * per_item))
    return float(penalty * balance), float(penalty / balance)
