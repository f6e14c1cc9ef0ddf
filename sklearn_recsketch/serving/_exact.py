"""Exact search, and exact scores of the rows found by any search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.top_k import RankedItems
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["Exact", "rescored"]

MOST_COORDINATES = 8_000_000  # gathered at once by `rescored`


class Exact:
    """The exact search of `recommend`, with the items prepared once.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_components), dtype float32
    """

    kind = "exact"

    def __init__(self, vectors: np.ndarray) -> None:
        self._items = RankedItems(vectors)

    def top(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers) -> np.ndarray:
        """Rows of the k best vectors for each query, padded with -1 if fewer than k are not excluded."""
        return self._items.top(queries, excluded, k, pool)[0]

    def settings(self) -> dict[str, Any]:
        """Arguments of `load` that the saved files do not contain: none."""
        return {}

    def save(self, folder: Path) -> None:
        """Do nothing: the search can be rebuilt from the vectors, which the index saves."""

    @classmethod
    def load(cls, folder: Path, vectors: np.ndarray) -> Exact:
        """Prepare the search from the vectors, without reading any file."""
        return cls(vectors)


def rescored(queries: np.ndarray, vectors: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the scores of the rows found, bit by bit equal to those of `predict`, and sort the rows by them.

    Ties are sorted by row number. The score of a missing row, -1, is -inf.
    """
    scores = np.full(best.shape, -np.inf, dtype=np.float32)
    for start, stop in even_ranges(len(best), max(1, MOST_COORDINATES // max(1, best.shape[1] * vectors.shape[1]))):
        query, place = np.nonzero(best[start:stop] >= 0)
        query += start
        scores[query, place] = np.einsum("rk,rk->r", queries[query], vectors[best[query, place]])
    order = np.lexsort((best, -scores), axis=1)
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(scores, order, axis=1)
