"""Votes of similar items or users for the features that an item or user does not have."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch._ranking.top_k import top_scores
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["NeighbourVotes"]

EXPONENT = 20  # of the similarity of two vectors
BLOCK_VALUES = 4_000_000  # weights and scores that a thread holds at once


class NeighbourVotes:
    """All items vote for their features. The notes of `suggest_features` contain the formula.

    Parameters
    ----------
    vectors : ndarray of shape (n_items, n_components)
        Item vectors, or user vectors to suggest user features.
    indicators : csr_array of shape (n_items, n_features)
        An entry is 1 if the item has the feature.
    chosen : ndarray
        Row indices of the features that may be suggested. All features influence the weights of the votes.
    """

    def __init__(self, vectors: np.ndarray, indicators: sp.csr_array, chosen: np.ndarray) -> None:
        self._vectors = np.asarray(vectors, dtype=np.float32)
        lengths = norms(self._vectors)
        self._lengths = np.where(lengths > 0, lengths, 1).astype(np.float32)[:, None]
        self._indicators = indicators.astype(np.float32, copy=False)
        some = len(chosen) < indicators.shape[1]
        self._chosen = sp.csr_array(self._indicators[:, chosen]) if some else self._indicators
        n_features = np.diff(indicators.indptr)
        counts = np.bincount(indicators.indices, minlength=indicators.shape[1])
        n_voters = max(1, np.count_nonzero(n_features))
        self._idf = np.log(n_voters / np.maximum(counts, 1)).astype(np.float32)
        influence = np.where(n_features > 0, 1 / np.sqrt(np.maximum(n_features, 1)), 0)
        self._influence = influence.astype(np.float32)[:, None]

    def top(self, codes: np.ndarray, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        """Return the best features that each item does not have, as `top_items` does.

        The result contains positions in `chosen`, and has one row for each row index in `codes`.
        """
        n_chosen = self._chosen.shape[1]
        shape = len(codes), min(k, n_chosen)
        best, scores = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)

        def part(task: tuple[int, int]) -> None:
            rows = slice(*task)
            present = sp.csr_array(self._chosen[codes[rows]])
            best[rows], scores[rows] = top_scores(self.scores(codes[rows]), present, k)

        per_item = len(self._vectors) + self._indicators.shape[1] + n_chosen
        pool.map(part, even_ranges(len(codes), max(1, BLOCK_VALUES // per_item)))
        return best, scores

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Return a matrix with one row for each row index in `codes` and one column for each chosen feature."""
        weights = self._weights(codes)
        total = weights.sum(axis=0)
        votes = self._chosen.T @ weights
        votes /= np.where(total > 0, total, 1)
        return np.ascontiguousarray(votes.T)

    def _weights(self, codes: np.ndarray) -> np.ndarray:
        """Return the weight of each item's votes. The result has one column for each row index in `codes`."""
        weights = self._vectors @ unit_length(self._vectors[codes]).T
        weights /= self._lengths
        weights += 1
        weights /= 2
        np.power(weights, EXPONENT, out=weights)
        own = sp.csr_array(self._indicators[codes])
        own.data = self._idf[own.indices]
        shared = self._indicators @ own.T.toarray(order="C")
        shared += 1
        weights *= shared
        weights *= self._influence
        weights[codes, np.arange(len(codes))] = 0
        return weights
