"""Products of sparse and dense matrices, and weighted sums over interactions for feature embeddings in WRMF."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import jit

__all__ = [
    "confidence_product",
    "divide_rows",
    "dot",
    "left_out_fit",
    "precondition",
    "product_square",
    "sparse_product",
    "target_sums",
]

F = np.float32


@jit
def sparse_product(start, stop, matrix, dense, out):
    """Compute ``out[r] = matrix[r] @ dense`` for rows [start, stop)."""
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
def product_square(start, stop, matrix, dense, weights):
    """Return the sum of ``weights[r] |matrix[r] @ dense|^2`` over rows [start, stop).

    If `weights` has a single element, it applies to all rows.
    """
    K = dense.shape[1]
    row = np.empty(K, np.float32)
    total = 0.0
    for r in range(start, stop):
        for k in range(K):
            row[k] = F(0)
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            c = matrix.indices[t]
            a = matrix.data[t]
            for k in range(K):
                row[k] += a * dense[c, k]
        square = F(0)
        for k in range(K):
            square += row[k] * row[k]
        total += np.float64(weights[r if weights.shape[0] > 1 else 0]) * np.float64(square)
    return total


@jit
def left_out_fit(start, stop, matrix, dense, leverage, target):
    """Return sums that measure how well ``matrix @ dense`` predicts a target in leave-one-out fits.

    The prediction for row r is ``p_r = matrix[r] @ dense``, and its leave-one-out prediction is
    ``q_r = p_r - leverage[r] * target[r]``. The function returns the sums of ``|p_r|^2``, ``q_r.target_r``, ``|q_r|^2``
    and ``|target_r|^2`` over rows [start, stop).
    """
    K = dense.shape[1]
    row = np.empty(K, np.float32)
    pp = qt = qq = tt = 0.0
    for r in range(start, stop):
        for k in range(K):
            row[k] = F(0)
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            c = matrix.indices[t]
            a = matrix.data[t]
            for k in range(K):
                row[k] += a * dense[c, k]
        h = leverage[r]
        a0 = a1 = a2 = a3 = F(0)
        for k in range(K):
            y = target[r, k]
            q = row[k] - h * y
            a0 += row[k] * row[k]
            a1 += q * y
            a2 += q * q
            a3 += y * y
        pp += np.float64(a0)
        qt += np.float64(a1)
        qq += np.float64(a2)
        tt += np.float64(a3)
    return pp, qt, qq, tt


@jit
def confidence_product(start, stop, ratings, factors, P, out):
    """Add ``sum_c e_rc (x_c . P_r) x_c`` to ``out[r]`` for rows [start, stop).

    The values ``e_rc`` are excess confidences.
    """
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
    """Compute ``target[r] = sum_c (1 + e_rc) x_c`` and ``diagonal[r] = sum_c e_rc x_c^2`` for rows [start, stop).

    The function returns the sum of the confidences ``1 + e_rc``.
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
def precondition(start, stop, gradient, W, penalty, diagonal):
    """Compute ``d = g / diagonal`` with ``g = gradient - penalty * W`` in place, for rows [start, stop).

    The function returns the sums of ``g_f.d_f``, ``penalty_f |d_f|^2`` and ``penalty_f |W_f|^2`` over the rows.
    """
    along = after = before = 0.0
    for f in range(start, stop):
        lam = F(penalty[f])
        inverse = F(1) / F(diagonal[f])
        gg = F(0)
        ww = F(0)
        for k in range(W.shape[1]):
            g = gradient[f, k] - lam * W[f, k]
            gradient[f, k] = g * inverse
            gg += g * g
            ww += W[f, k] * W[f, k]
        along += np.float64(gg * inverse)
        after += np.float64(lam * inverse * inverse * gg)
        before += np.float64(lam * ww)
    return along, after, before


@jit
def divide_rows(start, stop, gradient, diagonal):
    """Compute ``d = gradient / diagonal`` in place, for rows [start, stop).

    The function returns the sums of ``gradient_f.d_f`` and ``|d_f|^2`` over the rows.
    """
    along = square = 0.0
    for f in range(start, stop):
        inverse = F(1) / F(diagonal[f])
        gg = F(0)
        for k in range(gradient.shape[1]):
            gg += gradient[f, k] * gradient[f, k]
            gradient[f, k] *= inverse
        along += np.float64(gg * inverse)
        square += np.float64(gg * inverse * inverse)
    return along, square


@jit
def dot(start, stop, a, b):
    """Return the sum of ``a * b`` over rows [start, stop), in float64."""
    total = 0.0
    for r in range(start, stop):
        for k in range(a.shape[1]):
            total += np.float64(a[r, k]) * np.float64(b[r, k])
    return total
