"""The nearest rows of all rows of a table at once, in half of the products."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.kernels._nearest import rank_pairs
from sklearn_recsketch.kernels._topk import TILE
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["all_neighbours"]

ROWS_PER_RANGE = 2 * TILE


def all_neighbours(vectors: np.ndarray, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of largest inner product with each row, itself left out.

    Pairs of ranges of rows are worked on in rounds, as in a tournament: no range is in two pairs of one round,
    so no list is written to by two threads.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_components)
    k : int
    pool : Workers

    Returns
    -------
    best : ndarray of shape (n, min(k, n)), dtype int32
        Row numbers, nearest first, ties by row number; -1 where there are too few rows.
    scores : ndarray of the same shape, dtype float32
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
    """All pairs of n players in rounds in which nobody plays twice: all but one go round a table."""
    seats = list(range(n + n % 2))  # a player too many sits out whoever plays him
    rounds = []
    for _ in range(len(seats) - 1):
        half = len(seats) // 2
        pairs = zip(seats[:half], reversed(seats[half:]), strict=True)
        rounds.append([(min(pair), max(pair)) for pair in pairs if max(pair) < n])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return rounds
