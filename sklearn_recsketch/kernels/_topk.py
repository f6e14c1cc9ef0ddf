"""The best items of each user: tiles of scores, selected while they are in the cache."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import holds, inlined, jit

__all__ = ["BLOCK", "TILE", "rank_items"]

F = np.float32
TILE = 2048  # items a tile: with 128 users, 1 MiB of scores
BLOCK = 128  # users a block
_LANE = 64  # scores looked at together: most lanes hold none of the best


@inlined
def _any_reaches(scores, r, begin, end, least):
    """Whether one of the scores of a lane is at least `least`."""
    found = False
    for j in range(begin, end):
        found |= scores[r, j] >= least
    return found


@inlined
def _insert(best, best_scores, u, item, score):
    """Put an item into the sorted list of user u, if it belongs there; of equal scores the first item is better."""
    place = best.shape[1]
    while place > 0 and (
        best_scores[u, place - 1] < score or (best_scores[u, place - 1] == score and best[u, place - 1] > item)
    ):
        place -= 1
    if place == best.shape[1]:
        return
    for p in range(best.shape[1] - 1, place, -1):
        best_scores[u, p] = best_scores[u, p - 1]
        best[u, p] = best[u, p - 1]
    best_scores[u, place] = score
    best[u, place] = item


@jit
def rank_items(start, stop, users, lengths, tiles, longest, items, excluded, best, best_scores):
    """Fill the rows [start, stop) of `best` with each user's items, best first.

    Items come in the order of their norms, longest first: a user leaves the scan once ``|x| |y|`` of what
    remains cannot reach the last place of her list. Ties are broken by the number of the item. Places left
    where a user has too few items stay -1.

    Parameters
    ----------
    users : float32 array (n_users, K)
        [in] Vectors of the users.
    lengths : float32 array (n_users,)
        [in] Their norms, rounded up.
    tiles : float32 array (n_tiles, K, TILE)
        [in] Vectors of the items, transposed tile by tile; the last one is padded.
    longest : float32 array (n_tiles,)
        [in] Norm of the longest item of a tile, at least that of any later one.
    items : int32 array (n_items,)
        [in] Number of the item in each column of the tiles.
    excluded : Rows
        [in] Items each user must not get, sorted by number.
    best, best_scores : int32 and float32 arrays (n_users, k)
        [out] Filled with -1 and -inf on entry.
    """
    k = best.shape[1]
    K = users.shape[1]
    indptr, indices, _ = excluded
    scanning = np.arange(start, stop)
    block = np.empty((BLOCK, K), np.float32)
    scores = np.empty((BLOCK, TILE), np.float32)
    n = stop - start
    for t in range(tiles.shape[0]):
        kept = 0
        for a in range(n):
            u = scanning[a]
            if lengths[u] * longest[t] >= best_scores[u, k - 1]:
                scanning[kept] = u
                kept += 1
        n = kept
        width = min(TILE, items.shape[0] - t * TILE)
        for first in range(0, n, BLOCK):
            m = min(BLOCK, n - first)
            for r in range(m):
                for c in range(K):
                    block[r, c] = users[scanning[first + r], c]
            np.dot(block[:m], tiles[t], scores[:m])
            for r in range(m):
                u = scanning[first + r]
                worst = best_scores[u, k - 1]
                for lane in range(0, width, _LANE):
                    end = min(width, lane + _LANE)
                    if not _any_reaches(scores, r, lane, end, worst):
                        continue
                    for j in range(lane, end):
                        if scores[r, j] >= worst:
                            item = items[t * TILE + j]
                            if not holds(indptr, indices, u, item):
                                _insert(best, best_scores, u, item, scores[r, j])
                                worst = best_scores[u, k - 1]
