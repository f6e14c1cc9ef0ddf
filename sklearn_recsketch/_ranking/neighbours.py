"""Nearest neighbours of all rows by inner product; each product is computed once for both rows."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.kernels._nearest import rank_pairs
from sklearn_recsketch.kernels._topk import TILE
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["all_neighbours"]

ROWS_PER_RANGE = 2 * TILE


def all_neighbours(vectors: np.ndarray, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
    """Return the k other rows with the largest inner product for each row.

    The pairs of ranges of rows are processed in the rounds of a round-robin tournament. A range occurs in one pair of
    a round only, so two threads never write to the same list.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_components)
    k : int
        Number of neighbours.
    pool : Workers
        Threads that share the pairs of ranges.

    Returns
    -------
    best : ndarray of shape (n, min(k, n)), dtype int32
        Row numbers, largest inner product first. Ties are broken by row number, and -1 means that there are too few
        rows.
    scores : ndarray of the same shape, dtype float32
        Inner products, -inf for missing rows.
    """
    n = len(vectors)
    padded = np.zeros((-(-n // TILE) * TILE, vectors.shape[1]), dtype=np.float32)
    padded[:n] = vectors
    padded = read_only(padded)
    best = np.full((n, min(k, n)), -1, dtype=np.int32)
    scores = np.full(best.shape, -np.inf, dtype=np.float32)
    ranges = even_ranges(n, ROWS_PER_RANGE)
    for pairs in [[(r, r) for r in range(len(ranges))], *_rounds(len(ranges))]:
        pool.map(lambda pair: rank_pairs(ranges[pair[0]], ranges[pair[1]], n, padded, best, scores), pairs)
    return best, scores


def _rounds(n: int) -> list[list[tuple[int, int]]]:
    """Return all pairs of 0, ..., n - 1 in rounds in which no number occurs twice, by the circle method."""
    seats = list(range(n + n % 2))  # if n is odd, pairs with the additional number are dropped
    rounds = []
    for _ in range(len(seats) - 1):
        half = len(seats) // 2
        pairs = zip(seats[:half], reversed(seats[half:]), strict=True)
        rounds.append([(min(pair), max(pair)) for pair in pairs if max(pair) < n])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return rounds
