"""The best items of each user: tiles of scores, selected while they are in the cache."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import jit

__all__ = ["TILE", "rank_items"]

F = np.float32
TILE = 2048  # items a tile: with 128 users, 1 MiB of scores
BLOCK = 128  # users a block
_LANE = 64  # scores looked at together: most lanes hold none of the best


@jit
def rank_items(start, stop, users, tiles, n_items, excluded, best, best_scores):
    """Fill the rows [start, stop) of `best` with each user's items, best first.

    Ties are broken by the order of the items. Places left where a user has too few items stay -1.

    Parameters
    ----------
    users : float32 array (n_users, K)
        [in] Vectors of the users.
    tiles : float32 array (n_tiles, K, TILE)
        [in] Vectors of the items, transposed tile by tile; the last one is padded.
    excluded : Rows
        [in] Items each user must not get, sorted.
    best, best_scores : int32 and float32 arrays (n_users, k)
        [out] Filled with -1 and -inf on entry.
    """
    k = best.shape[1]
    scores = np.empty((BLOCK, TILE), np.float32)
    position = np.empty(BLOCK, np.int64)
    for first in range(start, stop, BLOCK):
        last = min(stop, first + BLOCK)
        for u in range(first, last):
            position[u - first] = excluded.indptr[u]
        for t in range(tiles.shape[0]):
            begin = t * TILE
            width = min(TILE, n_items - begin)
            np.dot(users[first:last], tiles[t], scores[: last - first])
            for u in range(first, last):
                row = scores[u - first]
                q = position[u - first]
                while q < excluded.indptr[u + 1] and excluded.indices[q] < begin + width:
                    row[excluded.indices[q] - begin] = -np.inf
                    q += 1
                position[u - first] = q
                top = best_scores[u]
                ids = best[u]
                worst = top[k - 1]
                for lane in range(0, width, _LANE):
                    end = min(width, lane + _LANE)
                    peak = F(-np.inf)
                    for j in range(lane, end):
                        peak = max(peak, row[j])
                    if peak <= worst:
                        continue
                    for j in range(lane, end):
                        score = row[j]
                        if score > worst:
                            place = k - 1
                            while place > 0 and top[place - 1] < score:
                                top[place] = top[place - 1]
                                ids[place] = ids[place - 1]
                                place -= 1
                            top[place] = score
                            ids[place] = begin + j
                            worst = top[k - 1]
