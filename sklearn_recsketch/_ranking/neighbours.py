"""Find the nearest neighbours of all rows by inner product, computing each inner product only once."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.kernels._nearest import rank_pairs
from sklearn_recsketch.kernels._topk import TILE
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["all_neighbours"]

ROWS_PER_RANGE = 2 * TILE


def all_neighbours(vectors: np.ndarray, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each row, the k other rows with the largest inner products.

    The rows are divided into ranges. Pairs of ranges are processed in rounds, as in a round-robin tournament. In each
    round, a range occurs in at most one pair, so two threads never write to the same list.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_components)
    k : int
        Number of neighbours.
    pool : Workers
        Thread pool that processes the pairs of ranges.

    Returns
    -------
    best : ndarray of shape (n, min(k, n)), dtype int32
        Row indices of the neighbours, sorted by decreasing inner product. Ties are broken by row index. If a row has
        fewer than k neighbours, the remaining positions are filled with -1.
    scores : ndarray of the same shape, dtype float32
        Inner products, or -inf where `best` is -1.
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
    """Divide all pairs of the numbers 0 to n - 1 into rounds with the circle method.

    No number occurs twice in the same round.
    """
    seats = list(range(n + n % 2))  # if n is odd, pairs with the additional number are dropped
    rounds = []
    for _ in range(len(seats) - 1):
        half = len(seats) // 2
        pairs = zip(seats[:half], reversed(seats[half:]), strict=True)
        rounds.append([(min(pair), max(pair)) for pair in pairs if max(pair) < n])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return rounds
