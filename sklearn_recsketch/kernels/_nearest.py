"""The nearest rows of each row of one table: every inner product is computed once and serves both of its rows."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._topk import BLOCK, LANE, PART, TILE, _insert

__all__ = ["rank_pairs"]


@inlined
def _any_enters(scores, r, begin, width, least, leasts):
    """Whether one of `width` scores from `begin` on reaches the list of its row or that of its column."""
    found = False
    for j in range(width):
        place = begin + uint64(j)
        score = scores[r, place]
        found |= (score >= least) | (score >= leasts[place])
    return found


@jit
def rank_pairs(rows, columns, n, vectors, best, best_scores):
    """Offer the pairs of two ranges of rows to the lists of both; of a range with itself, to each row's own.

    Lists are sorted by score, then by number, whatever the order of the offers.

    Parameters
    ----------
    rows, columns : (int, int)
        [in] Two ranges, disjoint or equal, each beginning at a multiple of TILE.
    n : int
        [in] Number of rows of the table.
    vectors : float32 array (n rounded up to a multiple of TILE, K)
        [in] The table; rows from n on only fill the last tile.
    best, best_scores : int32 and float32 arrays (n, k)
        [in, out] The lists; -1 and -inf where there is nothing yet.
    """
    last = uint64(best.shape[1] - 1)
    mirrored = rows[0] != columns[0]
    scores = np.empty((BLOCK, TILE), np.float32)
    leasts = np.empty(TILE, np.float32)
    for left in range(columns[0], columns[1], TILE):
        leasts[:] = np.inf
        if mirrored:
            for j in range(min(TILE, n - left)):
                leasts[j] = best_scores[left + j, last]
        for top in range(rows[0], rows[1], BLOCK):
            m = min(BLOCK, rows[1] - top)
            np.dot(vectors[top : top + m], vectors[left : left + TILE].T, scores[:m])
            for r in range(m):
                row = uint64(top + r)
                least = best_scores[row, last]
                for lane in range(TILE // LANE):
                    begin = uint64(lane * LANE)
                    if not _any_enters(scores, uint64(r), begin, LANE, least, leasts):
                        continue
                    for part in range(LANE // PART):
                        place = begin + uint64(part * PART)
                        if not _any_enters(scores, uint64(r), place, PART, least, leasts):
                            continue
                        for j in range(place, place + uint64(PART)):
                            column, score = uint64(left) + j, scores[uint64(r), j]
                            if column >= n or column == row:
                                continue
                            if score >= least:
                                _insert(best, best_scores, row, column, score)
                                least = best_scores[row, last]
                            if score >= leasts[j]:
                                _insert(best, best_scores, column, row, score)
                                leasts[j] = best_scores[column, last]
