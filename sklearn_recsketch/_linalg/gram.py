"""Gram matrices and products with square matrices, computed in fixed chunks by a thread pool."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["CHUNK", "CHUNK_VALUES", "gram", "multiply"]

CHUNK = 4096  # rows per task; fixed, so that results do not depend on the number of threads
CHUNK_VALUES = 2**19  # maximum number of values per task of `multiply`: its input and output fit in the cache


def gram(factors: np.ndarray, pool: Workers, dtype: type[np.floating[Any]] = np.float64) -> np.ndarray:
    """Return ``factors.T @ factors``.

    The Gram matrices of fixed row chunks are computed in `dtype` and summed in float64.
    """

    def part(task: tuple[int, int]) -> np.ndarray:
        chunk = factors[task[0] : task[1]].astype(dtype, copy=False)
        return chunk.T @ chunk

    parts = pool.map(part, even_ranges(len(factors), CHUNK))
    return np.asarray(np.sum(parts, axis=0, dtype=np.float64)) if parts else np.zeros((factors.shape[1],) * 2)


def multiply(
    factors: np.ndarray,
    transform: np.ndarray,
    pool: Workers,
    dtype: type[np.floating[Any]] = np.float64,
    n_more: int = 0,
) -> np.ndarray:
    """Return ``factors @ transform``, followed by `n_more` rows of zeros.

    The product is computed in `dtype` and returned in float32.
    """
    n = len(factors)
    out = np.empty((n + n_more, transform.shape[1]), dtype=np.float32)
    out[n:] = 0
    transform = np.ascontiguousarray(transform, dtype=dtype)

    def part(task: tuple[int, int]) -> None:
        chunk = factors[task[0] : task[1]]
        if dtype is np.float32:
            np.matmul(chunk, transform, out=out[task[0] : task[1]])
        else:
            out[task[0] : task[1]] = chunk.astype(dtype) @ transform

    pool.map(part, even_ranges(n, max(256, min(CHUNK, CHUNK_VALUES // factors.shape[1]))))
    return out
