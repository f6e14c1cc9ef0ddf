"""Half-sweeps of WRMF over rows that have an embedding of their own."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from sklearn_recsketch._linalg.gram import multiply
from sklearn_recsketch.kernels._als import N_WORK, WIDTH, Ratings, solve_rows
from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.utils._threads import Workers, balanced_ranges

__all__ = ["Accuracy", "FixedSide", "Rotated", "solve_side"]


class Accuracy(NamedTuple):
    """How far to solve: for so many steps, until the residual is `tol` times the right-hand side, or until
    what the loss of a row can still fall is a share `excess` of it, or nearly so and the share `share` of what it
    was before.

    Conjugate gradient begins anew from the true residual at most `restarts` times.
    """

    steps: int
    tol: float = 0.0
    excess: float = 0.0
    share: float = 0.0
    restarts: int = 1

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Precision of Gram matrices: float32 does where rows are not solved exactly."""
        return np.float64 if self.tol > 0 else np.float32


class Rotated(NamedTuple):
    """Vectors x by their coordinates in an orthonormal basis: ``x = coordinates @ basis.T``.

    What a half-sweep solves stays in the basis it was solved in, as the next one changes it again anyway.
    """

    coordinates: np.ndarray  # float32 (n, K)
    basis: np.ndarray | None = None  # float64 (K, K), its columns the basis; None is the standard one

    def into(self, basis: np.ndarray, pool: Workers, dtype: type[np.floating[Any]] = np.float32) -> np.ndarray:
        """Coordinates in another basis."""
        return multiply(self.coordinates, basis if self.basis is None else self.basis.T @ basis, pool, dtype)

    def turned(self, rotation: np.ndarray) -> np.ndarray:
        """The basis in which the coordinates are ``coordinates @ rotation``."""
        return rotation if self.basis is None else self.basis @ rotation

    def in_standard_basis(self, gram_matrix: np.ndarray) -> np.ndarray:
        """Gram matrix of the vectors, from that of their coordinates."""
        return gram_matrix if self.basis is None else self.basis @ gram_matrix @ self.basis.T

    def vectors(self, pool: Workers, dtype: type[np.floating[Any]] = np.float32) -> np.ndarray:
        """x, float32; computed in `dtype`."""
        return self.coordinates if self.basis is None else multiply(self.coordinates, self.basis.T, pool, dtype)


class FixedSide(NamedTuple):
    """The side that a half-sweep does not solve, in the eigenbasis of its Gram matrix."""

    table: np.ndarray  # float32 (n_fixed + 1, K): coordinates in the basis, and a row of zeros for the kernel
    eigenvalues: np.ndarray  # float32 (K,), positive
    basis: np.ndarray  # float64 (K, K), its columns the basis

    @classmethod
    def of(
        cls, fixed: Rotated, fixed_gram: np.ndarray, least_lam: float, accuracy: Accuracy, pool: Workers
    ) -> FixedSide:
        """Rotate `fixed`; `fixed_gram` is the Gram matrix of its coordinates, over the rows that take part in L."""
        eigenvalues, rotation = scipy.linalg.eigh(fixed_gram, driver="evd")
        # A Gram matrix of lower rank with lam = 0 has no inverse: directions without data get none.
        eps = np.finfo(np.float32).eps ** (1.5 if accuracy.dtype is np.float64 else 1.0)
        eigenvalues = np.maximum(eigenvalues, eps * max(eigenvalues[-1], np.finfo(np.float32).tiny))
        # Rounding in float32 matters to exact rows where the eigenvalues spread by more than 1e4.
        low, high = eigenvalues[[0, -1]] + least_lam
        dtype = accuracy.dtype if high > 1e4 * low else np.float32
        table = read_only(multiply(fixed.coordinates, rotation, pool, dtype, n_more=1))
        values = read_only(np.maximum(eigenvalues, np.finfo(np.float32).tiny).astype(np.float32))
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
    """Solve every row against the fixed factors of the other side.

    Parameters
    ----------
    ratings : Ratings
        Excess confidences c - 1 of the rows to solve.
    fixed : FixedSide
        Factors of the other side.
    lam : ndarray of shape (1,) or (n_rows,)
        Regularization, one for all or one per row.
    start : ndarray of shape (n_rows, K), dtype float32
        Where to start from, in the basis of `fixed`; the solution on return.
    accuracy : Accuracy
    pool : Workers
    prior : ndarray of shape (n_rows, K), dtype float32, default=None
        What a row is shrunk towards instead of 0: the penalty is ``lam |x - prior|^2``. In the basis of `fixed`.

    Returns
    -------
    loss : float
        The objective without the regularization of the fixed side.
    """
    K = start.shape[1]
    drawn = read_only(np.empty((0, K), np.float32) if prior is None else prior)
    penalties, far = read_only(lam.astype(np.float32)), tuple(accuracy)
    longest = int(np.diff(ratings.indptr).max(initial=0)) + WIDTH
    local = threading.local()

    def part(task: tuple[int, int]) -> float:
        if not hasattr(local, "scratch"):
            work = np.empty((N_WORK, K), np.float32)
            local.scratch = np.empty(longest, np.int32), np.empty(longest, np.float32), work
        return solve_rows(
            task[0], task[1], ratings, fixed.table, start, fixed.eigenvalues, penalties, drawn, far, local.scratch
        )

    return float(np.sum(pool.map(part, balanced_ranges(ratings.indptr))))
