"""Compute the ranks of individual items among all candidates by counting instead of sorting."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import jit

__all__ = ["count_before"]

COUNT = np.int32  # fits twice as many values into a vector register as int64
ONE = uint64(1)


@jit
def count_before(start, scores, wanted, excluded, before):
    """Count the candidates that are ranked before each queried item, for a block of users.

    Ties are broken by item index. The indices are unsigned because numba checks signed indices for negative values on
    every access. These checks make the loop six times slower.

    Parameters
    ----------
    start : int
        [in] Index of the first user in the block.
    scores : float32 array (n_block, n_items)
        [in, overwritten] Scores of the users in the block.
    wanted : Rows
        [in] Items whose ranks are computed, for all users. These items must be candidates.
    excluded : Rows
        [in] Items that are not candidates, for all users.
    before : int64 array (n_wanted,)
        [out] Number of candidates that are ranked before each queried item. Only the elements that belong to the block
        are written.
    """
    n_items = uint64(scores.shape[1])
    for r in range(scores.shape[0]):
        row = uint64(r)
        u = start + r
        for e in range(excluded.indptr[u], excluded.indptr[u + 1]):
            scores[row, uint64(excluded.indices[e])] = -np.inf
        for t in range(wanted.indptr[u], wanted.indptr[u + 1]):
            i = uint64(wanted.indices[t])
            score = scores[row, i]
            n = COUNT(0)
            for j in range(i):
                n = COUNT(n + COUNT(scores[row, j] >= score))
            for j in range(i + ONE, n_items):
                n = COUNT(n + COUNT(scores[row, j] > score))
            before[t] = n
