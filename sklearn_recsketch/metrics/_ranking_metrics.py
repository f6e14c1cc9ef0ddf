"""Definitions of ranking metrics with a cutoff, and public functions that compute them from recommendation tables.

To add a metric, define it, add it to `METRICS`, and write a public function. The entry in `METRICS` makes the metric
available to scorers and reports.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from sklearn_recsketch.metrics._metric_signatures import MetricAtK
from sklearn_recsketch.metrics._recommendation_table import averaged, find_relevant_rows, read_table
from sklearn_recsketch.utils._validation import check_integer

__all__ = [
    "METRICS",
    "RelevantRanks",
    "average_precision_at_k",
    "capped_precision_at_k",
    "hit_rate_at_k",
    "ndcg_at_k",
    "precision_at_k",
    "recall_at_k",
    "reciprocal_rank_at_k",
]


class RelevantRanks(NamedTuple):
    """Ranks of the relevant items in each evaluated user's list.

    Attributes
    ----------
    is_relevant : ndarray of shape (n_users, n_ranks), dtype bool
        Whether the item at each rank is relevant to the user. Ranks beyond the end of a list have a value of False.
    n_relevant : ndarray of shape (n_users,)
        Number of relevant items of each user, at least 1. Relevant items that are not recommended are also counted.
    """

    is_relevant: np.ndarray
    n_relevant: np.ndarray

    def top(self, k: int) -> np.ndarray:
        """Return the first k columns of `is_relevant`."""
        return self.is_relevant[:, :k]


# Definitions: the values of all users from their relevant ranks.


def _precision(ranks: RelevantRanks, k: int) -> np.ndarray:
    return ranks.top(k).sum(axis=1) / k


def _recall(ranks: RelevantRanks, k: int) -> np.ndarray:
    return ranks.top(k).sum(axis=1) / ranks.n_relevant


def _capped_precision(ranks: RelevantRanks, k: int) -> np.ndarray:
    return ranks.top(k).sum(axis=1) / np.minimum(k, ranks.n_relevant)


def _ndcg(ranks: RelevantRanks, k: int) -> np.ndarray:
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(k, ranks.n_relevant) - 1]
    top = ranks.top(k)
    return np.asarray((top * discount[: top.shape[1]]).sum(axis=1) / ideal)


def _average_precision(ranks: RelevantRanks, k: int) -> np.ndarray:
    top = ranks.top(k)
    precision = np.cumsum(top, axis=1) / np.arange(1, top.shape[1] + 1)
    return (precision * top).sum(axis=1) / np.minimum(k, ranks.n_relevant)


def _reciprocal_rank(ranks: RelevantRanks, k: int) -> np.ndarray:
    top = ranks.top(k)
    first = 1.0 / np.arange(1, top.shape[1] + 1)
    return np.max(top * first, axis=1, initial=0.0)


def _hit_rate(ranks: RelevantRanks, k: int) -> np.ndarray:
    return np.asarray(ranks.top(k).any(axis=1), dtype=np.float64)


METRICS: dict[str, Callable[[RelevantRanks, int], np.ndarray]] = {
    "precision": _precision,
    "recall": _recall,
    "capped_precision": _capped_precision,
    "ndcg": _ndcg,
    "average_precision": _average_precision,
    "reciprocal_rank": _reciprocal_rank,
    "hit_rate": _hit_rate,
}


# Public functions.

_SECTIONS = """
Parameters
----------
X_true : array or frame of shape (n_rows, 2) or (n_rows, 3)
    User-item pairs in which the item is relevant to the user. Repeated rows count only once.
recommended : frame with columns user, rank, item
    Table returned by ``recommend``, with lists of at least k items.
k : int, default=5
    Number of items to evaluate at the top of each list.
per_user : bool, default=False
    If True, return one value per user instead of the mean over users.

Returns
-------
float, or Series indexed by user
    Metric value between 0 and 1; larger is better.

Raises
------
ValueError
    If no list in `recommended` has k items, or if a rank or an item occurs twice in a list.

Notes
-----
The mean is taken over the users with at least one relevant item. If such a user has no list in `recommended`, the
user's value is 0. Users without relevant items are ignored. ``recommend`` sorts items with equal scores by id.
"""


def _shared_sections(function: Callable[..., Any]) -> MetricAtK:
    """Insert the shared sections into a metric's docstring."""
    function.__doc__ = inspect.cleandoc(function.__doc__ or "").replace("{sections}", _SECTIONS)
    return cast("MetricAtK", function)


@_shared_sections
def precision_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Precision at k: the fraction of the first k items that are relevant.

    The denominator is k even if a list has fewer than k items.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import precision_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> precision_at_k([["ann", 8], ["ann", 9]], table, k=2)
    0.5
    """
    return _at_k("precision", X_true, recommended, k, per_user)


@_shared_sections
def recall_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Recall at k: the fraction of the relevant items that are among the first k items.

    The denominator is the user's number of relevant items. If a user has more than k relevant items, their recall is
    therefore less than 1.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import recall_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> recall_at_k([["ann", 8], ["ann", 9]], table, k=2)
    0.5
    """
    return _at_k("recall", X_true, recommended, k, per_user)


@_shared_sections
def capped_precision_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Capped precision at k: the number of relevant items among the first k, divided by the largest possible number.

    The denominator is ``min(k, n_relevant)``, where ``n_relevant`` is the user's number of relevant items. The best
    possible list therefore has a value of 1. The function ``precision_at_k`` in the implicit package computes a
    different mean: it divides the sum of all users' numerators by the sum of all users' denominators.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import capped_precision_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> capped_precision_at_k([["ann", 8], ["ann", 9]], table, k=2)
    0.5
    """
    return _at_k("capped_precision", X_true, recommended, k, per_user)


@_shared_sections
def ndcg_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Normalized discounted cumulative gain (nDCG) at k with binary relevance.

    The discounted cumulative gain (DCG) is the sum of ``1 / log2(rank + 1)`` over the relevant items among the first k.
    The nDCG is the DCG of the list divided by the DCG of an ideal list. An ideal list starts with
    ``min(k, n_relevant)`` relevant items, where ``n_relevant`` is the user's number of relevant items.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import ndcg_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> round(ndcg_at_k([["ann", 8], ["ann", 9]], table, k=2), 3)
    0.387
    """
    return _at_k("ndcg", X_true, recommended, k, per_user)


@_shared_sections
def average_precision_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Mean average precision (MAP) at k.

    The precision of a user's list is computed at the rank of each relevant item among the first k items. The average
    precision of the list is the sum of these precisions divided by ``min(k, n_relevant)``, where ``n_relevant`` is the
    user's number of relevant items.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import average_precision_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> average_precision_at_k([["ann", 8], ["ann", 9]], table, k=2)
    0.25
    """
    return _at_k("average_precision", X_true, recommended, k, per_user)


@_shared_sections
def reciprocal_rank_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Mean reciprocal rank (MRR) at k.

    A user's reciprocal rank is ``1 / rank``, where ``rank`` is the rank of the first relevant item. The reciprocal rank
    is 0 if none of the first k items is relevant.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import reciprocal_rank_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> reciprocal_rank_at_k([["ann", 8], ["ann", 9]], table, k=2)
    0.5
    """
    return _at_k("reciprocal_rank", X_true, recommended, k, per_user)


@_shared_sections
def hit_rate_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Hit rate at k: the fraction of users with at least one relevant item among the first k items.

    A user's value is 1 if at least one of the first k items is relevant, and 0 otherwise.
    {sections}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import hit_rate_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]})
    >>> hit_rate_at_k([["ann", 8], ["ann", 9]], table, k=2)
    1.0
    """
    return _at_k("hit_rate", X_true, recommended, k, per_user)


def _at_k(metric: str, X_true: Any, recommended: Any, k: int, per_user: bool) -> Any:
    k = check_integer(k, "k")
    table = read_table(recommended, k).first(k)
    rows = find_relevant_rows(X_true, table)
    found = rows.pair >= 0
    is_relevant = np.zeros((len(rows.users), k), dtype=bool)
    is_relevant[rows.user[found], table.rank[found] - 1] = True
    values = METRICS[metric](RelevantRanks(is_relevant, rows.n_relevant), k)
    return averaged(values, rows.users, f"{metric}@{k}", per_user)
