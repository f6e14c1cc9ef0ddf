"""Scores of what a search found, to the last bit those of `predict`."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.utils._threads import even_ranges

__all__ = ["rescored"]

COORDINATES = 8_000_000  # gathered at once


def rescored(queries: np.ndarray, vectors: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows found, sorted by their scores, ties by row number, and the scores: -inf where nothing was found."""
    scores = np.full(best.shape, -np.inf, dtype=np.float32)
    for start, stop in even_ranges(len(best), max(1, COORDINATES // max(1, best.shape[1] * vectors.shape[1]))):
        query, place = np.nonzero(best[start:stop] >= 0)
        query += start
        scores[query, place] = np.einsum("rk,rk->r", queries[query], vectors[best[query, place]])
    order = np.lexsort((best, -scores), axis=1)
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(scores, order, axis=1)
