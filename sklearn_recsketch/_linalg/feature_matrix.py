"""A sparse matrix of features: products with dense ones over a pool, and steps towards a ridge regression on it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.gram import CHUNK
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of
from sklearn_recsketch.kernels._sparse import dot, left_out_fit, precondition, product_square, sparse_product
from sklearn_recsketch.utils._threads import Workers, balanced_ranges, even_ranges

__all__ = ["FeatureMatrix", "inner", "ridge_step"]


class FeatureMatrix:
    """A sparse matrix F of shape (n, n_features), and the transpose of diag(weights) F.

    Parameters
    ----------
    matrix : csr_array of shape (n, n_features)
    weights : ndarray of shape (1,) or (n,), default=None
        Weights of the rows, one for all or one each; None is 1.
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
        # The cut into ranges takes as long as a tenth of a product.
        self._ranges = balanced_ranges(self._rows.indptr)
        self._transposed_ranges = balanced_ranges(self._transposed.indptr)

    def times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """F @ dense."""
        return _product(self._rows, self._ranges, dense, pool)

    def transposed_times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """F.T @ diag(weights) @ dense."""
        return _product(self._weighted, self._transposed_ranges, dense, pool)

    def transposed_squares_times(self, dense: np.ndarray, pool: Workers) -> np.ndarray:
        """(F * F).T @ diag(weights) @ dense."""
        squared = self._weighted._replace(data=read_only(self._weighted.data * self._transposed.data))
        return _product(squared, self._transposed_ranges, dense, pool)

    def normal_diagonal(self, penalty: np.ndarray, pool: Workers) -> np.ndarray:
        """The diagonal of ``F.T @ diag(weights) @ F + diag(penalty)``, positive."""
        ones = np.ones((len(self._rows.indptr) - 1, 1), np.float32)
        diagonal = penalty.astype(np.float32) + self.transposed_squares_times(ones, pool)[:, 0]
        return np.maximum(diagonal, np.finfo(np.float32).tiny)

    def leverage(self, diagonal: np.ndarray) -> np.ndarray:
        """The diagonal of ``F @ diag(1 / diagonal) @ F.T``: a row's own part in what it is predicted by."""
        squares = sp.csr_array((self._rows.data**2, self._rows.indices, self._rows.indptr), shape=self._shape)
        return np.asarray(squares @ (1 / diagonal), dtype=np.float32)

    def left_out_fit(
        self, dense: np.ndarray, leverage: np.ndarray, target: np.ndarray, pool: Workers
    ) -> tuple[float, float]:
        """Sum of the squares of P = F @ dense, and the correlation of the target with P - diag(leverage) @ target."""
        rows, source = self._rows, read_only(dense)
        own, aim = read_only(leverage), read_only(target)
        parts = pool.map(lambda task: left_out_fit(task[0], task[1], rows, source, own, aim), self._ranges)
        square, along, of_fit, of_target = np.sum(parts, axis=0)
        correlation = along / np.sqrt(of_fit * of_target) if of_fit * of_target > 0 else 0.0
        return float(square), float(correlation)

    def square_of_product(self, dense: np.ndarray, pool: Workers) -> float:
        """Sum of weights[r] |(F @ dense)_r|^2."""
        rows, source, weights = self._rows, read_only(dense), self._weights
        parts = pool.map(lambda task: product_square(task[0], task[1], rows, source, weights), self._ranges)
        return float(np.sum(parts))


def _product(rows: Rows, ranges: list[tuple[int, int]], dense: np.ndarray, pool: Workers) -> np.ndarray:
    out = np.empty((len(rows.indptr) - 1, dense.shape[1]), dtype=np.float32)
    source = read_only(dense)
    pool.map(lambda task: sparse_product(task[0], task[1], rows, source, out), ranges)
    return out


def inner(a: np.ndarray, b: np.ndarray, pool: Workers) -> float:
    """Sum of a * b in float64, in fixed chunks."""
    a, b = read_only(a), read_only(b)
    return float(np.sum(pool.map(lambda task: dot(task[0], task[1], a, b), even_ranges(len(a), CHUNK))))


def ridge_step(
    features: FeatureMatrix,
    penalty: np.ndarray,
    diagonal: np.ndarray,
    away: np.ndarray,
    W: np.ndarray,
    pool: Workers,
) -> tuple[np.ndarray, float]:
    """One step towards the W that minimises ``sum_r pull_r |x_r - (F W)_r|^2 + sum_f penalty_f |w_f|^2``.

    It goes as far along the preconditioned gradient as lowers this most, and costs two products with F:
    as its matrix is the same in every sweep and W starts from the last one's, one step keeps up.

    Parameters
    ----------
    features : FeatureMatrix of shape (n, n_features)
        F, its weights being the pull of each row.
    penalty, diagonal : ndarray of shape (n_features,), dtype float32
        See `FeatureMatrix.normal_diagonal`.
    away : ndarray of shape (n, K), dtype float32
        ``x - F W``.
    W : ndarray of shape (n_features, K), dtype float32
    pool : Workers

    Returns
    -------
    W : ndarray of shape (n_features, K), dtype float32
    loss : float
        By how much the step changed the sum, plus ``sum_f penalty_f |w_f|^2`` before it: with the first sum
        before it, this is the whole after it.
    """
    if not len(W):
        return W, 0.0
    step = features.transposed_times(away, pool)  # half the gradient, and in the end the new W
    old, lam, scale = read_only(W), read_only(penalty), read_only(diagonal)
    parts = pool.map(lambda task: precondition(task[0], task[1], step, old, lam, scale), even_ranges(len(W), CHUNK))
    along, curvature, loss = np.sum(parts, axis=0)
    curvature += features.square_of_product(step, pool)
    if not curvature > 0:
        return W, float(loss)
    step *= np.float32(along / curvature)
    step += W
    return step, float(loss - along * along / curvature)
