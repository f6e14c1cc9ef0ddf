"""Products of sparse and dense matrices, and the weighted sums over interactions that WRMF's features need."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import jit

__all__ = ["confidence_product", "dot", "sparse_product", "target_sums"]

F = np.float32


@jit
def sparse_product(start, stop, matrix, dense, out):
    """out[r] = matrix[r] @ dense for rows [start, stop)."""
    K = dense.shape[1]
    for r in range(start, stop):
        row = out[r]
        for k in range(K):
            row[k] = F(0)
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            c = matrix.indices[t]
            a = matrix.data[t]
            for k in range(K):
                row[k] += a * dense[c, k]


@jit
def confidence_product(start, stop, ratings, factors, P, out):
    """out[r] += sum_c e_rc (x_c . P_r) x_c for rows [start, stop): the excess confidences times P."""
    K = factors.shape[1]
    for r in range(start, stop):
        row = out[r]
        for t in range(ratings.indptr[r], ratings.indptr[r + 1]):
            c = ratings.indices[t]
            s = F(0)
            for k in range(K):
                s += factors[c, k] * P[r, k]
            w = ratings.data[t] * s
            for k in range(K):
                row[k] += w * factors[c, k]


@jit
def target_sums(start, stop, ratings, factors, target, diagonal):
    """target[r] = sum_c (1 + e_rc) x_c and diagonal[r] = sum_c e_rc x_c^2 for rows [start, stop).

    Returns the sum of the confidences 1 + e.
    """
    K = factors.shape[1]
    total = 0.0
    for r in range(start, stop):
        for k in range(K):
            target[r, k] = F(0)
            diagonal[r, k] = F(0)
        for t in range(ratings.indptr[r], ratings.indptr[r + 1]):
            c = ratings.indices[t]
            e = ratings.data[t]
            total += 1.0 + e
            for k in range(K):
                x = factors[c, k]
                target[r, k] += (F(1) + e) * x
                diagonal[r, k] += e * x * x
    return total


@jit
def dot(start, stop, a, b):
    """Sum of a * b over rows [start, stop), in float64."""
    total = 0.0
    for r in range(start, stop):
        for k in range(a.shape[1]):
            total += np.float64(a[r, k]) * np.float64(b[r, k])
    return total
