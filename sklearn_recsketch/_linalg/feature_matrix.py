"""Sparse feature matrix: products with dense matrices, and ridge regression on features."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.gram import CHUNK
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of
from sklearn_recsketch.kernels._sparse import dot, left_out_fit, precondition, product_square, sparse_product
from sklearn_recsketch.utils._threads import Workers, balanced_ranges, even_ranges

__all__ = ["FeatureMatrix", "inner", "ridge_step"]


class FeatureMatrix:
    """Sparse feature matrix F with optional row weights, and its weighted transpose.

    Parameters
    ----------
    matrix : csr_array of shape (n, n_features)
        The matrix F.
    weights : ndarray of shape (1,) or (n,), default=None
        Row weights: one weight for all rows, or one weight per row. If None, all weights are 1.
    """

    def __init__(self, matrix: sp.csr_array, weights: np.ndarray | None = None) -> None:
        self.n_values, self._shape = int(matrix.nnz), matrix.shape
        self._weights = read_only(np.ones(1, np.float32) if weights is None else weights.astype(np.float32))
        self._rows = rows_of(matrix)
        transposed = sp.csr_array(matrix.T)
        transposed.sort_indices()
        every = np.broadcast_to(self._weights, matrix.shape[0])
        self._transposed = rows_of(transposed)
        self._weighted = self._transposed._replace(data=read_only(self._transposed.data * every[transposed.indices]))
        # Computing the ranges takes a tenth of the time of a product.
        self._ranges = balanced_ranges(self._rows.indptr)
        self._transposed_ranges = balanced_ranges(self._transposed.indptr)

    def times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """Return ``F @ dense``."""
        return _product(self._rows, self._ranges, dense, pool)

    def transposed_times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """Return ``F.T @ diag(weights) @ dense``."""
        return _product(self._weighted, self._transposed_ranges, dense, pool)

    def transposed_squares_times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """Return ``(F * F).T @ diag(weights) @ dense``."""
        squared = self._weighted._replace(data=read_only(self._weighted.data * self._transposed.data))
        return _product(squared, self._transposed_ranges, dense, pool)

    def normal_diagonal(self, penalty: np.ndarray, pool: Workers) -> np.ndarray:
        """Return the diagonal of ``F.T @ diag(weights) @ F + diag(penalty)``, clipped to be positive."""
        ones = np.ones((len(self._rows.indptr) - 1, 1), np.float32)
        diagonal = penalty.astype(np.float32) + self.transposed_squares_times(ones, pool)[:, 0]
        return np.maximum(diagonal, np.finfo(np.float32).tiny)

    def leverage(self, diagonal: np.ndarray) -> np.ndarray:
        """Return the diagonal of ``F @ diag(1 / diagonal) @ F.T``.

        Each element measures the influence of a row's target on the prediction for the same row.
        """
        squares = sp.csr_array((self._rows.data**2, self._rows.indices, self._rows.indptr), shape=self._shape)
        return np.asarray(squares @ (1 / diagonal), dtype=np.float32)

    def left_out_fit(
        self, dense: np.ndarray, leverage: np.ndarray, target: np.ndarray, pool: Workers
    ) -> tuple[float, float]:
        """Return the squared norm of the predictions and a leave-one-out correlation.

        The correlation is computed between the leave-one-out predictions and the target. The predictions are
        ``P = F @ dense``, and the leave-one-out predictions are ``P - diag(leverage) @ target``.
        """
        rows, source = self._rows, read_only(dense)
        leverage, target = read_only(leverage), read_only(target)
        parts = pool.map(lambda task: left_out_fit(task[0], task[1], rows, source, leverage, target), self._ranges)
        square, covariance, fit_square, target_square = np.sum(parts, axis=0)
        norm = fit_square * target_square
        correlation = covariance / np.sqrt(norm) if norm > 0 else 0.0
        return float(square), float(correlation)

    def square_of_product(self, dense: np.ndarray, pool: Workers) -> float:
        """Return the sum of ``weights[r] |(F @ dense)_r|^2`` over all rows."""
        rows, source, weights = self._rows, read_only(dense), self._weights
        parts = pool.map(lambda task: product_square(task[0], task[1], rows, source, weights), self._ranges)
        return float(np.sum(parts))


def _product(rows: Rows, ranges: list[tuple[int, int]], dense: np.ndarray, pool: Workers) -> np.ndarray:
    out = np.empty((len(rows.indptr) - 1, dense.shape[1]), dtype=np.float32)
    source = read_only(dense)
    pool.map(lambda task: sparse_product(task[0], task[1], rows, source, out), ranges)
    return out


def inner(a: np.ndarray, b: np.ndarray, pool: Workers) -> float:
    """Return the sum of ``a * b`` in float64.

    The arrays are divided into fixed chunks, so the result does not depend on the number of threads.
    """
    a, b = read_only(a), read_only(b)
    return float(np.sum(pool.map(lambda task: dot(task[0], task[1], a, b), even_ranges(len(a), CHUNK))))


def ridge_step(
    features: FeatureMatrix,
    penalty: np.ndarray,
    diagonal: np.ndarray,
    residual: np.ndarray,
    W: np.ndarray,
    pool: Workers,
) -> tuple[np.ndarray, float]:
    """Take one step towards the solution of a ridge regression problem.

    The objective is ``sum_r weight_r |x_r - (F W)_r|^2 + sum_f penalty_f |w_f|^2``.

    The function takes a steepest descent step along the preconditioned gradient with exact line search. The step
    requires two products with F. One step per iteration of ALS is sufficient because F does not change and W starts
    from its previous value.

    Parameters
    ----------
    features : FeatureMatrix of shape (n, n_features)
        The matrix F with its row weights.
    penalty, diagonal : ndarray of shape (n_features,), dtype float32
        L2 penalties and the preconditioner. `FeatureMatrix.normal_diagonal` computes the preconditioner from the
        penalties.
    residual : ndarray of shape (n, K), dtype float32
        The residual ``x - F W``.
    W : ndarray of shape (n_features, K), dtype float32
        Current feature embeddings.
    pool : Workers

    Returns
    -------
    W : ndarray of shape (n_features, K), dtype float32
        Feature embeddings after the step.
    loss : float
        Penalty term before the step, plus the change in the objective during the step. To obtain the objective after
        the step, add the first sum of the objective, evaluated before the step, to `loss`.
    """
    if not len(W):
        return W, 0.0
    step = features.transposed_times(residual, pool)  # half the negative gradient; overwritten below
    old, lam, scale = read_only(W), read_only(penalty), read_only(diagonal)
    parts = pool.map(lambda task: precondition(task[0], task[1], step, old, lam, scale), even_ranges(len(W), CHUNK))
    slope, curvature, loss = np.sum(parts, axis=0)
    curvature += features.square_of_product(step, pool)
    if not curvature > 0:
        return W, float(loss)
    step *= np.float32(slope / curvature)
    step += W
    return step, float(loss - slope * slope / curvature)
