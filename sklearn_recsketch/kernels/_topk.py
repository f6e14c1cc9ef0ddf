"""The best items of each user: tiles of scores, selected while they are in the cache."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit

__all__ = ["BLOCK", "TILE", "rank_items"]

F = np.float32
ONE = uint64(1)
TILE = 512  # items a tile: with 256 users, half a MiB of scores
BLOCK = 256  # users a block
LANE, PART = 128, 16  # scores looked at together: most lanes hold none of the best


@inlined
def _any_reaches(scores, r, begin, width, least):
    """Whether one of `width` scores from `begin` on is at least `least`.

    Unsigned, because an index that may be negative is checked for it at each access, four times the work.
    """
    found = False
    for j in range(width):
        found |= scores[r, begin + uint64(j)] >= least
    return found


@inlined
def _insert(best, best_scores, u, item, score):
    """Put an item into the sorted list of user u, if it belongs there; of equal scores the first item is better."""
    place = uint64(best.shape[1]) - ONE
    if score == best_scores[u, place] and item > best[u, place] >= 0:
        return
    while place > 0:
        above = best_scores[u, place - ONE]
        if above > score or (above == score and best[u, place - ONE] < item):
            break
        best_scores[u, place] = above
        best[u, place] = best[u, place - ONE]
        place -= ONE
    best_scores[u, place] = score
    best[u, place] = item


@inlined
def _excluded_places(start, stop, indptr, indices, places):
    """Where the excluded items of users [start, stop) stand, in order, and where each user's begin."""
    first = indptr[start]
    excluded = np.empty(indptr[stop] - first, np.int32)
    begins = np.empty(stop - start + 1, np.int64)
    for u in range(start, stop):
        begins[u - start] = indptr[u] - first
    begins[stop - start] = len(excluded)
    for e in range(len(excluded)):
        excluded[e] = places[indices[first + e]]
    for u in range(stop - start):
        excluded[begins[u] : begins[u + 1]].sort()
    return excluded, begins


@jit
def rank_items(start, stop, users, lengths, tiles, longest, items, places, seen, best, best_scores):
    """Fill the rows [start, stop) of `best` with each user's items, best first.

    A user leaves the scan once ``|x| |y|`` of what remains cannot reach the last place of her list. Ties are
    broken by the number of the item. Places left where a user has too few items stay -1.

    Parameters
    ----------
    users : float32 array (n_users, K)
        [in] Vectors of the users.
    lengths : float32 array (n_users,)
        [in] Their norms, rounded up.
    tiles : float32 array (n_tiles, K, TILE)
        [in] Vectors of the items, transposed tile by tile.
    longest : float32 array (n_tiles,)
        [in] Norm of the longest item of a tile and all later ones.
    items : int32 array (n_tiles * TILE,)
        [in] Number of the item in each place of the tiles, -1 where there is none.
    places : int32 array (n_items,)
        [in] The place of each item.
    seen : Rows
        [in] Items each user must not get.
    best, best_scores : int32 and float32 arrays (n_users, k)
        [out] Filled with -1 and -inf on entry.
    """
    last = uint64(best.shape[1] - 1)
    K = users.shape[1]
    indptr, indices, _ = seen
    excluded, begins = _excluded_places(start, stop, indptr, indices, places)
    cursors = begins[:-1].copy()
    scanning = np.arange(stop - start)
    block = np.empty((BLOCK, K), np.float32)
    scores = np.empty((BLOCK, TILE), np.float32)
    n = stop - start
    for t in range(tiles.shape[0]):
        kept = 0
        for a in range(n):
            u = scanning[a]
            if not lengths[start + u] * longest[t] < best_scores[start + u, last]:
                scanning[kept] = u
                kept += 1
        n = kept
        for first in range(0, n, BLOCK):
            m = min(BLOCK, n - first)
            for r in range(m):
                for c in range(K):
                    block[r, c] = users[start + scanning[first + r], c]
            np.dot(block[:m], tiles[t], scores[:m])
            for r in range(m):
                u = scanning[first + r]
                cursor = cursors[u]
                while cursor < begins[u + 1] and excluded[cursor] < (t + 1) * TILE:
                    scores[r, excluded[cursor] - t * TILE] = -np.inf
                    cursor += 1
                cursors[u] = cursor
                user = uint64(start + u)
                row = uint64(r)
                worst = best_scores[user, last]
                for lane in range(TILE // LANE):
                    begin = uint64(lane * LANE)
                    if not _any_reaches(scores, row, begin, LANE, worst):
                        continue
                    for part in range(LANE // PART):
                        place = begin + uint64(part * PART)
                        if not _any_reaches(scores, row, place, PART, worst):
                            continue
                        for j in range(place, place + uint64(PART)):
                            score = scores[row, j]
                            if score >= worst and score > -np.inf:
                                item = items[uint64(t * TILE) + j]
                                if item >= 0:
                                    _insert(best, best_scores, user, item, score)
                                    worst = best_scores[user, last]
