"""Item-based nearest neighbours."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._item_pairs import nearest_items, sum_weights
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.recommenders._item_weights import MOST_TERMS, ItemWeightRecommender, common_user_ranges
from sklearn_recsketch.utils._compat import Interval, StrOptions
from sklearn_recsketch.utils._threads import Workers, balanced_ranges, workers

__all__ = ["ItemKNNRecommender"]


class ItemKNNRecommender(ItemWeightRecommender):
    """Item-based nearest neighbours.

    The predicted preference of a user for an item is the sum of the similarities between the item and the items in the
    user's history [1]_. Each item in the history contributes only to its `n_neighbors` nearest neighbours.

    The similarity of items i and j is ``sum_u W_ui W_uj``, where W is the matrix of interactions P with
    ``P_ui = 1`` if the user has interacted with the item and 0 otherwise, weighted as follows:

    - ``weighting="cosine"``: ``W_ui = P_ui / sqrt(n_i)``, where n_i is the number of users of the item. The similarity
      is the cosine of the angle between two columns of P.
    - ``weighting="bm25"``: ``W_ui = P_ui (k1 + 1) / (k1 (1 - b + b n_i / mean(n)) + 1) (log(N) - log(1 + m_u))``, where
      k1 is `bm25_k1`, b is `bm25_b`, m_u is the number of items of the user, and N is the number of items with
      interactions, over which the mean is taken [2]_. Users with long histories count less.

    The strengths of interactions are not used beyond the presence of the interaction. Their unit and repeated rows
    therefore do not matter.

    Parameters
    ----------
    n_neighbors : int, default=100
        Number of neighbours of each item, without the item itself.
    weighting : {"cosine", "bm25"}, default="cosine"
        Weighting of the interactions.
    bm25_k1 : float, default=1.2
        Influence of the number of users of an item with ``weighting="bm25"``. It has no effect with "cosine".
    bm25_b : float, default=0.75
        Extent to which items with many users count less with ``weighting="bm25"``, between 0 and 1. It has no effect
        with "cosine".
    n_jobs : int, default=None
        Number of threads, as in joblib. The result does not depend on it.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the known users and items.
    item_weights_ : csr_array of shape (n_items, n_items), dtype float32
        Similarities of each item, in its row, to its nearest neighbours. Only positive similarities are stored. The
        diagonal is zero.
    item_shares_ : ndarray of shape (n_items,), dtype float32
        Share of the users with interactions who interacted with each item. These are the scores of users without a
        history.
    interactions_ : csr_array of shape (n_users, n_items)
        Strengths of the interactions in fit.
    n_features_in_ : int
        Number of columns of X: 2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X. Only defined if X was a frame.

    See Also
    --------
    EASERecommender : Learns the weights of pairs of items by least squares.

    Notes
    -----
    Fitting takes O(sum_u m_u^2) time and O(n_items * n_neighbors) memory in addition to the interactions. Ties among
    neighbours are broken by the order of the item ids. `partial_fit` computes all similarities again and takes as long
    as `fit`. The scores of a user take O(m_u * n_neighbors) time.

    A user without a history gets the most popular items. Items that are not in the training data have the score 0, as
    have items without interactions. If fewer than k items are neighbours of items in a user's history, the list ends
    with items of score 0, in the order of their ids.

    The similarities are those of ``CosineRecommender`` and ``BM25Recommender`` of implicit, which count the item itself
    as one of its ``K`` neighbours.

    References
    ----------
    .. [1] M. Deshpande, G. Karypis. Item-based top-N recommendation algorithms. ACM Transactions on Information Systems
       22(1), 2004. doi:10.1145/963770.963776
    .. [2] S. Robertson, H. Zaragoza. The probabilistic relevance framework: BM25 and beyond. Foundations and Trends in
       Information Retrieval 3(4), 2009. doi:10.1561/1500000019

    Examples
    --------
    >>> from sklearn_recsketch import ItemKNNRecommender
    >>> X = [["ann", 7], ["ann", 9], ["bob", 9], ["eve", 9], ["eve", 8], ["bob", 8]]
    >>> rec = ItemKNNRecommender(n_neighbors=2).fit(X)
    >>> rec.recommend(["ann"], k=2)
      user  rank  item     score
    0  ann     1     8  0.816497
    >>> rec.similar_items([9], k=2)
       item  rank  similar_item     score
    0     9     1             8  0.816497
    1     9     2             7  0.577350
    """

    _parameter_constraints: dict[str, Any] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "weighting": [StrOptions({"cosine", "bm25"})],
        "bm25_k1": [Interval(Real, 0, None, closed="left")],
        "bm25_b": [Interval(Real, 0, 1, closed="both")],
        "n_jobs": [Integral, None],
    }

    item_weights_: sp.csr_array

    def __init__(
        self,
        n_neighbors: int = 100,
        *,
        weighting: str = "cosine",
        bm25_k1: float = 1.2,
        bm25_b: float = 0.75,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weighting = weighting
        self.bm25_k1 = bm25_k1
        self.bm25_b = bm25_b
        self.n_jobs = n_jobs

    def _learn_weights(self, interactions: sp.csr_array) -> dict[str, Any]:
        item_users = sp.csr_array(interactions.T)
        n_users, n_items = np.diff(item_users.indptr), np.diff(interactions.indptr)
        if self.weighting == "cosine":
            of_users, of_items = np.ones(len(n_items)), 1 / np.sqrt(np.maximum(n_users, 1))
        else:
            n = np.count_nonzero(n_users)  # without items that only have side features
            length = 1 - self.bm25_b + self.bm25_b * n_users / (n_users.sum() / n)
            of_users = (np.log(n) - np.log1p(n_items)) ** 2
            of_items = (self.bm25_k1 + 1) / (self.bm25_k1 * length + 1)
        weights = of_users.astype(np.float32), of_items.astype(np.float32)
        with workers(self.n_jobs) as pool:
            return {"item_weights_": _neighbours(item_users, interactions, weights, self.n_neighbors, pool)}

    def _add_weights(self, history: sp.csr_array) -> np.ndarray:
        scores = np.empty(history.shape, dtype=np.float32)
        rows, weights = rows_of(history), rows_of(self.item_weights_)
        n_terms = np.append(0, np.cumsum(np.diff(weights.indptr)[rows.indices]))[rows.indptr]
        for start, stop in balanced_ranges(n_terms + len(self.items_) * np.arange(len(n_terms)), 1, MOST_TERMS):
            sum_weights(start, stop, rows, weights, scores)
        return scores

    def _weights_of(self, items: np.ndarray) -> np.ndarray:
        rows = sp.csr_array(self.item_weights_[items])
        weights = np.full(rows.shape, -np.inf, dtype=np.float32)
        weights[np.repeat(np.arange(len(items)), np.diff(rows.indptr)), rows.indices] = rows.data
        return weights


def _neighbours(
    item_users: sp.csr_array, user_items: sp.csr_array, weights: tuple[np.ndarray, np.ndarray], k: int, pool: Workers
) -> sp.csr_array:
    """Return the similarities of each item to its k nearest neighbours, given the weights of users and of items."""
    n_items = item_users.shape[0]
    k = min(k, n_items)
    by_item, by_user = rows_of(item_users), rows_of(user_items)
    of_users, of_items = (read_only(part) for part in weights)
    items, similarities = np.empty((n_items, k), dtype=np.int32), np.empty((n_items, k), dtype=np.float32)
    lengths = np.zeros(n_items, dtype=np.int64)

    def part(task: tuple[int, int]) -> None:
        nearest_items(task[0], task[1], by_item, by_user, of_users, of_items, items, similarities, lengths)

    pool.map(part, common_user_ranges(item_users, user_items))
    stored = np.arange(k) < lengths[:, None]
    indptr = np.append(0, np.cumsum(lengths))
    if indptr[-1] <= np.iinfo(np.int32).max:
        # With indptr in int64, SciPy would convert the indices to int64, and each query back to int32.
        indptr = indptr.astype(np.int32)
    return sp.csr_array((similarities[stored], items[stored], indptr), shape=(n_items, n_items))
