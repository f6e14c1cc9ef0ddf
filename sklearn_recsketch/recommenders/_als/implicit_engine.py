"""WRMF engine that uses the implicit library."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._linalg.norms import largest_norm
from sklearn_recsketch._linalg.squared_errors import weighted_squared_errors
from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.recommenders._engine_requirements import (
    import_engine,
    plain_csr,
    refuse,
    refuse_features,
)
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.utils._threads import Workers

__all__ = ["ImplicitALSTrainer"]


class ImplicitALSTrainer:
    """WRMF training state that uses the solvers of the implicit library; see `Trainer`.

    The implicit library takes a matrix of confidences, 1 + alpha t(d). Its solver is called separately for users and
    for items. Each side can therefore have its own penalty, and the loss is known after each iteration.
    """

    def __init__(self, model: Any, objective: Objective, problem: TrainingProblem, pool: Workers) -> None:
        _check_parameters(model, objective, problem)
        self.objective = objective
        als = import_engine("implicit.cpu.als").AlternatingLeastSquares(
            factors=model.n_components, use_cg=model.solver != "cholesky", num_threads=pool.n_threads
        )
        self._solve, self._n_threads, self._pool = als.solver, pool.n_threads, pool
        self._initial = problem.user_embeddings, problem.item_embeddings
        self._active = np.flatnonzero(problem.users.active), np.flatnonzero(problem.items.active)
        self._vectors = [start[rows] for start, rows in zip(self._initial, self._active, strict=True)]
        self._excess = objective.excess(problem.matrix)
        confidence = plain_csr(self._excess)
        confidence.data = 1 + confidence.data
        self._confidence = confidence, confidence.T.tocsr()
        self._lam = objective.penalties

    def run_epoch(self, epoch: int) -> float:
        """Solve for all users, then for all items. Return the loss L."""
        users, items = self._vectors
        try:
            for confidence, rows, fixed, lam in zip(
                self._confidence, (users, items), (items, users), self._lam, strict=True
            ):
                self._solve(confidence, rows, fixed, lam, num_threads=self._n_threads)
        except ValueError as error:
            if "posv failed" not in str(error):
                raise
            return float("nan")  # a matrix that is not positive definite has no Cholesky factorization
        with np.errstate(over="ignore", invalid="ignore"):
            loss = weighted_squared_errors(users, items, self._excess, self._pool)
            return loss + sum(lam * _square(rows) for lam, rows in zip(self._lam, self._vectors, strict=True))

    def is_finite(self) -> bool:
        return all(bool(np.isfinite(_square(rows))) for rows in self._vectors)

    def snapshot(self, reuse: Any = None) -> list[np.ndarray]:
        return [rows.copy() for rows in self._vectors]

    def restore(self, snapshot: list[np.ndarray]) -> None:
        self._vectors = [rows.copy() for rows in snapshot]

    def largest_norm(self) -> float:
        return largest_norm(self._vectors)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        complete = []
        for start, rows, trained in zip(self._initial, self._active, self._vectors, strict=True):
            vectors = start.copy()
            vectors[rows] = trained
            complete.append(vectors)
        return complete[0], complete[1]


def _square(rows: np.ndarray) -> float:
    return float(np.einsum("rk,rk->", rows, rows, dtype=np.float64))


def _check_parameters(model: Any, objective: Objective, problem: TrainingProblem) -> None:
    """Raise a ValueError for parameters and data that the implicit library does not support."""
    refuse_features(model, (problem.users, problem.items))
    if objective.scaling:
        refuse(
            model,
            "regularization_scaling",
            model.regularization_scaling,
            "implicit applies the same penalty to all rows of a side",
            "Set it to 0",
        )
