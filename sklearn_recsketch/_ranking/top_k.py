"""Exact search for the k items with the largest inner products, with bounded memory use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.kernels._topk import TILE, rank_items
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["RankedItems", "sorted_items", "top_items", "top_of_blocks", "top_scores", "users_per_block"]

USERS_PER_TASK = 1024
FEWEST_USERS_PER_TASK = 64  # with fewer users, reading the items takes longer than the products
MOST_PRODUCTS = 2**33  # products of components per task, unless there are many items: half a second
LARGEST_INSERTION = 256  # the kernel inserts into sorted lists: fast for short ones, quadratic in k
FEW_USERS = 16  # up to this number, computing all scores takes no longer than sorting and tiling the items
BLOCK_SCORES = 4_000_000  # scores that a thread computes at once. More would be requested from the system each time.


class RankedItems:
    """Items that can be ranked for several batches of users.

    The items are sorted by norm and divided into tiles only once.

    Parameters
    ----------
    vectors : ndarray of shape (n_items, n_components)
        Item vectors.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    @cached_property
    def _tiled(self) -> list[np.ndarray]:
        """Result of `_tiles`, which is computed on first use. It is not needed for long lists."""
        return [read_only(array) for array in _tiles(self._vectors)]

    def top(
        self, user_vectors: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the k items with the largest inner products for each user vector, as `top_items` does."""
        n_users, n_items = len(user_vectors), len(self._vectors)
        k = min(k, n_items)
        if k > LARGEST_INSERTION:
            return sorted_items(user_vectors, self._vectors, excluded, k, pool)
        if excluded is None:
            excluded = sp.csr_array(np.empty((n_users, 0), np.float32))
        users = np.ascontiguousarray(user_vectors, dtype=np.float32)
        # The rounding error of a float32 dot product is below K eps |x| |y|, that of a norm below 2 eps.
        lengths = norms(users) * (1 + 2 * (users.shape[1] + 2) * np.finfo(np.float32).eps)
        lengths = np.nextafter(lengths.astype(np.float32), np.float32(np.inf))
        users, lengths = read_only(users), read_only(lengths)
        rows = rows_of(excluded)
        tiles, longest, items, places = self._tiled
        best = np.full((n_users, k), -1, dtype=np.int32)
        scores = np.full((n_users, k), -np.inf, dtype=np.float32)
        pool.map(
            lambda task: rank_items(
                task[0], task[1], users, lengths, tiles, longest, items, places, rows, best, scores
            ),
            even_ranges(n_users, _users_per_task(self._vectors.size)),
        )
        return best, scores


def _users_per_task(n_values: int) -> int:
    """Return the number of users per task, given the size of the item vectors.

    An interruption takes effect between two tasks.
    """
    return max(FEWEST_USERS_PER_TASK, min(USERS_PER_TASK, MOST_PRODUCTS // max(1, n_values)))


def users_per_block(n_items: int) -> int:
    """Return the number of users whose scores for `n_items` items are computed at once, which is at least one."""
    return max(1, BLOCK_SCORES // max(1, n_items))


def top_items(
    user_vectors: np.ndarray, item_vectors: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k items with the largest inner products for each user vector.

    Parameters
    ----------
    user_vectors : ndarray of shape (n_users, n_components)
    item_vectors : ndarray of shape (n_items, n_components)
    excluded : csr_array of shape (n_users, n_items) or None
        The stored entries mark items that must not be recommended to the user.
    k : int
        Number of items per user.
    pool : Workers
        Thread pool that processes the users.

    Returns
    -------
    best : ndarray of shape (n_users, min(k, n_items)), dtype int32
        Row indices of the items, sorted from best to worst. Ties are broken by row index. If a user has fewer than k
        items, the remaining positions are filled with -1.
    scores : ndarray of the same shape, dtype float32
        Inner products, or -inf where `best` is -1.
    """
    if len(user_vectors) > FEW_USERS:
        return RankedItems(item_vectors).top(user_vectors, excluded, k, pool)
    return sorted_items(user_vectors, item_vectors, excluded, k, pool)


def _tiles(item_vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sort item vectors by decreasing norm and divide them into transposed tiles.

    Returns
    -------
    tiles : ndarray of shape (n_tiles, n_components, TILE), dtype float32
    longest : ndarray of shape (n_tiles,), dtype float32
        Largest norm in each tile.
    items : ndarray of shape (n_tiles * TILE,), dtype int32
        Row index of the item at each position in the tiles, or -1 for padding.
    places : ndarray of shape (n_items,), dtype int32
        Position of each item in the tiles.
    """
    lengths = norms(item_vectors)
    order = np.argsort(-lengths, kind="stable").astype(np.int32)
    n_tiles = -(-len(order) // TILE)
    tiles = np.zeros((n_tiles, item_vectors.shape[1], TILE), dtype=np.float32)
    items = np.full(n_tiles * TILE, -1, dtype=np.int32)
    items[: len(order)] = order
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    for t in range(n_tiles):
        part = item_vectors[order[t * TILE : (t + 1) * TILE]]
        tiles[t, :, : len(part)] = part.T
    longest = np.nextafter(lengths[order[::TILE]].astype(np.float32), np.float32(np.inf))
    return tiles, longest, items, places


def sorted_items(
    user_vectors: np.ndarray, item_vectors: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same lists as `top_items`, computed by sorting each user's best scores.

    The function first computes all scores for a block of users. It is faster than a scan of the tiles if the lists are
    long or the number of users is small.
    """
    shape = len(user_vectors), len(item_vectors)
    return top_of_blocks(lambda rows: user_vectors[rows] @ item_vectors.T, shape, excluded, k, pool)


def top_of_blocks(
    block: Callable[[slice], np.ndarray],
    shape: tuple[int, int],
    excluded: sp.csr_array | None,
    k: int,
    pool: Workers,
    width: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same lists as `top_items`, given a function of scores.

    The function `block` returns the scores of all items for a slice of the users. Its result is overwritten. `shape`
    is the number of users and the number of items. `width` is the number of scores per user that `block` computes, if
    it computes more than it returns.
    """
    n_users, n_items = shape
    k = min(k, n_items)
    best = np.full((n_users, k), -1, dtype=np.int32)
    scores = np.full((n_users, k), -np.inf, dtype=np.float32)
    if not k:
        return best, scores

    def part(task: tuple[int, int]) -> None:
        rows = slice(*task)
        best[rows], scores[rows] = top_scores(block(rows), excluded, k, task[0])

    pool.map(part, even_ranges(n_users, users_per_block(width or n_items)))
    return best, scores


def top_scores(
    block: np.ndarray, excluded: sp.csr_array | None, k: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the same lists as `top_items`, given a matrix of scores.

    Parameters
    ----------
    block : ndarray of shape (n_users, n_items)
        Scores. The scores of excluded items are overwritten.
    excluded : csr_array of shape (n_users, n_items) or None
        The stored entries mark items that must not be recommended to the user.
    k : int
        Number of items per user.
    first : int, default=0
        Row of `excluded` that belongs to the first row of `block`.

    Returns
    -------
    best, scores : ndarray of shape (n_users, min(k, n_items))
    """
    n_users, n_items = block.shape
    k = min(k, n_items)
    best = np.full((n_users, k), -1, dtype=np.int32)
    scores = np.full((n_users, k), -np.inf, dtype=np.float32)
    for u, row in enumerate(block if k else []):
        if excluded is not None:
            row[excluded.indices[excluded.indptr[first + u] : excluded.indptr[first + u + 1]]] = -np.inf
        least = np.partition(row, n_items - k)[n_items - k]
        # All items at least as good as the last one of the list; among equal scores, the first items are kept.
        among = np.flatnonzero((row >= least) & (row > -np.inf))
        among = among[np.argsort(-row[among], kind="stable")[:k]]
        best[u, : len(among)], scores[u, : len(among)] = among, row[among]
    return best, scores
