"""Sweeps of WRMF: the two sides of the alternation and what is learnt of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._jit import rows_of
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import Problem
from sklearn_recsketch.solvers._wrmf_features import FeatureMatrix, inner, solve_features
from sklearn_recsketch.solvers._wrmf_rows import Accuracy, Rotated, gram, solve_side
from sklearn_recsketch.utils._threads import Workers

__all__ = ["EXACT", "Sweeps"]

# Conjugate gradient starts from the last sweep's solution. Two steps then end within 1e-4 of the loss
# of exact solves on sparse likes, but far above it where alpha * d reaches the hundreds. Steps until a
# row is within 3e-5 of its least loss, or is getting there, take the same time on likes and end at that
# loss everywhere.
STEPS = Accuracy(2)
NEARLY = Accuracy(200, excess=3e-5, share=0.05)
EXACT = Accuracy(1000, tol=1e-6, restarts=8)
FEATURE_STEPS = Accuracy(3)


def row_penalties(excess: sp.csr_array, regularization: float, scaling: float) -> np.ndarray:
    """lam of each row: of shape (1,) where all are equal.

    ``lam_u = regularization * (w_u / mean(w))^scaling`` with w_u the sum of row u's confidences
    over all columns.
    """
    if scaling == 0:
        return np.array([regularization])
    w = excess.shape[1] + excess.sum(axis=1, dtype=np.float64)
    return regularization * (w / w.mean()) ** scaling


class Half:
    """One side of the alternation: its ratings, penalties and features, and what is learnt of it.

    Attributes
    ----------
    vectors : Rotated
        Vectors of the active entities. Replaced, never changed, so a snapshot is a reference.
    weights : ndarray or None
        With side features the embeddings that add up to the vectors.
    """

    def __init__(
        self,
        excess: sp.csr_array,
        entities: Entities,
        penalty: np.ndarray,
        lam: np.ndarray,
        embeddings: np.ndarray,
        pool: Workers,
    ) -> None:
        excess.sort_indices()
        self._ratings = rows_of(excess)
        self._lam, self._pool = lam, pool
        self._initial = embeddings
        # A slice takes no copy.
        self._active = slice(None) if entities.active.all() else np.flatnonzero(entities.active)
        self._features = None
        self.weights = None
        if entities.active_design is None:
            self.vectors = Rotated(embeddings[self._active])
            return
        self._features = FeatureMatrix(entities.active_design)
        self._penalty = penalty.copy()
        if len(lam) > 1 and entities.n_identity:
            self._penalty[np.flatnonzero(entities.active)] = lam
        self.weights = embeddings
        self.vectors = Rotated(self._features.times(embeddings, pool))

    def solve(self, fixed: Rotated, accuracy: Accuracy) -> float:
        """Solve against the other side; returns the loss without its regularization, NaN where `fixed` is lost."""
        fixed_gram = gram(fixed.coordinates, self._pool, accuracy.dtype)
        if not np.isfinite(fixed_gram).all():
            return np.nan
        if self._features is None or self.weights is None:
            self.vectors, loss = solve_side(
                self._ratings, fixed, fixed_gram, self._lam, self.vectors, accuracy, self._pool
            )
            return loss
        others = fixed.vectors(self._pool, accuracy.dtype)
        others_gram = fixed.in_standard_basis(fixed_gram)
        if accuracy is not EXACT:
            accuracy = FEATURE_STEPS
        self.weights, loss = solve_features(
            self._ratings, self._features, others, others_gram, self._penalty, self.weights, accuracy, self._pool
        )
        self.vectors = Rotated(self._features.times(self.weights, self._pool))
        return loss

    @property
    def _learnt(self) -> np.ndarray:
        return self.vectors.coordinates if self.weights is None else self.weights

    def penalty(self) -> float:
        """The regularization term of this side."""
        lam = self._lam if self.weights is None else self._penalty
        if len(lam) == 1:
            return float(lam[0]) * self.square()
        return float((lam * np.einsum("ik,ik->i", self._learnt, self._learnt)).sum(dtype=np.float64))

    def square(self) -> float:
        """Sum of the squares of all that was learnt: finite only if each of them is."""
        return inner(self._learnt, self._learnt, self._pool)

    def embeddings(self) -> np.ndarray:
        """Embeddings of all entities, active or not."""
        if self.weights is not None:
            return self.weights
        vectors = self.vectors.vectors(self._pool)
        if isinstance(self._active, slice):
            return vectors
        embeddings = self._initial.copy()
        embeddings[self._active] = vectors
        return embeddings


class Sweeps:
    """Training state of WRMF."""

    def __init__(self, model: Any, problem: Problem, pool: Workers) -> None:
        self._accuracy = {"auto": NEARLY, "cg": STEPS, "cholesky": EXACT}[model.solver]
        excess = model._excess(problem.matrix)
        self._halves = []
        for name, entities, side, embeddings in (
            ("user", problem.users, excess, problem.user_embeddings),
            ("item", problem.items, sp.csr_array(excess.T), problem.item_embeddings),
        ):
            lam = row_penalties(side, model._regularization_of(name), model.regularization_scaling)
            self._halves.append(Half(side, entities, model._penalty(entities, name), lam, embeddings, pool))

    def run_epoch(self, epoch: int) -> float:
        """One sweep over users, one over items; returns L."""
        users, items = self._halves
        with np.errstate(over="ignore", invalid="ignore"):
            loss = users.solve(items.vectors, self._accuracy)
            if np.isnan(loss):
                return loss
            # The item half-sweep knows all of L but the users' penalty.
            return items.solve(users.vectors, self._accuracy) + users.penalty()

    def is_finite(self) -> bool:
        return all(bool(np.isfinite(half.square())) for half in self._halves)

    def snapshot(self, reuse: Any = None) -> list[tuple[Rotated, np.ndarray | None]]:
        return [(half.vectors, half.weights) for half in self._halves]

    def restore(self, snapshot: list[tuple[Rotated, np.ndarray | None]]) -> None:
        for half, (vectors, weights) in zip(self._halves, snapshot, strict=True):
            half.vectors, half.weights = vectors, weights

    def largest_norm(self) -> float:
        squares = (np.square(half.vectors.coordinates, dtype=np.float64).sum(axis=1) for half in self._halves)
        return max(float(np.sqrt(square.max(initial=0))) for square in squares)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        return self._halves[0].embeddings(), self._halves[1].embeddings()
