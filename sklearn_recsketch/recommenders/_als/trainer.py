"""WRMF trainer: alternating least squares over users and items, with or without side features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.feature_matrix import FeatureMatrix, inner, ridge_step
from sklearn_recsketch._linalg.gram import gram
from sklearn_recsketch._linalg.norms import largest_norm
from sklearn_recsketch.kernels._als import Ratings
from sklearn_recsketch.recommenders._als.confidences import transposed
from sklearn_recsketch.recommenders._als.features import solve_features, solve_jointly
from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.recommenders._als.rows import Accuracy, Eigenbasis, FixedSide, Rotated, solve_side
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.utils._threads import Workers

__all__ = ["EXACT", "ALSTrainer"]

# Conjugate gradient starts from the solution of the previous iteration. Two steps then end within 1e-4 of the loss of
# exact solutions if all interactions are equal, but far above it if alpha * d reaches the hundreds. Taking steps until
# a row is close to its minimal loss costs as much on equal interactions, and comes close for any strengths.
TWO_STEPS = Accuracy(2)
NEAR_MINIMUM = Accuracy(200, excess=3e-5, share=0.05)
EXACT = Accuracy(1000, tol=1e-6, restarts=8)
FEATURE_STEPS = Accuracy(3)
LARGEST = float(np.finfo(np.float32).max)


class ALSSide(ABC):
    """Users or items being trained, with their confidences, penalties, side features and vectors.

    Attributes
    ----------
    vectors : Rotated
        Vectors of the active ids. They are replaced instead of being changed in place, so a snapshot does not need to
        copy them.
    """

    vectors: Rotated

    def __init__(self, ratings: Ratings, entities: Entities, initial: np.ndarray, pool: Workers) -> None:
        self._ratings, self._entities, self._pool = ratings, entities, pool
        # Indexing by a slice makes no copy.
        self._active: Any = slice(None) if entities.active.all() else np.flatnonzero(entities.active)
        # Embeddings of inactive ids keep their initial values. If all ids are active, the memory is released.
        self._initial = initial[:0].copy() if entities.design is None and isinstance(self._active, slice) else initial

    @staticmethod
    def of(
        ratings: Ratings,
        entities: Entities,
        penalty: np.ndarray,
        lam: np.ndarray,
        initial: np.ndarray,
        pool: Workers,
    ) -> ALSSide:
        """Create a side. `penalty` holds the feature penalties, and `lam` holds the row penalties."""
        if entities.design is None:
            return PlainALSSide(ratings, entities, lam, initial, pool)
        if entities.n_identity:
            return ShrunkALSSide(ratings, entities, penalty, lam, initial, pool)
        return FeatureALSSide(ratings, entities, penalty, initial, pool)

    def solve(self, other: ALSSide, accuracy: Accuracy) -> float:
        """Solve for the vectors of this side, with the other side fixed.

        Return the loss, excluding the penalty on the other side. The loss is NaN if the vectors of the other side are
        not finite.
        """
        fixed_gram = gram(other.vectors.coordinates, self._pool, accuracy.dtype)
        if not np.isfinite(fixed_gram).all():
            return np.nan
        eigenbasis = Eigenbasis.of(fixed_gram, accuracy.dtype)
        fixed = FixedSide.of(other.vectors, eigenbasis, self._least_penalty(), accuracy, self._pool)
        return self._solve(fixed, accuracy)

    @abstractmethod
    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        """Solve for the vectors of this side, with the other side in the eigenbasis of its Gram matrix."""

    @abstractmethod
    def _least_penalty(self) -> float:
        """Return the smallest row penalty."""

    @abstractmethod
    def penalty(self) -> float:
        """Compute this side's penalty term in the loss."""

    @property
    @abstractmethod
    def learned(self) -> tuple[Rotated, ...]:
        """All trained arrays. Setting this property restores a snapshot."""

    @learned.setter
    @abstractmethod
    def learned(self, learned: tuple[Rotated, ...]) -> None: ...

    def square(self) -> float:
        """Compute the sum of squares of all trained arrays.

        The sum is finite only if all values are finite.
        """
        return sum(inner(part.coordinates, part.coordinates, self._pool) for part in self.learned)

    @abstractmethod
    def embeddings(self) -> np.ndarray:
        """Return the embeddings of all ids and features."""

    def _with_identities(self, active: np.ndarray) -> np.ndarray:
        """Return the initial embeddings, with the identity embeddings of active ids replaced by `active`."""
        embeddings = self._initial.copy()
        embeddings[: len(self._entities.ids)][self._active] = active
        return embeddings


class PlainALSSide(ALSSide):
    """Users or items without side features. Each row is a single embedding."""

    def __init__(
        self, ratings: Ratings, entities: Entities, lam: np.ndarray, initial: np.ndarray, pool: Workers
    ) -> None:
        super().__init__(ratings, entities, initial, pool)
        self._lam = lam
        self.vectors = Rotated(initial[self._active])

    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        x = self.vectors.into(fixed.basis, self._pool, accuracy.dtype)
        loss = solve_side(self._ratings, fixed, self._lam, x, accuracy, self._pool)
        self.vectors = Rotated(x, fixed.basis)
        return loss

    def _least_penalty(self) -> float:
        return float(self._lam.min())

    def penalty(self) -> float:
        if len(self._lam) == 1:
            return float(self._lam[0]) * self.square()
        return _weighted_square(self._lam, self.vectors.coordinates)

    @property
    def learned(self) -> tuple[Rotated, ...]:
        return (self.vectors,)

    @learned.setter
    def learned(self, learned: tuple[Rotated, ...]) -> None:
        (self.vectors,) = learned

    def embeddings(self) -> np.ndarray:
        vectors = self.vectors.vectors(self._pool)
        return vectors if isinstance(self._active, slice) else self._with_identities(vectors)


class ShrunkALSSide(ALSSide):
    """Users or items with identity embeddings and side features.

    Each row is ``x = a z + f W``, where z is its identity embedding with the weight a, and W holds the embeddings of
    its features f. The penalty ``lam |z|^2`` is equal to ``shrinkage |x - f W|^2`` with ``shrinkage = lam / a^2``. The
    row is solved as it would be without features, but it is shrunk towards f W instead of 0. Then W is fitted to the
    rows.
    """

    def __init__(
        self,
        ratings: Ratings,
        entities: Entities,
        penalty: np.ndarray,
        lam: np.ndarray,
        initial: np.ndarray,
        pool: Workers,
    ) -> None:
        super().__init__(ratings, entities, initial, pool)
        assert entities.active_design is not None
        features = sp.csr_array(entities.active_design[:, entities.n_identity :])
        self._shrinkage, self._penalty = lam / entities.identity_weight**2, penalty.astype(np.float32)
        self._features = FeatureMatrix(features, self._shrinkage)
        self._diagonal = self._features.normal_diagonal(self._penalty, pool)
        self._weights = Rotated(initial[entities.n_identity :])
        identities = entities.identity_weight * initial[: entities.n_identity][self._active]
        self.vectors = Rotated(identities + self._features.times(self._weights.coordinates, pool))

    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        pool = self._pool
        x = self.vectors.into(fixed.basis, pool, accuracy.dtype)
        W = self._weights.into(fixed.basis, pool, accuracy.dtype)
        if not self._features.n_values:
            loss = solve_side(self._ratings, fixed, self._shrinkage, x, accuracy, pool)
            W = np.zeros_like(W)
        elif accuracy is EXACT:
            x, W, loss = solve_jointly(
                self._ratings, self._features, self._shrinkage, fixed, self._penalty, (x, W), accuracy, pool
            )
        else:
            prior = self._features.times(W, pool)
            loss = solve_side(self._ratings, fixed, self._shrinkage, x, accuracy, pool, prior)
            difference = np.subtract(x, prior, out=prior)
            W, change = ridge_step(self._features, self._penalty, self._diagonal, difference, W, pool)
            loss += change
        self.vectors, self._weights = Rotated(x, fixed.basis), Rotated(W, fixed.basis)
        return loss

    def _least_penalty(self) -> float:
        return float(self._shrinkage.min())

    def penalty(self) -> float:
        difference = self.vectors.coordinates - self._features.times(self._weights.coordinates, self._pool)
        of_features = _weighted_square(self._penalty, self._weights.coordinates)
        return _weighted_square(self._shrinkage, difference) + of_features

    @property
    def learned(self) -> tuple[Rotated, ...]:
        return self.vectors, self._weights

    @learned.setter
    def learned(self, learned: tuple[Rotated, ...]) -> None:
        self.vectors, self._weights = learned

    def embeddings(self) -> np.ndarray:
        weights = self._weights.vectors(self._pool)
        difference = self.vectors.vectors(self._pool) - self._features.times(weights, self._pool)
        embeddings = self._with_identities(difference / np.float32(self._entities.identity_weight))
        embeddings[self._entities.n_identity :] = weights
        return embeddings


class FeatureALSSide(ALSSide):
    """Users or items with side features but no identity embeddings. Each row is the sum of its feature embeddings."""

    def __init__(
        self, ratings: Ratings, entities: Entities, penalty: np.ndarray, initial: np.ndarray, pool: Workers
    ) -> None:
        super().__init__(ratings, entities, initial, pool)
        assert entities.active_design is not None
        self._features, self._penalty = FeatureMatrix(entities.active_design), penalty
        self.learned = (Rotated(initial),)

    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        W = self._weights.into(fixed.basis, self._pool, accuracy.dtype)
        accuracy = accuracy if accuracy is EXACT else FEATURE_STEPS
        W, loss = solve_features(self._ratings, self._features, fixed, self._penalty, W, accuracy, self._pool)
        self.learned = (Rotated(W, fixed.basis),)
        return loss

    def _least_penalty(self) -> float:
        return 0.0

    def square(self) -> float:
        return super().square() + inner(self.vectors.coordinates, self.vectors.coordinates, self._pool)

    def penalty(self) -> float:
        return _weighted_square(self._penalty, self._weights.coordinates)

    @property
    def learned(self) -> tuple[Rotated, ...]:
        return (self._weights,)

    @learned.setter
    def learned(self, learned: tuple[Rotated, ...]) -> None:
        (self._weights,) = learned
        self.vectors = self._weights._replace(coordinates=self._features.times(self._weights.coordinates, self._pool))

    def embeddings(self) -> np.ndarray:
        return self._weights.vectors(self._pool)


def _weighted_square(weights: np.ndarray, rows: np.ndarray) -> float:
    """Compute the sum of ``weights[r] |rows[r]|^2`` in float64. A single weight applies to all rows."""
    return float((weights * np.einsum("rk,rk->r", rows, rows, dtype=np.float64)).sum())


class ALSTrainer:
    """WRMF training state; see `Trainer`."""

    def __init__(self, model: Any, objective: Objective, problem: TrainingProblem, pool: Workers) -> None:
        self.objective = objective
        self._accuracy = {"auto": NEAR_MINIMUM, "cg": TWO_STEPS, "cholesky": EXACT}[model.solver]
        ratings = objective.ratings(problem.matrix)
        self._sides = []
        for name, entities, side, embeddings in (
            ("user", problem.users, ratings, problem.user_embeddings),
            ("item", problem.items, transposed(ratings, problem.matrix.shape[1]), problem.item_embeddings),
        ):
            lam, penalty = objective.row_penalties(name, side), np.zeros(0)
            if entities.active_design is not None:
                features = sp.csr_array(entities.active_design[:, entities.n_identity :])
                penalty = objective.feature_penalties(name, side, features, model.feature_regularization)
            self._sides.append(ALSSide.of(side, entities, penalty, lam, embeddings, pool))

    def run_epoch(self, epoch: int) -> float:
        """Solve for all users, then for all items. Return the loss L."""
        users, items = self._sides
        with np.errstate(over="ignore", invalid="ignore"):
            loss = users.solve(items, self._accuracy)
            if np.isnan(loss):
                return loss
            # The loss of the items lacks only the penalty of the users.
            return items.solve(users, self._accuracy) + users.penalty()

    def is_finite(self) -> bool:
        # As long as the squares are in the range of float32, so are all scores.
        return all(side.square() < LARGEST for side in self._sides)

    def snapshot(self, reuse: Any = None) -> list[tuple[Rotated, ...]]:
        return [side.learned for side in self._sides]

    def restore(self, snapshot: list[tuple[Rotated, ...]]) -> None:
        for side, learned in zip(self._sides, snapshot, strict=True):
            side.learned = learned

    def largest_norm(self) -> float:
        return largest_norm(side.vectors.coordinates for side in self._sides)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        return self._sides[0].embeddings(), self._sides[1].embeddings()
