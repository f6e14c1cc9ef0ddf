"""Where single items stand in the ranking of all."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._jit import rows_of
from sklearn_recsketch.kernels._rank_counts import count_before
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["count_items_before"]

BLOCK_SCORES = 4_000_000  # scores held at once by a thread; larger blocks of memory are mapped anew each time


def count_items_before(
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    wanted: sp.csr_array,
    excluded: sp.csr_array | None,
    pool: Workers,
) -> np.ndarray:
    """How many candidates are ranked before each wanted item, which is its rank less 1.

    Parameters
    ----------
    user_vectors : ndarray of shape (n_users, n_components)
    item_vectors : ndarray of shape (n_items, n_components)
    wanted : csr_array of shape (n_users, n_items)
        Stored entries are items to be found in the ranking of a user; none of them is excluded.
    excluded : csr_array of shape (n_users, n_items) or None
        Stored entries are no candidates.
    pool : Workers

    Returns
    -------
    ndarray of shape (wanted.nnz,), dtype int64
        Ties are broken by row number, as in :func:`~sklearn_recsketch._ranking.top_k.top_items`.
    """
    n_users, n_items = wanted.shape
    users = np.ascontiguousarray(user_vectors, dtype=np.float32)
    items = np.ascontiguousarray(item_vectors, dtype=np.float32)
    find = rows_of(wanted)
    leave_out = rows_of(sp.csr_array(wanted.shape, dtype=np.float32) if excluded is None else excluded)
    before = np.empty(wanted.nnz, dtype=np.int64)

    def part(task: tuple[int, int]) -> None:
        count_before(task[0], users[task[0] : task[1]] @ items.T, find, leave_out, before)

    pool.map(part, even_ranges(n_users, max(1, BLOCK_SCORES // max(1, n_items))))
    return before
