"""Find the nearest neighbours of all rows in a table.

Each inner product is computed only once and used to update the lists of both rows.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._topk import BLOCK, LANE, PART, TILE, insert

__all__ = ["rank_pairs"]


@inlined
def _any_enters(scores, r, begin, width, row_minimum, column_minima):
    """Return whether any of the scores is high enough to enter the list of its row or its column.

    The scores are the `width` consecutive elements of row r that start at `begin`.
    """
    found = False
    for j in range(width):
        position = begin + uint64(j)
        score = scores[r, position]
        found |= (score >= row_minimum) | (score >= column_minima[position])
    return found


@jit
def rank_pairs(rows, columns, n, vectors, best, best_scores):
    """Update the nearest neighbour lists with the inner products between two ranges of rows.

    If the ranges are disjoint, the lists of the rows in both ranges are updated. If the ranges are equal, each pair of
    rows is visited in both orders. The lists are sorted by decreasing score, then by row index. The final lists do not
    depend on the order in which ranges are processed.

    Parameters
    ----------
    rows, columns : (int, int)
        [in] Two ranges of rows, which must be disjoint or equal. Each range must begin at a multiple of TILE.
    n : int
        [in] Number of rows in the table, without padding.
    vectors : float32 array (n rounded up to a multiple of TILE, K)
        [in] The table. All rows after the first n rows are padding.
    best, best_scores : int32 and float32 arrays (n, k)
        [in, out] The neighbours in each list and their scores. Empty positions contain -1 and -inf.
    """
    last = uint64(best.shape[1] - 1)
    mirrored = rows[0] != columns[0]
    scores = np.empty((BLOCK, TILE), np.float32)
    column_minima = np.empty(TILE, np.float32)
    for left in range(columns[0], columns[1], TILE):
        column_minima[:] = np.inf
        if mirrored:
            for j in range(min(TILE, n - left)):
                column_minima[j] = best_scores[left + j, last]
        for top in range(rows[0], rows[1], BLOCK):
            m = min(BLOCK, rows[1] - top)
            np.dot(vectors[top : top + m], vectors[left : left + TILE].T, scores[:m])
            for r in range(m):
                row = uint64(top + r)
                row_minimum = best_scores[row, last]
                for lane in range(TILE // LANE):
                    begin = uint64(lane * LANE)
                    if not _any_enters(scores, uint64(r), begin, LANE, row_minimum, column_minima):
                        continue
                    for part in range(LANE // PART):
                        position = begin + uint64(part * PART)
                        if not _any_enters(scores, uint64(r), position, PART, row_minimum, column_minima):
                            continue
                        for j in range(position, position + uint64(PART)):
                            column, score = uint64(left) + j, scores[uint64(r), j]
                            if column >= n or column == row:
                                continue
                            if score >= row_minimum:
                                insert(best, best_scores, row, column, score)
                                row_minimum = best_scores[row, last]
                            if score >= column_minima[j]:
                                insert(best, best_scores, column, row, score)
                                column_minima[j] = best_scores[column, last]
