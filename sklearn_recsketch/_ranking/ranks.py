"""Ranks of individual items among all candidates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.top_k import users_per_block
from sklearn_recsketch.kernels._jit import rows_of
from sklearn_recsketch.kernels._rank_counts import count_before
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["count_before_in_blocks", "count_items_before"]


def count_items_before(
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    wanted: sp.csr_array,
    excluded: sp.csr_array | None,
    pool: Workers,
) -> np.ndarray:
    """Count the candidates that are ranked before each queried item.

    The rank of a queried item is 1 plus the number of candidates before it.

    Parameters
    ----------
    user_vectors : ndarray of shape (n_users, n_components)
    item_vectors : ndarray of shape (n_items, n_components)
    wanted : csr_array of shape (n_users, n_items)
        The stored entries mark the items whose ranks are computed. These items must not be excluded.
    excluded : csr_array of shape (n_users, n_items) or None
        The stored entries mark items that are not candidates.
    pool : Workers
        Thread pool that processes the users.

    Returns
    -------
    ndarray of shape (wanted.nnz,), dtype int64
        Number of candidates before each queried item. Ties are broken by row index, as in
        :func:`~sklearn_recsketch._ranking.top_k.top_items`.
    """
    users = np.ascontiguousarray(user_vectors, dtype=np.float32)
    items = np.ascontiguousarray(item_vectors, dtype=np.float32)
    return count_before_in_blocks(lambda rows: users[rows] @ items.T, wanted, excluded, pool)


def count_before_in_blocks(
    block: Callable[[slice], np.ndarray],
    wanted: sp.csr_array,
    excluded: sp.csr_array | None,
    pool: Workers,
    width: int | None = None,
) -> np.ndarray:
    """Count the candidates before each queried item as `count_items_before` does, given a function of scores.

    The function `block` returns the scores of all items for a slice of the users, of dtype float32. `width` is the
    number of scores per user that it computes, if it computes more than it returns.
    """
    n_users, n_items = wanted.shape
    find = rows_of(wanted)
    leave_out = rows_of(sp.csr_array(wanted.shape, dtype=np.float32) if excluded is None else excluded)
    before = np.empty(wanted.nnz, dtype=np.int64)

    def part(task: tuple[int, int]) -> None:
        count_before(task[0], block(slice(*task)), find, leave_out, before)

    pool.map(part, even_ranges(n_users, users_per_block(width or n_items)))
    return before
