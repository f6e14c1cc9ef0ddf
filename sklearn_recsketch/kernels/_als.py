"""Conjugate gradient for the rows of a half-sweep of WRMF, in whitened coordinates."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import inlined, jit

__all__ = ["solve_rows"]

F = np.float32


@inlined
def _gather(table, indices, start, n, scale, out):
    """out[t] = table[indices[start + t]], times `scale` where it is given."""
    K = table.shape[1]
    for t in range(n):
        i = indices[start + t]
        for k in range(K):
            out[t, k] = table[i, k]
    if scale.shape[0]:
        for t in range(n):
            for k in range(K):
                out[t, k] *= scale[k]


@inlined
def _residual(Z, e, n, z, r):
    """r += Z^T (1 + e - e * s) with s = Z z; returns sum_i (1 + e_i)(1 - s_i)^2 - s_i^2.

    Like `_apply` four rows at a time while they are in the first-level cache.
    """
    K = z.shape[0]
    loss = 0.0
    t = 0
    while t + 4 <= n:
        a = Z[t]
        b = Z[t + 1]
        c = Z[t + 2]
        d = Z[t + 3]
        sa = F(0)
        sb = F(0)
        sc = F(0)
        sd = F(0)
        for k in range(K):
            q = z[k]
            sa += a[k] * q
            sb += b[k] * q
            sc += c[k] * q
            sd += d[k] * q
        loss += (1.0 + e[t]) * (1.0 - sa) * (1.0 - sa) - sa * sa
        loss += (1.0 + e[t + 1]) * (1.0 - sb) * (1.0 - sb) - sb * sb
        loss += (1.0 + e[t + 2]) * (1.0 - sc) * (1.0 - sc) - sc * sc
        loss += (1.0 + e[t + 3]) * (1.0 - sd) * (1.0 - sd) - sd * sd
        sa = F(1) + e[t] - e[t] * sa
        sb = F(1) + e[t + 1] - e[t + 1] * sb
        sc = F(1) + e[t + 2] - e[t + 2] * sc
        sd = F(1) + e[t + 3] - e[t + 3] * sd
        for k in range(K):
            r[k] += sa * a[k] + sb * b[k] + sc * c[k] + sd * d[k]
        t += 4
    while t < n:
        s = F(0)
        for k in range(K):
            s += Z[t, k] * z[k]
        loss += (1.0 + e[t]) * (1.0 - s) * (1.0 - s) - s * s
        s = F(1) + e[t] - e[t] * s
        for k in range(K):
            r[k] += s * Z[t, k]
        t += 1
    return loss


@inlined
def _apply(Z, e, n, p, out):
    """out = p + Z^T diag(e) Z p, four rows at a time while they are in the first-level cache."""
    K = p.shape[0]
    for k in range(K):
        out[k] = p[k]
    t = 0
    while t + 4 <= n:
        a = Z[t]
        b = Z[t + 1]
        c = Z[t + 2]
        d = Z[t + 3]
        sa = F(0)
        sb = F(0)
        sc = F(0)
        sd = F(0)
        for k in range(K):
            q = p[k]
            sa += a[k] * q
            sb += b[k] * q
            sc += c[k] * q
            sd += d[k] * q
        sa *= e[t]
        sb *= e[t + 1]
        sc *= e[t + 2]
        sd *= e[t + 3]
        for k in range(K):
            out[k] += sa * a[k] + sb * b[k] + sc * c[k] + sd * d[k]
        t += 4
    while t < n:
        s = F(0)
        for k in range(K):
            s += Z[t, k] * p[k]
        s *= e[t]
        for k in range(K):
            out[k] += s * Z[t, k]
        t += 1


@inlined
def _conjugate_gradient(Z, e, n, z, work, loss, steps, stop, excess):
    """Improve z from its residual work[0] on; returns the loss it ends at, `loss` being that it starts from.

    A step of length a along p lowers ``z.Az - 2 b.z`` by a |r|^2. As no eigenvalue of A is below 1, the loss
    is at most |r|^2 above its minimum: it ends once |r|^2 is below `stop` or that share of the loss.
    """
    K = z.shape[0]
    r = work[0]
    p = work[1]
    Ap = work[2]
    rr = F(0)
    for k in range(K):
        p[k] = r[k]
        rr += r[k] * r[k]
    # Below the rounding of float32 there is nothing to gain, and 0 / 0 to meet.
    stop = max(stop, F(1e-14) * rr)
    for _ in range(steps):
        if rr <= stop or rr <= excess * loss:
            break
        _apply(Z, e, n, p, Ap)
        curvature = F(0)
        for k in range(K):
            curvature += p[k] * Ap[k]
        a = rr / curvature
        loss -= np.float64(a) * np.float64(rr)
        rr_new = F(0)
        for k in range(K):
            z[k] += a * p[k]
            r[k] -= a * Ap[k]
            rr_new += r[k] * r[k]
        b = rr_new / rr
        rr = rr_new
        for k in range(K):
            p[k] = r[k] + b * p[k]
    return loss


@jit
def solve_rows(start, stop, ratings, table, solution, whitening, prior, accuracy, scratch):
    """Solve rows [start, stop) of a half-sweep; returns the sum of their losses.

    Row u minimises ``|z|^2 - 2 z.prior_u + sum_i (1 + e_i)(1 - s_i)^2 - s_i^2`` with s = Z_u z, the
    objective of WRMF in coordinates that make the Gram matrix of the other side, with its
    regularization, the identity. Conjugate gradient stops after `steps` steps, once its residual is at most
    ``tol * |b|`` or once the row's loss is within a share `excess` of its minimum. Up to `restarts` times it
    begins anew from the solution so far, because the residual it updates drifts away from the true one.

    Parameters
    ----------
    ratings : Rows
        [in] Row u's items and excess confidences e = c - 1.
    table : float32 array (n_items, K)
        [in] Z, the whitened factors of the other side.
    solution : float32 array (n_users, K)
        [in, out] z; on entry where to start from. Rows without ratings get their prior.
    whitening : tuple of two float64 arrays (K,), (n_users,)
        [in] Eigenvalues and regularization of each row, where it differs between rows: then
        Z = table * (eigenvalues + lam_u)^-1/2. Both empty where `table` is Z itself.
    prior : float32 array (n_users, K)
        [in] What the rows are drawn to, whitened; no rows where that is 0.
    accuracy : tuple of int, float, float, int
        [in] Steps, tol, excess, restarts.
    scratch : tuple of float32 arrays (max_n, K), (4, K)
        Work space of this thread.
    """
    K = table.shape[1]
    Zu, work = scratch
    eigenvalues, lam = whitening
    scale = work[3] if lam.shape[0] else work[3, :0]
    steps, tol, excess, restarts = accuracy
    total = 0.0
    for u in range(start, stop):
        first = ratings.indptr[u]
        n = ratings.indptr[u + 1] - first
        e = ratings.data[first : first + n]
        z = solution[u]
        if lam.shape[0]:
            for k in range(K):
                scale[k] = F(1.0 / np.sqrt(eigenvalues[k] + lam[u]))
        _gather(table, ratings.indices, first, n, scale, Zu)
        r = work[0]
        target = F(0)
        if tol > 0:
            for k in range(K):
                r[k] = prior[u, k] if prior.shape[0] else F(0)
            for t in range(n):
                for k in range(K):
                    r[k] += (F(1) + e[t]) * Zu[t, k]
            for k in range(K):
                target += r[k] * r[k]
            target *= F(tol) * F(tol)
        loss = 0.0
        for _ in range(restarts):
            zz = 0.0
            zp = 0.0
            for k in range(K):
                q = prior[u, k] if prior.shape[0] else F(0)
                r[k] = q - z[k]
                zz += z[k] * z[k]
                zp += z[k] * q
            loss = zz - 2.0 * zp + _residual(Zu, e, n, z, r)
            rr = F(0)
            for k in range(K):
                rr += r[k] * r[k]
            if rr <= target:
                break
            loss = _conjugate_gradient(Zu, e, n, z, work, loss, steps, target * F(0.25), excess)
        total += loss
    return total
