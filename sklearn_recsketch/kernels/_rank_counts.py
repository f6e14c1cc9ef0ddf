"""Places of single items in the ranking of all: counted, without sorting."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import jit

__all__ = ["count_before"]

COUNT = np.int32  # twice the lanes of the default
ONE = uint64(1)


@jit
def count_before(start, scores, wanted, excluded, before):
    """For each wanted item of a block of users, how many candidates are ranked before it.

    Of two equal scores the item of the smaller number is first. Unsigned indices, because one that may be
    negative is checked for it at each access, six times the work.

    Parameters
    ----------
    start : int
        Number of the block's first user.
    scores : float32 array (n_block, n_items)
        [in, overwritten] Scores of the block's users.
    wanted : Rows
        [in] Items of each user of all blocks; candidates.
    excluded : Rows
        [in] Items that are no candidates of each user.
    before : int64 array (n_wanted,)
        [out] Filled for the entries of `wanted` of the block's users.
    """
    n_items = uint64(scores.shape[1])
    for r in range(scores.shape[0]):
        row = uint64(r)
        u = start + r
        for e in range(excluded.indptr[u], excluded.indptr[u + 1]):
            scores[row, uint64(excluded.indices[e])] = -np.inf
        for t in range(wanted.indptr[u], wanted.indptr[u + 1]):
            i = uint64(wanted.indices[t])
            own = scores[row, i]
            n = COUNT(0)
            for j in range(i):
                n = COUNT(n + COUNT(scores[row, j] >= own))
            for j in range(i + ONE, n_items):
                n = COUNT(n + COUNT(scores[row, j] > own))
            before[t] = n
