"""WRMF solver for the rows of one side, with the other side fixed."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from sklearn_recsketch._linalg.gram import multiply
from sklearn_recsketch.kernels._als import N_WORK, WIDTH, Ratings, solve_rows
from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.utils._threads import Workers, balanced_ranges

__all__ = ["Accuracy", "Eigenbasis", "FixedSide", "Rotated", "solve_side"]


class Accuracy(NamedTuple):
    """Stopping criteria for conjugate gradient.

    Attributes
    ----------
    steps : int
        Maximum number of steps.
    tol : float
        Stop if the norm of the residual is at most `tol` times the norm of the right-hand side.
    excess : float
        Stop if the loss of a row can decrease by at most this fraction.
    share : float
        Also stop if the loss of a row can decrease by slightly more than `excess`, but by at most the fraction `share`
        of its initial distance from the minimum.
    restarts : int
        Maximum number of times to start conjugate gradient. Each start recomputes the residual from the current
        solution.
    """

    steps: int
    tol: float = 0.0
    excess: float = 0.0
    share: float = 0.0
    restarts: int = 1

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Data type of the Gram matrices. float32 suffices unless exact solutions are required."""
        return np.float64 if self.tol > 0 else np.float32


class Rotated(NamedTuple):
    """Vectors x in an orthonormal basis: ``x = coordinates @ basis.T``.

    Solutions stay in the basis in which they were computed because the next iteration changes the basis again.
    """

    coordinates: np.ndarray  # float32 (n, K)
    basis: np.ndarray | None = None  # float64 (K, K), whose columns are the basis; None is the standard basis

    def into(self, basis: np.ndarray, pool: Workers, dtype: type[np.floating[Any]] = np.float32) -> np.ndarray:
        """Compute the coordinates in another basis."""
        return multiply(self.coordinates, basis if self.basis is None else self.basis.T @ basis, pool, dtype)

    def turned(self, rotation: np.ndarray) -> np.ndarray:
        """Return the basis in which the coordinates are ``coordinates @ rotation``."""
        return rotation if self.basis is None else self.basis @ rotation

    def vectors(self, pool: Workers, dtype: type[np.floating[Any]] = np.float32) -> np.ndarray:
        """Compute the vectors x in the standard basis with precision `dtype`, and return them in float32."""
        return self.coordinates if self.basis is None else multiply(self.coordinates, self.basis.T, pool, dtype)


class Eigenbasis(NamedTuple):
    """Eigendecomposition of the Gram matrix of the fixed side."""

    eigenvalues: np.ndarray  # float64 (K,), positive, in ascending order
    vectors: np.ndarray  # float64 (K, K), whose columns are the eigenvectors

    @classmethod
    def of(cls, fixed_gram: np.ndarray, dtype: type[np.floating[Any]]) -> Eigenbasis:
        """Decompose a Gram matrix that was computed with precision `dtype`."""
        eigenvalues, vectors = scipy.linalg.eigh(fixed_gram, driver="evd")
        # With lam = 0, a Gram matrix of lower rank has no inverse, so its eigenvalues get a lower bound.
        eps = np.finfo(np.float32).eps ** (1.5 if dtype is np.float64 else 1.0)
        return cls(np.maximum(eigenvalues, eps * max(eigenvalues[-1], np.finfo(np.float32).tiny)), vectors)


class FixedSide(NamedTuple):
    """Vectors of the fixed side, in the eigenbasis of their Gram matrix."""

    table: np.ndarray  # float32 (n_fixed + 1, K): coordinates in the basis, and a row of zeros for the kernel
    eigenvalues: np.ndarray  # float32 (K,), positive
    basis: np.ndarray  # float64 (K, K), whose columns are the basis

    @classmethod
    def of(
        cls, fixed: Rotated, eigenbasis: Eigenbasis, least_lam: float, accuracy: Accuracy, pool: Workers
    ) -> FixedSide:
        """Rotate `fixed` into the eigenbasis of the Gram matrix of all rows that occur in the loss L."""
        eigenvalues, rotation = eigenbasis
        # If the eigenvalues spread by more than 1e4, rounding in float32 affects exact solutions.
        low, high = eigenvalues[[0, -1]] + least_lam
        dtype = accuracy.dtype if high > 1e4 * low else np.float32
        table = read_only(multiply(fixed.coordinates, rotation, pool, dtype, n_more=1))
        limits = np.finfo(np.float32)
        values = read_only(np.clip(eigenvalues, limits.tiny, limits.max).astype(np.float32))
        return cls(table, values, fixed.turned(rotation))


def solve_side(
    ratings: Ratings,
    fixed: FixedSide,
    lam: np.ndarray,
    start: np.ndarray,
    accuracy: Accuracy,
    pool: Workers,
    prior: np.ndarray | None = None,
) -> float:
    """Solve for every row, with the other side fixed.

    Parameters
    ----------
    ratings : Ratings
        Excess confidences c - 1 of the rows to solve.
    fixed : FixedSide
        Factors of the other side.
    lam : ndarray of shape (1,) or (n_rows,)
        Penalty of each row. A single value applies to all rows.
    start : ndarray of shape (n_rows, K), dtype float32
        Initial rows, in the basis of `fixed`. They are overwritten with the solution.
    accuracy : Accuracy
    pool : Workers
    prior : ndarray of shape (n_rows, K), dtype float32, default=None
        Vectors towards which the rows are shrunk, in the basis of `fixed`. The penalty is ``lam |x - prior|^2``. If
        None, the rows are shrunk towards 0.

    Returns
    -------
    loss : float
        Value of the objective, excluding the penalty on the fixed side.
    """
    K = start.shape[1]
    priors = read_only(np.empty((0, K), np.float32) if prior is None else prior)
    penalties, criterion = read_only(lam.astype(np.float32)), tuple(accuracy)
    longest = int(np.diff(ratings.indptr).max(initial=0)) + WIDTH
    local = threading.local()

    def part(task: tuple[int, int]) -> float:
        if not hasattr(local, "scratch"):
            work = np.empty((N_WORK, K), np.float32)
            local.scratch = np.empty(longest, np.int32), np.empty(longest, np.float32), work
        return solve_rows(
            task[0],
            task[1],
            ratings,
            fixed.table,
            start,
            fixed.eigenvalues,
            penalties,
            priors,
            criterion,
            local.scratch,
        )

    return float(np.sum(pool.map(part, balanced_ranges(ratings.indptr))))
