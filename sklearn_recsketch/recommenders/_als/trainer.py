"""Sweeps of WRMF: the two sides of the alternation and what is learnt of them."""

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
from sklearn_recsketch.recommenders._als.rows import Accuracy, FixedSide, Rotated, solve_side
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.utils._threads import Workers

__all__ = ["EXACT", "ALSTrainer"]

# Conjugate gradient starts from the last sweep's solution. Two steps then end within 1e-4 of the loss
# of exact solves on sparse likes, but far above it where alpha * d reaches the hundreds. Steps until a
# row is within 3e-5 of its least loss, or is getting there, take the same time on likes and end at that
# loss everywhere.
STEPS = Accuracy(2)
NEARLY = Accuracy(200, excess=3e-5, share=0.05)
EXACT = Accuracy(1000, tol=1e-6, restarts=8)
FEATURE_STEPS = Accuracy(3)


class ALSSide(ABC):
    """One side of the alternation: its ratings, penalties and features, and what is learnt of it.

    Attributes
    ----------
    vectors : Rotated
        Vectors of the active entities. Replaced, never changed, so a snapshot is a reference.
    """

    vectors: Rotated

    def __init__(self, ratings: Ratings, entities: Entities, initial: np.ndarray, pool: Workers) -> None:
        self._ratings, self._entities, self._pool = ratings, entities, pool
        # A slice takes no copy.
        self._active: Any = slice(None) if entities.active.all() else np.flatnonzero(entities.active)
        # What others than active ones stay at. Without any it is not held on to: it is as large as what is learnt.
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
        """The half for these entities; `penalty` is that of each feature, `lam` that of each row's own embedding."""
        if entities.design is None:
            return PlainALSSide(ratings, entities, lam, initial, pool)
        if entities.n_identity:
            return ShrunkALSSide(ratings, entities, penalty, lam, initial, pool)
        return FeatureALSSide(ratings, entities, penalty, initial, pool)

    def solve(self, other: ALSSide, accuracy: Accuracy) -> float:
        """Solve against the other side; returns the loss without its regularization, NaN where that is lost."""
        fixed_gram = gram(other.vectors.coordinates, self._pool, accuracy.dtype)
        if not np.isfinite(fixed_gram).all():
            return np.nan
        return self._solve(
            FixedSide.of(other.vectors, fixed_gram, self._least_penalty(), accuracy, self._pool), accuracy
        )

    @abstractmethod
    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        """The same, the other side being rotated."""

    @abstractmethod
    def _least_penalty(self) -> float:
        """The least regularization of a row."""

    @abstractmethod
    def penalty(self) -> float:
        """The regularization term of this side."""

    @property
    @abstractmethod
    def learnt(self) -> tuple[Rotated, ...]:
        """All that is learnt; setting it goes back to a snapshot."""

    @learnt.setter
    @abstractmethod
    def learnt(self, learnt: tuple[Rotated, ...]) -> None: ...

    def square(self) -> float:
        """Sum of the squares of all that was learnt: finite only if each of them is."""
        return sum(inner(part.coordinates, part.coordinates, self._pool) for part in self.learnt)

    @abstractmethod
    def embeddings(self) -> np.ndarray:
        """Embeddings of all entities, active or not."""

    def _with_identities(self, active: np.ndarray) -> np.ndarray:
        """The initial embeddings with those of active entities replaced."""
        embeddings = self._initial.copy()
        embeddings[: len(self._entities.ids)][self._active] = active
        return embeddings


class PlainALSSide(ALSSide):
    """Rows that are embeddings of their own."""

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
    def learnt(self) -> tuple[Rotated, ...]:
        return (self.vectors,)

    @learnt.setter
    def learnt(self, learnt: tuple[Rotated, ...]) -> None:
        (self.vectors,) = learnt

    def embeddings(self) -> np.ndarray:
        vectors = self.vectors.vectors(self._pool)
        return vectors if isinstance(self._active, slice) else self._with_identities(vectors)


class ShrunkALSSide(ALSSide):
    """Rows that are the sum of an embedding of their own and of those of their features.

    With a the coefficient of its own, the penalty ``lam |z|^2`` of the row ``x = a z + f W`` is
    ``pull |x - f W|^2``, ``pull = lam / a^2``: the row is solved as without features, but shrunk towards f W instead
    of 0, and W is then fitted to the rows.
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
        self._pull, self._penalty = lam / entities.identity_weight**2, penalty.astype(np.float32)
        self._features = FeatureMatrix(features, self._pull)
        self._diagonal = self._features.normal_diagonal(self._penalty, pool)
        self._weights = Rotated(initial[entities.n_identity :])
        own = entities.identity_weight * initial[: entities.n_identity][self._active]
        self.vectors = Rotated(own + self._features.times(self._weights.coordinates, pool))

    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        pool = self._pool
        x = self.vectors.into(fixed.basis, pool, accuracy.dtype)
        W = self._weights.into(fixed.basis, pool, accuracy.dtype)
        if not self._features.n_values:
            loss = solve_side(self._ratings, fixed, self._pull, x, accuracy, pool)
            W = np.zeros_like(W)
        elif accuracy is EXACT:
            x, W, loss = solve_jointly(
                self._ratings, self._features, self._pull, fixed, self._penalty, (x, W), accuracy, pool
            )
        else:
            prior = self._features.times(W, pool)
            loss = solve_side(self._ratings, fixed, self._pull, x, accuracy, pool, prior)
            away = np.subtract(x, prior, out=prior)
            W, change = ridge_step(self._features, self._penalty, self._diagonal, away, W, pool)
            loss += change
        self.vectors, self._weights = Rotated(x, fixed.basis), Rotated(W, fixed.basis)
        return loss

    def _least_penalty(self) -> float:
        return float(self._pull.min())

    def penalty(self) -> float:
        away = self.vectors.coordinates - self._features.times(self._weights.coordinates, self._pool)
        return _weighted_square(self._pull, away) + _weighted_square(self._penalty, self._weights.coordinates)

    @property
    def learnt(self) -> tuple[Rotated, ...]:
        return self.vectors, self._weights

    @learnt.setter
    def learnt(self, learnt: tuple[Rotated, ...]) -> None:
        self.vectors, self._weights = learnt

    def embeddings(self) -> np.ndarray:
        weights = self._weights.vectors(self._pool)
        away = self.vectors.vectors(self._pool) - self._features.times(weights, self._pool)
        embeddings = self._with_identities(away / np.float32(self._entities.identity_weight))
        embeddings[self._entities.n_identity :] = weights
        return embeddings


class FeatureALSSide(ALSSide):
    """Rows that are sums of their features' embeddings and of nothing else."""

    def __init__(
        self, ratings: Ratings, entities: Entities, penalty: np.ndarray, initial: np.ndarray, pool: Workers
    ) -> None:
        super().__init__(ratings, entities, initial, pool)
        assert entities.active_design is not None
        self._features, self._penalty = FeatureMatrix(entities.active_design), penalty
        self.learnt = (Rotated(initial),)

    def _solve(self, fixed: FixedSide, accuracy: Accuracy) -> float:
        W = self._weights.into(fixed.basis, self._pool, accuracy.dtype)
        accuracy = accuracy if accuracy is EXACT else FEATURE_STEPS
        W, loss = solve_features(self._ratings, self._features, fixed, self._penalty, W, accuracy, self._pool)
        self.learnt = (Rotated(W, fixed.basis),)
        return loss

    def _least_penalty(self) -> float:
        return 0.0

    def penalty(self) -> float:
        return _weighted_square(self._penalty, self._weights.coordinates)

    @property
    def learnt(self) -> tuple[Rotated, ...]:
        return (self._weights,)

    @learnt.setter
    def learnt(self, learnt: tuple[Rotated, ...]) -> None:
        (self._weights,) = learnt
        self.vectors = self._weights._replace(coordinates=self._features.times(self._weights.coordinates, self._pool))

    def embeddings(self) -> np.ndarray:
        return self._weights.vectors(self._pool)


def _weighted_square(weights: np.ndarray, rows: np.ndarray) -> float:
    """Sum of weights[r] |rows[r]|^2 in float64; a single weight stands for all."""
    return float((weights * np.einsum("rk,rk->r", rows, rows, dtype=np.float64)).sum())


class ALSTrainer:
    """Training state of WRMF."""

    def __init__(self, model: Any, objective: Objective, problem: TrainingProblem, pool: Workers) -> None:
        self.objective = objective
        self._accuracy = {"auto": NEARLY, "cg": STEPS, "cholesky": EXACT}[model.solver]
        ratings = objective.ratings(problem.matrix)
        self._halves = []
        for name, entities, side, embeddings in (
            ("user", problem.users, ratings, problem.user_embeddings),
            ("item", problem.items, transposed(ratings, problem.matrix.shape[1]), problem.item_embeddings),
        ):
            lam, penalty = objective.row_penalties(name, side), np.zeros(0)
            if entities.active_design is not None:
                features = sp.csr_array(entities.active_design[:, entities.n_identity :])
                penalty = objective.feature_penalties(name, side, features, model.feature_regularization)
            self._halves.append(ALSSide.of(side, entities, penalty, lam, embeddings, pool))

    def run_epoch(self, epoch: int) -> float:
        """One sweep over users, one over items; returns L."""
        users, items = self._halves
        with np.errstate(over="ignore", invalid="ignore"):
            loss = users.solve(items, self._accuracy)
            if np.isnan(loss):
                return loss
            # The item half-sweep knows all of L but the users' penalty.
            return items.solve(users, self._accuracy) + users.penalty()

    def is_finite(self) -> bool:
        return all(bool(np.isfinite(half.square())) for half in self._halves)

    def snapshot(self, reuse: Any = None) -> list[tuple[Rotated, ...]]:
        return [half.learnt for half in self._halves]

    def restore(self, snapshot: list[tuple[Rotated, ...]]) -> None:
        for half, learnt in zip(self._halves, snapshot, strict=True):
            half.learnt = learnt

    def largest_norm(self) -> float:
        return largest_norm(half.vectors.coordinates for half in self._halves)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        return self._halves[0].embeddings(), self._halves[1].embeddings()
