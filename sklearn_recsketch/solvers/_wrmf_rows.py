"""Half-sweeps of WRMF over rows that have an embedding of their own."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from sklearn_recsketch.kernels._als import solve_rows
from sklearn_recsketch.kernels._jit import Rows, read_only
from sklearn_recsketch.utils._threads import Workers, balanced_ranges, even_ranges

__all__ = ["Accuracy", "gram", "multiply", "solve_side"]

CHUNK = 4096  # rows to a Gram or GEMM task, whatever the number of threads


class Accuracy(NamedTuple):
    """How far to solve: for so many steps, until the residual is `tol` times the right-hand side, or until
    the loss of a row is within a share `excess` of its minimum.

    Conjugate gradient begins anew from the true residual at most `restarts` times.
    """

    steps: int
    tol: float = 0.0
    excess: float = 0.0
    restarts: int = 1


def gram(factors: np.ndarray, pool: Workers) -> np.ndarray:
    """factors.T @ factors in float64, summed in fixed chunks."""

    def part(task: tuple[int, int]) -> np.ndarray:
        chunk = factors[task[0] : task[1]].astype(np.float64)
        return chunk.T @ chunk

    parts = pool.map(part, even_ranges(len(factors), CHUNK))
    return np.sum(parts, axis=0) if parts else np.zeros((factors.shape[1],) * 2)


def multiply(
    factors: np.ndarray, transform: np.ndarray, pool: Workers, dtype: type[np.floating[Any]] = np.float64
) -> np.ndarray:
    """factors @ transform, computed in `dtype`, as float32."""
    out = np.empty((len(factors), transform.shape[1]), dtype=np.float32)
    transform = np.ascontiguousarray(transform, dtype=dtype)

    def part(task: tuple[int, int]) -> None:
        chunk = factors[task[0] : task[1]]
        if dtype is np.float32:
            np.matmul(chunk, transform, out=out[task[0] : task[1]])
        else:
            out[task[0] : task[1]] = chunk.astype(dtype) @ transform

    pool.map(part, even_ranges(len(factors), CHUNK))
    return out


class Whitening(NamedTuple):
    """The change of coordinates in which a Gram matrix plus its regularization is the identity.

    With ``Y^T Y = Q diag(v) Q^T``: the table is ``Y Q (v + lam)^-1/2`` and a solution z stands for
    ``x = Q (v + lam)^-1/2 z``. Where lam differs between rows the factor is left to each row.
    """

    eigenvectors: np.ndarray
    eigenvalues: np.ndarray
    scale: np.ndarray  # (K,) for one lam, (n_rows, K) otherwise
    dtype: type[np.floating[Any]]

    @classmethod
    def of(cls, gram_matrix: np.ndarray, lam: np.ndarray) -> Whitening:
        values, vectors = scipy.linalg.eigh(gram_matrix)
        # A Gram matrix of lower rank with lam = 0 has no inverse: directions without data get none.
        floor = max(values[-1], np.finfo(np.float32).tiny) * np.finfo(np.float32).eps ** 1.5
        values = np.maximum(values, floor)
        scale = 1.0 / np.sqrt(values + (lam[:, None] if len(lam) > 1 else lam))
        # Rounding of the transforms grows with the spread of the scales. Below a hundred, float32 keeps
        # rows exact to 1e-5, at half the cost; beyond, only float64 does.
        return cls(vectors, values, scale, np.float32 if scale.max() < 100 * scale.min() else np.float64)

    @property
    def per_row(self) -> bool:
        return self.scale.ndim == 2

    def table(self, factors: np.ndarray, pool: Workers) -> np.ndarray:
        transform = self.eigenvectors if self.per_row else self.eigenvectors * self.scale
        return multiply(factors, transform, pool, self.dtype)

    def into(self, x: np.ndarray, pool: Workers) -> np.ndarray:
        """z of x."""
        if self.per_row:
            return (multiply(x, self.eigenvectors, pool, self.dtype) / self.scale).astype(np.float32)
        return multiply(x, self.eigenvectors / self.scale, pool, self.dtype)

    def out_of(self, z: np.ndarray, pool: Workers) -> np.ndarray:
        """x of z."""
        if self.per_row:
            return multiply((z * self.scale).astype(np.float32), self.eigenvectors.T, pool, self.dtype)
        return multiply(z, (self.eigenvectors * self.scale).T, pool, self.dtype)


def solve_side(
    ratings: Rows,
    fixed: np.ndarray,
    fixed_gram: np.ndarray,
    lam: np.ndarray,
    start: np.ndarray,
    accuracy: Accuracy,
    pool: Workers,
    prior: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Solve every row against the fixed factors of the other side.

    Parameters
    ----------
    ratings : Rows
        Excess confidences c - 1 of the rows to solve.
    fixed : ndarray of shape (n_fixed, K), dtype float32
        Factors of the other side.
    fixed_gram : ndarray of shape (K, K)
        Their Gram matrix over the rows that take part in the objective.
    lam : ndarray of shape (1,) or (n_rows,)
        Regularization, one for all or one per row.
    start : ndarray of shape (n_rows, K), dtype float32
        Where to start from.
    accuracy : Accuracy
    pool : Workers
    prior : ndarray of shape (n_rows, K), default=None
        What a row is drawn to instead of 0: the penalty is ``lam |x - prior|^2``.

    Returns
    -------
    x : ndarray of shape (n_rows, K), dtype float32
    loss : float
        The objective without the regularization of the fixed side (and without prior terms).
    """
    whitening = Whitening.of(fixed_gram, lam)
    table = read_only(whitening.table(fixed, pool))
    z = whitening.into(start, pool)
    if prior is None:
        drawn = np.empty((0, fixed.shape[1]), np.float32)
    else:
        # T^-1 (lam prior), as scale^2 = 1 / (v + lam): into() divides by scale, the inverse multiplies.
        drawn = (whitening.into(prior * lam[:, None].astype(np.float32), pool) * whitening.scale**2).astype(np.float32)
    per_row = (whitening.eigenvalues, lam) if whitening.per_row else (np.empty(0), np.empty(0))
    rotation = (read_only(per_row[0]), read_only(per_row[1].astype(np.float64)))
    drawn = read_only(drawn)
    longest = int(np.diff(ratings.indptr).max(initial=0))
    local = threading.local()

    def part(task: tuple[int, int]) -> float:
        if not hasattr(local, "scratch"):
            K = fixed.shape[1]
            local.scratch = (np.empty((longest, K), np.float32), np.empty((4, K), np.float32))
        return solve_rows(task[0], task[1], ratings, table, z, rotation, drawn, tuple(accuracy), local.scratch)

    losses = pool.map(part, balanced_ranges(ratings.indptr))
    return whitening.out_of(z, pool), float(np.sum(losses))
