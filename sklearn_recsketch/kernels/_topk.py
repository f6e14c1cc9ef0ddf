"""Select each user's top-k items from tiles of scores while the tiles are in the processor cache."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit

__all__ = ["BLOCK", "TILE", "rank_items"]

F = np.float32
ONE = uint64(1)
TILE = 512  # items per tile: with 256 users, half a MiB of scores
BLOCK = 256  # users per block
LANE, PART = 128, 16  # scores compared together: most lanes contain none of the top-k items


@inlined
def _any_reaches(scores, r, begin, width, minimum):
    """Return whether any of the `width` scores that start at `begin` is at least `minimum`.

    The indices are unsigned because numba checks signed indices for negative values on every access. These checks make
    the loop four times slower.
    """
    found = False
    for j in range(width):
        found |= scores[r, begin + uint64(j)] >= minimum
    return found


@inlined
def insert(best, best_scores, u, item, score):
    """Insert an item into the sorted list of user u if its score is high enough.

    Ties are broken by item index.
    """
    position = uint64(best.shape[1]) - ONE
    if score == best_scores[u, position] and item > best[u, position] >= 0:
        return
    while position > 0:
        above = best_scores[u, position - ONE]
        if above > score or (above == score and best[u, position - ONE] < item):
            break
        best_scores[u, position] = above
        best[u, position] = best[u, position - ONE]
        position -= ONE
    best_scores[u, position] = score
    best[u, position] = item


@inlined
def _excluded_positions(start, stop, indptr, indices, positions):
    """Return the sorted positions of excluded items, and the index at which the positions of each user start."""
    first = indptr[start]
    excluded = np.empty(indptr[stop] - first, np.int32)
    begins = np.empty(stop - start + 1, np.int64)
    for u in range(start, stop):
        begins[u - start] = indptr[u] - first
    begins[stop - start] = len(excluded)
    for e in range(len(excluded)):
        excluded[e] = positions[indices[first + e]]
    for u in range(stop - start):
        excluded[begins[u] : begins[u + 1]].sort()
    return excluded, begins


@jit
def rank_items(start, stop, users, user_norms, tiles, largest_norms, items, positions, seen, best, best_scores):
    """Write the top-k items of users [start, stop) to `best`, sorted from best to worst.

    The items are scanned in order of decreasing norm. The scores of the remaining items are at most ``|x| |y|``, the
    product of the norms. The scan for a user ends when this bound is below the lowest score in the user's list. Ties
    are broken by item index. If a user has fewer than k items, the remaining positions keep the value -1.

    Parameters
    ----------
    users : float32 array (n_users, K)
        [in] User vectors.
    user_norms : float32 array (n_users,)
        [in] Norms of the user vectors, rounded up.
    tiles : float32 array (n_tiles, K, TILE)
        [in] Item vectors, transposed tile by tile.
    largest_norms : float32 array (n_tiles,)
        [in] Largest norm of the item vectors in each tile. No later tile contains a larger norm.
    items : int32 array (n_tiles * TILE,)
        [in] Row index of the item at each position in the tiles, or -1 for padding.
    positions : int32 array (n_items,)
        [in] Position of each item in the tiles.
    seen : Rows
        [in] Items to exclude for each user.
    best, best_scores : int32 and float32 arrays (n_users, k)
        [out] Item indices and scores. The caller must initialize these arrays with -1 and -inf.
    """
    last = uint64(best.shape[1] - 1)
    K = users.shape[1]
    indptr, indices, _ = seen
    excluded, begins = _excluded_positions(start, stop, indptr, indices, positions)
    cursors = begins[:-1].copy()
    scanning = np.arange(stop - start)
    block = np.empty((BLOCK, K), np.float32)
    scores = np.empty((BLOCK, TILE), np.float32)
    n = stop - start
    for t in range(tiles.shape[0]):
        kept = 0
        for a in range(n):
            u = scanning[a]
            if not user_norms[start + u] * largest_norms[t] < best_scores[start + u, last]:
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
                minimum = best_scores[user, last]
                for lane in range(TILE // LANE):
                    begin = uint64(lane * LANE)
                    if not _any_reaches(scores, row, begin, LANE, minimum):
                        continue
                    for part in range(LANE // PART):
                        position = begin + uint64(part * PART)
                        if not _any_reaches(scores, row, position, PART, minimum):
                            continue
                        for j in range(position, position + uint64(PART)):
                            score = scores[row, j]
                            if score >= minimum and score > -np.inf:
                                item = items[uint64(t * TILE) + j]
                                if item >= 0:
                                    insert(best, best_scores, user, item, score)
                                    minimum = best_scores[user, last]
