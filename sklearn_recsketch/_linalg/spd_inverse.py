"""Invert a large symmetric positive definite matrix in place, in blocks that a thread pool processes."""

from __future__ import annotations

from functools import partial

import numpy as np

from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["BLOCK", "invert_negated", "work_values"]

BLOCK = 192
STRIP = 1024  # columns that a task updates at once: bounds the memory of a product


def work_values(n: int, n_threads: int) -> int:
    """Return the number of float32 values that `invert_negated` holds in addition to a matrix with n rows."""
    return 3 * n * BLOCK + n_threads * BLOCK * STRIP


def invert_negated(matrix: np.ndarray, pool: Workers) -> None:
    """Replace a symmetric positive definite matrix by its negated inverse.

    Only the lower triangle is read and written, apart from blocks on the diagonal. The matrix is swept block by block
    (symmetric Gauss-Jordan elimination), which takes as many operations as a Cholesky factorization and the inverse
    from it. The result does not depend on the number of threads.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), dtype float32
        C-contiguous matrix.
    pool : Workers
        Thread pool that updates the blocks.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite up to rounding.
    """
    ranges = even_ranges(len(matrix), BLOCK)
    for start, stop in ranges:
        block = slice(start, stop)
        inverse = _inverse(matrix[block, block])
        column = np.concatenate([matrix[block, :start].T, matrix[start:, block]])
        across = np.ascontiguousarray(column.T)
        scaled = np.empty_like(column)
        update = partial(_subtract_product, matrix, column, across, inverse, scaled)
        pool.map(update, ranges[::-1])  # the last rows are the longest, so they come first
        matrix[block, :start] = scaled[:start].T
        matrix[stop:, block] = scaled[stop:]
        matrix[block, block] = -inverse


def _subtract_product(
    matrix: np.ndarray,
    column: np.ndarray,
    across: np.ndarray,
    inverse: np.ndarray,
    scaled: np.ndarray,
    task: tuple[int, int],
) -> None:
    """Write ``column @ inverse`` to a range of rows of `scaled`, and subtract its product with `across` from `matrix`.

    `across` is the transpose of `column`. Only the elements up to the diagonal block of the range are updated.
    """
    start, stop = task
    np.matmul(column[start:stop], inverse, out=scaled[start:stop])
    product = np.empty((stop - start, STRIP), dtype=np.float32)
    for first in range(0, stop, STRIP):
        last = min(first + STRIP, stop)
        part = matrix[start:stop, first:last]
        part -= np.matmul(scaled[start:stop], across[:, first:last], out=product[:, : last - first])


def _inverse(block: np.ndarray) -> np.ndarray:
    """Return the inverse of a small matrix, given its lower triangle, computed in float64."""
    factor = np.linalg.inv(np.linalg.cholesky(block.astype(np.float64)))
    return np.asarray(factor.T @ factor, dtype=np.float32)
