"""Scores and rankings of individual user-item pairs, given as the stored entries of a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["entries_before", "entry_scores", "entry_sums", "top_entries"]

ENTRIES = 65_536  # entries per task, which bounds the memory for their vectors
USERS_PER_TASK = 1024


def entry_scores(
    user_vectors: np.ndarray, item_vectors: np.ndarray, matrix: sp.csr_array, pool: Workers, dtype: Any = np.float64
) -> np.ndarray:
    """Return the inner product ``x.y`` of the user vector and the item vector for each stored entry."""
    rows, columns = matrix.tocoo().coords
    scores = np.empty(matrix.nnz, dtype=dtype)

    def part(task: tuple[int, int]) -> None:
        span = slice(*task)
        x, y = user_vectors[rows[span]], item_vectors[columns[span]]
        np.einsum("ek,ek->e", x, y, dtype=dtype, out=scores[span])

    pool.map(part, even_ranges(matrix.nnz, ENTRIES))
    return scores


def entry_sums(matrix: sp.csr_array, values: np.ndarray) -> np.ndarray:
    """Sum the values of the stored entries in each row."""
    return np.bincount(matrix.tocoo().row, weights=values, minlength=matrix.shape[0])


def top_entries(
    user_vectors: np.ndarray, item_vectors: np.ndarray, allowed: sp.csr_array, k: int, pool: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k allowed items with the largest inner products for each user.

    Parameters
    ----------
    user_vectors : ndarray of shape (n_users, n_components)
    item_vectors : ndarray of shape (n_items, n_components)
    allowed : csr_array of shape (n_users, n_items)
        The stored entries mark the allowed items of each user. They must be sorted by item.
    k : int
    pool : Workers

    Returns
    -------
    best : ndarray of shape (n_users, min(k, largest number of entries in a row)), dtype int32
        Row indices of the items, sorted from best to worst. Ties are broken by row index. If a user has fewer than k
        items, the remaining positions are filled with -1.
    scores : ndarray of the same shape, dtype float32
        Inner products, or -inf where `best` is -1.
    """
    values = entry_scores(user_vectors, item_vectors, allowed, pool, np.float32)
    indptr, indices = allowed.indptr, allowed.indices
    k = min(k, int(np.diff(indptr).max(initial=0)))
    best = np.full((allowed.shape[0], k), -1, dtype=np.int32)
    scores = np.full(best.shape, -np.inf, dtype=np.float32)

    def part(task: tuple[int, int]) -> None:
        for u in range(*task):
            row = slice(indptr[u], indptr[u + 1])
            items, item_scores = indices[row], values[row]
            order = np.argsort(-item_scores, kind="stable")[:k]
            best[u, : len(order)], scores[u, : len(order)] = items[order], item_scores[order]

    pool.map(part, even_ranges(allowed.shape[0], USERS_PER_TASK))
    return best, scores


def entries_before(
    user_vectors: np.ndarray, item_vectors: np.ndarray, wanted: sp.csr_array, allowed: sp.csr_array, pool: Workers
) -> np.ndarray:
    """Count the user's allowed items that are ranked before each queried item.

    Both matrices must have the shape (n_users, n_items), and their entries must be sorted by item. All queried items
    must be allowed. Ties are broken by row index.
    """
    values = entry_scores(user_vectors, item_vectors, allowed, pool, np.float32)
    rows, columns = allowed.tocoo().coords
    position = np.empty(len(values), dtype=np.int64)
    position[np.lexsort((columns, -values, rows))] = np.arange(len(values))
    entry = np.searchsorted(_keys(allowed), _keys(wanted))
    return np.asarray(position[entry] - allowed.indptr[wanted.tocoo().row])


def _keys(matrix: sp.csr_array) -> np.ndarray:
    """Return ``row * n_columns + column`` for each entry, in ascending order."""
    rows, columns = matrix.tocoo().coords
    return np.asarray(rows.astype(np.int64) * matrix.shape[1] + columns)
