"""The metrics of ranked lists, from which of their places are hits. One definition each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["METRICS", "Hits"]


class Hits(NamedTuple):
    """Ranked lists of users, judged.

    Attributes
    ----------
    at : ndarray of shape (n_users, depth), dtype bool
        Whether the item at each place is relevant to the user; False behind the end of a list.
    n_relevant : ndarray of shape (n_users,)
        Relevant items of each user, recommended or not; at least 1.
    users : ndarray of shape (n_users,)
        Ids.
    """

    at: np.ndarray
    n_relevant: np.ndarray
    users: np.ndarray

    def top(self, k: int) -> np.ndarray:
        """The first k places."""
        return self.at[:, :k]


def _precision(hits: Hits, k: int) -> np.ndarray:
    return hits.top(k).sum(axis=1) / k


def _recall(hits: Hits, k: int) -> np.ndarray:
    return hits.top(k).sum(axis=1) / hits.n_relevant


def _capped_precision(hits: Hits, k: int) -> np.ndarray:
    return hits.top(k).sum(axis=1) / np.minimum(k, hits.n_relevant)


def _ndcg(hits: Hits, k: int) -> np.ndarray:
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(k, hits.n_relevant) - 1]
    top = hits.top(k)
    return np.asarray((top * discount[: top.shape[1]]).sum(axis=1) / ideal)


def _average_precision(hits: Hits, k: int) -> np.ndarray:
    top = hits.top(k)
    precision = np.cumsum(top, axis=1) / np.arange(1, top.shape[1] + 1)
    return (precision * top).sum(axis=1) / np.minimum(k, hits.n_relevant)


def _reciprocal_rank(hits: Hits, k: int) -> np.ndarray:
    top = hits.top(k)
    first = 1.0 / np.arange(1, top.shape[1] + 1)
    return np.max(top * first, axis=1, initial=0.0)


def _hit_rate(hits: Hits, k: int) -> np.ndarray:
    return np.asarray(hits.top(k).any(axis=1), dtype=np.float64)


METRICS: dict[str, Callable[[Hits, int], np.ndarray]] = {
    "precision": _precision,
    "recall": _recall,
    "capped_precision": _capped_precision,
    "ndcg": _ndcg,
    "average_precision": _average_precision,
    "reciprocal_rank": _reciprocal_rank,
    "hit_rate": _hit_rate,
}
