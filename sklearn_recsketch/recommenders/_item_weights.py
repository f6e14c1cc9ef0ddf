"""Base class of recommenders that add up the weights of pairs of items over the history of a user."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.query import ranked_table
from sklearn_recsketch._ranking.scores import ScoreBlocks
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.recommenders._similarity import read_similarity_query
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._threads import balanced_ranges, workers

__all__ = ["MOST_TERMS", "ItemWeightRecommender", "common_user_ranges"]

MOST_TERMS = 2**26  # weights that a kernel adds up in one call: an interruption takes effect between two calls


def common_user_ranges(item_users: sp.csr_array, user_items: sp.csr_array) -> list[tuple[int, int]]:
    """Split the items into ranges with about the same number of pairs of an item and another item of one of its users.

    `user_items` is the transpose of `item_users`.
    """
    n_pairs = np.append(0, np.cumsum(np.diff(user_items.indptr)[item_users.indices]))
    return balanced_ranges(n_pairs[item_users.indptr])


class ItemWeightRecommender(BaseRecommender, metaclass=ABCMeta):
    """Base class of recommenders that add up the weights of pairs of items over the history of a user.

    The score of item j is the sum of the weights of the pairs (i, j) over all items i in the user's history. If the
    history is empty, it is the share of users who interacted with the item.
    """

    n_jobs: int | None
    item_shares_: np.ndarray

    @abstractmethod
    def _learn_weights(self, interactions: sp.csr_array) -> dict[str, Any]:
        """Learn from the interactions in fit, and return the fitted attributes of the subclass."""

    @abstractmethod
    def _add_weights(self, history: sp.csr_array) -> np.ndarray:
        """Return the sums of the weights of all known items over the history of each user."""

    @abstractmethod
    def _weights_of(self, items: np.ndarray) -> np.ndarray:
        """Return the weights of the pairs (i, j) for some items i and all known items j.

        `items` holds row indices in `items_`. The result has shape (len(items), n_items) and dtype float32. It is -inf
        for items j that are not similar to i at all.
        """

    def _learn(self, interactions: sp.csr_array) -> dict[str, Any]:
        n_users = np.bincount(interactions.indices, minlength=interactions.shape[1])
        shares = n_users / np.count_nonzero(np.diff(interactions.indptr))
        return {"item_shares_": shares.astype(np.float32), **self._learn_weights(interactions)}

    def _score_users(self, users: np.ndarray, history: sp.csr_array) -> np.ndarray:
        scores = self._add_weights(history)
        scores[np.diff(history.indptr) == 0] = self.item_shares_
        return scores

    def _score_unknown_items(self, scores: np.ndarray) -> np.ndarray:
        """Return 0, the score of items that have no weights."""
        return np.zeros(len(scores), dtype=np.float32)

    def similar_items(self, items: Any = None, k: int = 10, *, candidates: Any = None, exclude: Any = None) -> Frame:
        """Find the k items most similar to each item.

        The similarity of item j to item i is the weight that i adds to the score of j for users who have i in their
        history. It can be negative in EASE. Items with a weight of zero are not similar.

        Parameters
        ----------
        items : id or array-like of ids, default=None
            Query items. Unknown items have no similar items, and a warning is issued for them. If None, the query items
            are the items that have candidates if `candidates` is a table or a dict, else all known items.
        k : int, default=10
            Number of similar items per item. The query item is excluded.
        candidates : array-like of ids, table of pairs, dict of item to ids, or "cold", default=None
            Items to choose from. A list applies to all query items. A table of pairs (item, candidate) or a dict holds
            the candidates of each query item. "cold" stands for the items without interactions in fit. Unknown items
            are left out, and a warning is issued for them. If None, all known items are candidates.
        exclude : array-like of ids, table of pairs, or dict of item to ids, default=None
            Items to leave out, for all query items or for each query item.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Similar items of each query item, the most similar item first. Ties are broken by the order of the ids. An
            item with fewer than k similar items gets fewer rows.

        Notes
        -----
        There is no parameter `metric`, as in recommenders with vectors, because the weights are the only measure of
        similarity in these models.
        """
        query = read_similarity_query(self, "item", items, k, candidates, exclude, has_vectors=False)
        known = query.rows >= 0

        def block(part: slice) -> np.ndarray:
            codes = query.codes[part]
            scores = np.full((len(codes), len(query.rows)), -np.inf, dtype=np.float32)
            scores[np.ix_(codes >= 0, known)] = self._weights_of(codes[codes >= 0])[:, query.rows[known]]
            return scores

        with workers(self.n_jobs) as pool:
            # The weights of all known items are read, also if there are few candidates.
            blocks = ScoreBlocks(block, len(query.codes), len(query.rows), max(len(self.items_), len(query.rows)))
            best, scores = blocks.top(query.eligible(), query.k, pool)
        return ranked_table("item", query.ids, "similar_item", query.others, best, scores, self._table_library())
