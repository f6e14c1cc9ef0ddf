"""Conjugate gradient solver for the least-squares problems of WRMF, in the eigenbasis of the Gram matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_recsketch.kernels._jit import inlined, jit

__all__ = ["N_WORK", "WIDTH", "Ratings", "solve_rows"]

F = np.float32
TINY = F(1e-30)
COARSE = 32.0  # the relative criterion `share` only applies below COARSE times the absolute criterion `excess`
RESTART_ABOVE = 0.05  # restart only if the initial residual was above this fraction of |b|^2
# Rows of a thread's work space: the vectors of conjugate gradient. They share one array because each array passed to a
# helper costs reference counting, which for a short row takes longer than its arithmetic.
SOLUTION, RESIDUAL, DIRECTION, PRODUCT, DIAGONAL, INVERSE = range(6)
N_WORK = 6
WIDTH = 4  # items processed together: their dot products and sums load the row's vector once


class Ratings(NamedTuple):
    """Sparse matrix of excess confidences in CSR format.

    The value of entry t is ``scale * strengths[t]``.
    """

    indptr: np.ndarray  # int64
    indices: np.ndarray  # int32
    strengths: np.ndarray  # float32; a single value applies to all entries
    scale: np.float32


@inlined
def _residual(table, items, e, n, work):
    """Add ``Y^T (1 + e - e * s)`` with ``s = Y x`` to the residual.

    The function returns the sums of ``(1 + e)(1 - s)^2 - s^2`` and of ``(1 + e) s``.
    """
    K = table.shape[1]
    loss = 0.0
    bx = F(0)
    for t in range(0, n, WIDTH):
        i0, i1, i2, i3 = items[t], items[t + 1], items[t + 2], items[t + 3]
        s0 = s1 = s2 = s3 = F(0)
        for k in range(K):
            q = work[SOLUTION, k]
            s0 += table[i0, k] * q
            s1 += table[i1, k] * q
            s2 += table[i2, k] * q
            s3 += table[i3, k] * q
        loss += (1.0 + e[t]) * (1.0 - s0) * (1.0 - s0) - s0 * s0
        loss += (1.0 + e[t + 1]) * (1.0 - s1) * (1.0 - s1) - s1 * s1
        loss += (1.0 + e[t + 2]) * (1.0 - s2) * (1.0 - s2) - s2 * s2
        loss += (1.0 + e[t + 3]) * (1.0 - s3) * (1.0 - s3) - s3 * s3
        bx += (F(1) + e[t]) * s0 + (F(1) + e[t + 1]) * s1 + (F(1) + e[t + 2]) * s2 + (F(1) + e[t + 3]) * s3
        s0 = F(1) + e[t] - e[t] * s0
        s1 = F(1) + e[t + 1] - e[t + 1] * s1
        s2 = F(1) + e[t + 2] - e[t + 2] * s2
        s3 = F(1) + e[t + 3] - e[t + 3] * s3
        for k in range(K):
            work[RESIDUAL, k] += s0 * table[i0, k] + s1 * table[i1, k] + s2 * table[i2, k] + s3 * table[i3, k]
    return loss, bx


@inlined
def _add_product(table, items, e, n, work):
    """Add ``Y^T E Y p`` to the product for the direction p, and return ``p.(Y^T E Y p)``."""
    K = table.shape[1]
    curvature = F(0)
    for t in range(0, n, WIDTH):
        i0, i1, i2, i3 = items[t], items[t + 1], items[t + 2], items[t + 3]
        s0 = s1 = s2 = s3 = F(0)
        for k in range(K):
            q = work[DIRECTION, k]
            s0 += table[i0, k] * q
            s1 += table[i1, k] * q
            s2 += table[i2, k] * q
            s3 += table[i3, k] * q
        w0, w1, w2, w3 = e[t] * s0, e[t + 1] * s1, e[t + 2] * s2, e[t + 3] * s3
        curvature += w0 * s0 + w1 * s1 + w2 * s2 + w3 * s3
        for k in range(K):
            work[PRODUCT, k] += w0 * table[i0, k] + w1 * table[i1, k] + w2 * table[i2, k] + w3 * table[i3, k]
    return curvature


@inlined
def _preconditioned_square(work, K):
    """Return ``r.(r / diagonal)`` for the residual r.

    This value is an upper bound on the difference between the loss and its minimum.
    """
    rr = F(0)
    for k in range(K):
        rr += work[RESIDUAL, k] * work[RESIDUAL, k] * work[INVERSE, k]
    return rr


@inlined
def _conjugate_gradient(table, items, e, n, work, loss, steps, stop, excess, share):
    """Improve a solution with conjugate gradient steps.

    The arguments include the residual and the loss of the initial solution. The function returns the final loss and the
    final squared residual. The diagonal is used as preconditioner, so all eigenvalues of the preconditioned matrix are
    at least 1. Therefore, the loss exceeds its minimum by at most ``rr = r.(r / diagonal)``. The iteration stops if
    `rr` is at most `stop` or at most ``excess * loss``. It also stops if `rr` is at most ``COARSE * excess * loss`` and
    at most `share` times its initial value. More accuracy is not needed in this case because the next iteration of ALS
    improves the row further. A step of length a along the direction p reduces ``x.Ax - 2 b.x`` by ``a * rr``.
    """
    K = table.shape[1]
    rr = _preconditioned_square(work, K)
    # Below the rounding of float32 nothing can be gained, and 0 / 0 could occur.
    stop = max(stop, F(1e-13) * rr, TINY)
    fraction = F(share) * rr
    for k in range(K):
        work[DIRECTION, k] = F(0)
    b = F(0)
    for _ in range(steps):
        # "not >" also stops if rr is NaN.
        if not rr > stop or rr <= excess * loss or (rr <= fraction and rr <= COARSE * excess * loss):
            break
        curvature = F(0)
        for k in range(K):
            q = work[RESIDUAL, k] * work[INVERSE, k] + b * work[DIRECTION, k]
            work[DIRECTION, k] = q
            work[PRODUCT, k] = work[DIAGONAL, k] * q
            curvature += work[DIAGONAL, k] * q * q
        curvature += _add_product(table, items, e, n, work)
        if not curvature > 0:  # the squares of a tiny direction underflow, or rr is NaN
            break
        a = rr / curvature
        loss -= np.float64(a) * np.float64(rr)
        for k in range(K):
            work[SOLUTION, k] += a * work[DIRECTION, k]
            work[RESIDUAL, k] -= a * work[PRODUCT, k]
        rr_new = _preconditioned_square(work, K)
        b = rr_new / rr
        rr = rr_new
    return loss, rr


@jit
def solve_rows(start, stop, ratings, table, solution, eigenvalues, lam, prior, accuracy, scratch):
    """Solve the least-squares problems of rows [start, stop) and return the sum of their losses.

    The solution of row u minimizes the WRMF objective
    ``x.V x + lam_u |x - prior_u|^2 + sum_i (1 + e_i)(1 - s_i)^2 - s_i^2``. In this formula, ``s = Y x``, and V is the
    diagonal matrix ``Y^T Y`` over all rows of the table. The conjugate gradient method is preconditioned by
    ``V + lam_u``. The method stops after `steps` steps, or when its residual is at most ``tol * |b|``, or when the
    row's loss is close to its minimum; see `_conjugate_gradient`. The incrementally updated residual drifts away from
    the true residual. The method is therefore started up to `restarts` times, each time with the true residual of the
    current solution.

    Parameters
    ----------
    start, stop : int
        [in] Range of rows to solve.
    ratings : Ratings
        [in] Items of each row, with their excess confidences e = c - 1.
    table : float32 array (n_items + 1, K)
        [in] The matrix Y, which contains the item factors in the eigenbasis of their Gram matrix, followed by a row of
        zeros. If the rows to solve are items, it contains user factors instead.
    solution : float32 array (n_users, K)
        [in, out] The initial values of x on entry, and the solutions on return.
    eigenvalues : float32 array (K,)
        [in] The diagonal of V.
    lam : float32 array (1,) or (n_users,)
        [in] Regularization strength: one value for all rows, or one value per row.
    prior : float32 array (n_users, K) or (0, K)
        [in] Vectors towards which the rows are shrunk. If this array is empty, the rows are shrunk towards zero.
    accuracy : tuple of int, float, float, float, int
        [in] The stopping criteria `steps`, `tol`, `excess` and `share`, and the maximum number of `restarts`.
    scratch : tuple of int32 and float32 arrays (longest row + WIDTH,) and a float32 array (N_WORK, K)
        Workspace of the thread.
    """
    K = table.shape[1]
    items, e, work = scratch
    steps, tol, excess, share, restarts = accuracy
    indptr, indices, strengths, scale = ratings
    step = 1 if strengths.shape[0] > 1 else 0
    total = 0.0
    for u in range(start, stop):
        first = indptr[u]
        n = indptr[u + 1] - first
        for t in range(n):
            items[t] = indices[first + t]
            e[t] = scale * strengths[(first + t) * step]
        for t in range(n, n + WIDTH):  # padding: the row of zeros with confidence 0 contributes nothing
            items[t] = table.shape[0] - 1
            e[t] = F(-1)
        if u == start or lam.shape[0] > 1:
            for k in range(K):
                work[DIAGONAL, k] = eigenvalues[k] + lam[u if lam.shape[0] > 1 else 0]
                work[INVERSE, k] = F(1) / work[DIAGONAL, k]
        for k in range(K):
            work[SOLUTION, k] = solution[u, k]
        loss = 0.0
        for _ in range(restarts):
            square = F(0)  # x.(V + lam_u)x
            for k in range(K):
                q = work[SOLUTION, k]
                work[RESIDUAL, k] = -work[DIAGONAL, k] * q
                square += work[DIAGONAL, k] * q * q
            prior_product = F(0)  # lam_u x.prior_u
            prior_square = F(0)  # lam_u |prior_u|^2
            if prior.shape[0]:
                for k in range(K):
                    q = lam[u if lam.shape[0] > 1 else 0] * prior[u, k]
                    work[RESIDUAL, k] += q
                    prior_product += q * work[SOLUTION, k]
                    prior_square += q * prior[u, k]
            loss, bx = _residual(table, items, e, n, work)
            loss += np.float64(square) - 2.0 * np.float64(prior_product) + np.float64(prior_square)
            bx = max(bx + prior_product, F(0))
            # |b| >= b.x / |x|, nearly with equality when x is close to the solution.
            bb = bx * bx / max(square, TINY)
            target = F(tol) * F(tol) * bb
            initial = _preconditioned_square(work, K)
            if not initial > target:
                break
            loss, final = _conjugate_gradient(table, items, e, n, work, loss, steps, target * F(0.6), excess, share)
            # If the initial residual is small, rounding adds less than a tenth of tol to the updated one.
            if not final > target and not initial > F(RESTART_ABOVE) * bb:
                break
        for k in range(K):
            solution[u, k] = work[SOLUTION, k]
        total += loss
    return total
