"""Exact search, and exact scores for the results of any search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.top_k import RankedItems
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["Exact", "rescored"]

MOST_COORDINATES = 8_000_000  # that `rescored` gathers at once


class Exact:
    """Exact search with the same algorithm as `recommend`. The vectors are preprocessed only once.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_components), dtype float32
        Vectors to search.
    """

    kind = "exact"

    def __init__(self, vectors: np.ndarray) -> None:
        self._items = RankedItems(vectors)

    def top(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers) -> np.ndarray:
        """Return the row indices of the k best vectors for each query.

        If a query excludes so many rows that fewer than k remain, its list is padded with -1.
        """
        return self._items.top(queries, excluded, k, pool)[0]

    def settings(self) -> dict[str, Any]:
        """Return an empty dict, because `load` does not need any settings."""
        return {}

    def save(self, folder: Path) -> None:
        """Do nothing. `load` only needs the vectors, which the index saves."""

    @classmethod
    def load(cls, folder: Path, vectors: np.ndarray) -> Exact:
        """Preprocess the vectors without reading any files."""
        return cls(vectors)


def rescored(queries: np.ndarray, vectors: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the exact scores of the rows found for each query, and sort the rows by score.

    The scores are bitwise equal to the scores that `predict` returns. Rows with equal scores are sorted by row index.
    Missing rows are denoted by -1 and have a score of -inf.
    """
    scores = np.full(best.shape, -np.inf, dtype=np.float32)
    for start, stop in even_ranges(len(best), max(1, MOST_COORDINATES // max(1, best.shape[1] * vectors.shape[1]))):
        query, place = np.nonzero(best[start:stop] >= 0)
        query += start
        scores[query, place] = np.einsum("rk,rk->r", queries[query], vectors[best[query, place]])
    order = np.lexsort((best, -scores), axis=1)
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(scores, order, axis=1)
