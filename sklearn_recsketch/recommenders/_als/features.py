"""Matrix-free preconditioned conjugate gradient solver for the WRMF feature embeddings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sklearn_recsketch._linalg.feature_matrix import FeatureMatrix, inner
from sklearn_recsketch.kernels._als import Ratings
from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.kernels._sparse import confidence_product, target_sums
from sklearn_recsketch.recommenders._als.confidences import excess_of
from sklearn_recsketch.recommenders._als.rows import Accuracy, FixedSide
from sklearn_recsketch.utils._threads import Workers, balanced_ranges

__all__ = ["solve_features", "solve_jointly"]

TINY = np.finfo(np.float32).tiny


class _Confidences:
    """Weighted squared errors ``sum_rc c_rc (p_rc - x_r.y_c)^2`` as a function of x, with y fixed.

    The normal equations are ``x_r V + sum_c e_rc (y_c.x_r) y_c = sum_c (1 + e_rc) y_c``. Here V is the Gram matrix of
    y, which is diagonal, and e holds the excess confidences.
    """

    def __init__(self, confidences: Ratings, fixed: FixedSide, pool: Workers) -> None:
        ratings = excess_of(confidences)
        n, K = len(ratings.indptr) - 1, fixed.table.shape[1]
        self._ratings, self._fixed, self._pool = ratings, fixed, pool
        self._ranges = balanced_ranges(ratings.indptr)
        self.target, self.diagonal = np.empty((n, K), np.float32), np.empty((n, K), np.float32)
        sums = pool.map(
            lambda task: target_sums(task[0], task[1], ratings, fixed.table, self.target, self.diagonal), self._ranges
        )
        self.diagonal += fixed.eigenvalues
        self.total = float(np.sum(sums))

    def times(self, X: np.ndarray) -> np.ndarray:
        """Compute the left-hand side of the normal equations."""
        out = X * self._fixed.eigenvalues
        ratings, table, source = self._ratings, self._fixed.table, read_only(X)
        self._pool.map(lambda task: confidence_product(task[0], task[1], ratings, table, source, out), self._ranges)
        return out


def solve_features(
    ratings: Ratings,
    features: FeatureMatrix,
    fixed: FixedSide,
    penalty: np.ndarray,
    start: np.ndarray,
    accuracy: Accuracy,
    pool: Workers,
) -> tuple[np.ndarray, float]:
    """Find the feature embeddings W that minimize the WRMF objective for rows without identity embeddings.

    Without identity embeddings, the rows are ``F W``. Let A be the linear operator on the left-hand side of the normal
    equations (see `_Confidences`). The gradient with respect to W is zero if
    ``F^T A(F W) + diag(penalty) W = F^T target``. Each evaluation of the left-hand side takes O(nnz(R) K + nnz(F) K)
    time.

    Parameters
    ----------
    ratings : Ratings
        Excess confidences, with the same rows as `features`.
    features : FeatureMatrix of shape (n, n_features)
    fixed : FixedSide
        Vectors of the other side, which stay fixed.
    penalty : ndarray of shape (n_features,)
    start : ndarray of shape (n_features, K), dtype float32
        Initial embeddings, in the basis of `fixed`. The result is in the same basis.
    accuracy : Accuracy
    pool : Workers

    Returns
    -------
    W : ndarray of shape (n_features, K), dtype float32
    loss : float
        Value of the objective, excluding the penalty on the fixed side.
    """
    rows = _Confidences(ratings, fixed, pool)
    lam = penalty[:, None].astype(np.float32)

    def left_side(P: np.ndarray) -> np.ndarray:
        return features.transposed_times(rows.times(features.times(P, pool)), pool) + lam * P

    diagonal = features.transposed_squares_times(rows.diagonal, pool) + lam
    b = features.transposed_times(rows.target, pool)
    W, residual = _conjugate_gradient(left_side, b, start, diagonal, accuracy, pool)
    # At any W, the objective is sum(c) - 2 b.W + W.A W = sum(c) - b.W - r.W.
    return W, rows.total - inner(b, W, pool) - inner(residual, W, pool)


def solve_jointly(
    ratings: Ratings,
    features: FeatureMatrix,
    shrinkage: np.ndarray,
    fixed: FixedSide,
    penalty: np.ndarray,
    start: tuple[np.ndarray, np.ndarray],
    accuracy: Accuracy,
    pool: Workers,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Find the rows X and the feature embeddings W that minimize the WRMF objective.

    Each row is ``x = a z + F W``, where z is its identity embedding, a is the weight of z, and F W is the sum of its
    feature embeddings. The penalty of z is ``lam |z|^2``. In terms of x, this penalty is ``shrinkage |x - F W|^2`` with
    ``shrinkage = lam / a^2``. Conjugate gradient converges in far fewer steps if the unknowns are X and W instead of z
    and W. This is because a row's interactions determine x but hardly constrain W.

    Parameters
    ----------
    ratings, fixed, penalty, accuracy, pool
        As in `solve_features`.
    features : FeatureMatrix of shape (n, n_features)
        Matrix F, with `shrinkage` as weights.
    shrinkage : ndarray of shape (1,) or (n,)
    start : tuple of ndarray of shape (n, K) and (n_features, K), dtype float32
        Initial X and W, in the basis of `fixed`. The results are in the same basis.

    Returns
    -------
    X, W, loss
    """
    rows = _Confidences(ratings, fixed, pool)
    n, K = rows.target.shape
    mu, lam = shrinkage[:, None].astype(np.float32), penalty[:, None].astype(np.float32)

    def left_side(P: np.ndarray) -> np.ndarray:
        difference = P[:n] - features.times(P[n:], pool)
        of_features = lam * P[n:] - features.transposed_times(difference, pool)
        return np.concatenate([rows.times(P[:n]) + mu * difference, of_features])

    of_features = features.transposed_squares_times(np.ones((n, K), np.float32), pool) + lam
    diagonal = np.concatenate([rows.diagonal + mu, of_features])
    b = np.concatenate([rows.target, np.zeros_like(of_features)])
    both, residual = _conjugate_gradient(left_side, b, np.concatenate(start), diagonal, accuracy, pool)
    loss = rows.total - inner(b, both, pool) - inner(residual, both, pool)
    return both[:n], both[n:], loss


def _conjugate_gradient(
    left_side: Callable[[np.ndarray], np.ndarray],
    b: np.ndarray,
    W: np.ndarray,
    diagonal: np.ndarray,
    accuracy: Accuracy,
    pool: Workers,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve ``left_side(W) = b`` by conjugate gradient, starting from W and preconditioned by `diagonal`.

    Return the solution and its residual.
    """
    diagonal = np.maximum(diagonal, TINY)
    target = accuracy.tol**2 * inner(b, b, pool)
    residual = b
    for _ in range(accuracy.restarts):
        residual = b - left_side(W)
        if inner(residual, residual, pool) <= target:
            break
        direction = preconditioned = residual / diagonal
        rz = inner(residual, preconditioned, pool)
        for _ in range(accuracy.steps):
            if rz <= 0 or inner(residual, residual, pool) <= 0.25 * target:
                break
            product = left_side(direction)
            curvature = inner(direction, product, pool)
            if curvature <= 0:  # only if rounding errors dominate
                break
            length = np.float32(rz / curvature)
            W = W + length * direction
            residual = residual - length * product
            preconditioned = residual / diagonal
            rz, previous = inner(residual, preconditioned, pool), rz
            direction = preconditioned + np.float32(rz / previous) * direction
    return W, residual
