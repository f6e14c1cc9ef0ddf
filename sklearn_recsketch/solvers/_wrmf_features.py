"""Half-sweeps of WRMF over features' embeddings: matrix-free preconditioned conjugate gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of
from sklearn_recsketch.kernels._sparse import confidence_product, dot, sparse_product, target_sums
from sklearn_recsketch.solvers._wrmf_rows import CHUNK, Accuracy, multiply
from sklearn_recsketch.utils._threads import Workers, balanced_ranges, even_ranges

__all__ = ["FeatureMatrix", "inner", "solve_features"]


class FeatureMatrix:
    """A sparse matrix with its transpose, multiplied by dense ones over a pool."""

    def __init__(self, matrix: sp.csr_array) -> None:
        self._rows = rows_of(matrix)
        transposed = sp.csr_array(matrix.T)
        transposed.sort_indices()
        self._transposed = rows_of(transposed)
        self._squared = self._transposed._replace(data=read_only(self._transposed.data**2))

    def times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """matrix @ dense."""
        return _product(self._rows, dense, pool)

    def transposed_times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """matrix.T @ dense."""
        return _product(self._transposed, dense, pool)

    def transposed_squares_times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """(matrix * matrix).T @ dense."""
        return _product(self._squared, dense, pool)


def _product(rows: Rows, dense: np.ndarray, pool: Workers) -> np.ndarray:
    out = np.empty((len(rows.indptr) - 1, dense.shape[1]), dtype=np.float32)
    source = read_only(dense)
    pool.map(lambda task: sparse_product(task[0], task[1], rows, source, out), balanced_ranges(rows.indptr))
    return out


def solve_features(
    ratings: Rows,
    features: FeatureMatrix,
    fixed: np.ndarray,
    fixed_gram: np.ndarray,
    penalty: np.ndarray,
    start: np.ndarray,
    accuracy: Accuracy,
    pool: Workers,
) -> tuple[np.ndarray, float]:
    """Embeddings W of features that minimise the objective of WRMF, the other side's factors fixed.

    With F the features, Y the fixed factors, G their Gram matrix, E the excess confidences and
    Lam = diag(penalty), the gradient vanishes where
    ``F^T [(F W) G + sum_c e_rc (y_c.(F W)_r) y_c] + Lam W = F^T [sum_c (1 + e_rc) y_c]``. One product
    with the left side costs O(nnz(R) K + nnz(F) K + n K^2). All is done in the eigenbasis of G, where
    the diagonal preconditioner holds all of G.

    Parameters
    ----------
    ratings : Rows
        Excess confidences, one row per row of `features`.
    features : FeatureMatrix of shape (n, n_features)
    fixed : ndarray of shape (n_fixed, K), dtype float32
    fixed_gram : ndarray of shape (K, K)
    penalty : ndarray of shape (n_features,)
    start : ndarray of shape (n_features, K), dtype float32
    accuracy : Accuracy
    pool : Workers

    Returns
    -------
    W : ndarray of shape (n_features, K), dtype float32
    loss : float
        The objective without the regularization of the fixed side.
    """
    values, vectors = scipy.linalg.eigh(fixed_gram)
    diagonal_gram = np.maximum(values, 0).astype(np.float32)
    rotated = read_only(multiply(fixed, vectors, pool))
    W = multiply(start, vectors, pool)
    lam = penalty.astype(np.float32)[:, None]
    ranges = balanced_ranges(ratings.indptr)

    def left_side(P: np.ndarray) -> np.ndarray:
        represented = features.times(P, pool)
        H = represented * diagonal_gram
        source = read_only(represented)
        pool.map(lambda task: confidence_product(task[0], task[1], ratings, rotated, source, H), ranges)
        return features.transposed_times(H, pool) + lam * P

    n, K = len(ratings.indptr) - 1, fixed.shape[1]
    target, diagonal = np.empty((n, K), np.float32), np.empty((n, K), np.float32)
    confidences = pool.map(lambda task: target_sums(task[0], task[1], ratings, rotated, target, diagonal), ranges)
    preconditioner = features.transposed_squares_times(diagonal + diagonal_gram, pool) + lam
    np.maximum(preconditioner, np.finfo(np.float32).tiny, out=preconditioner)
    b = features.transposed_times(target, pool)
    W, residual = _conjugate_gradient(left_side, b, W, preconditioner, accuracy, pool)
    # At any W the objective is sum(c) - 2 b.W + W.A W = sum(c) - b.W - r.W.
    loss = float(np.sum(confidences)) - inner(b, W, pool) - inner(residual, W, pool)
    return multiply(W, vectors.T, pool), loss


def inner(a: np.ndarray, b: np.ndarray, pool: Workers) -> float:
    """Sum of a * b in float64, in fixed chunks."""
    a, b = read_only(a), read_only(b)
    return float(np.sum(pool.map(lambda task: dot(task[0], task[1], a, b), even_ranges(len(a), CHUNK))))


def _conjugate_gradient(
    left_side: Callable[[np.ndarray], np.ndarray],
    b: np.ndarray,
    W: np.ndarray,
    preconditioner: np.ndarray,
    accuracy: Accuracy,
    pool: Workers,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve left_side(W) = b from W on; returns the solution and its residual."""
    target = accuracy.tol**2 * inner(b, b, pool)
    residual = b
    for _ in range(accuracy.restarts):
        residual = b - left_side(W)
        if inner(residual, residual, pool) <= target:
            break
        direction = preconditioned = residual / preconditioner
        rz = inner(residual, preconditioned, pool)
        for _ in range(accuracy.steps):
            if rz <= 0 or inner(residual, residual, pool) <= 0.25 * target:
                break
            product = left_side(direction)
            curvature = inner(direction, product, pool)
            if curvature <= 0:  # only where float32 has nothing left to resolve
                break
            length = np.float32(rz / curvature)
            W = W + length * direction
            residual = residual - length * product
            preconditioned = residual / preconditioner
            rz, previous = inner(residual, preconditioned, pool), rz
            direction = preconditioned + np.float32(rz / previous) * direction
    return W, residual
