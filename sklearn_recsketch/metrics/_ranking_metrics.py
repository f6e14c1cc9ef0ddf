"""Metrics of a table of recommendations."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch.metrics._hits import METRICS, Hits
from sklearn_recsketch.metrics._recommendation_table import averaged, judge_table, read_table
from sklearn_recsketch.utils._validation import check_integer

__all__ = [
    "average_precision_at_k",
    "capped_precision_at_k",
    "hit_rate_at_k",
    "ndcg_at_k",
    "precision_at_k",
    "recall_at_k",
    "reciprocal_rank_at_k",
]

_PARAMETERS = """

    Parameters
    ----------
    X_true : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Relevant pairs of user and item; repeated rows count once.
    recommended : frame with columns user, rank, item
        What :meth:`recommend` returns, at least `k` deep. A user missing from it counts 0.
    k : int, default=5
        Cutoff.
    per_user : bool, default=False
        Return the values of the users instead of their mean.

    Returns
    -------
    float, or Series indexed by user
        Between 0 and 1.

    Raises
    ------
    ValueError
        For a table that no user's list of reaches rank k.
    """


def precision_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Share of relevant items among the first k: hits / k.{parameters}
    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import precision_at_k
    >>> table = pd.DataFrame({{"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 8]}})
    >>> precision_at_k([["ann", 8], ["ann", 9]], table, k=2)
    0.5
    """
    return _at_k("precision", X_true, recommended, k, per_user)


def recall_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Share of a user's relevant items that are among the first k: hits / n_relevant.{parameters}"""
    return _at_k("recall", X_true, recommended, k, per_user)


def capped_precision_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Hits / min(k, n_relevant): 1 for a list that could not be better. implicit pools it over users.{parameters}"""
    return _at_k("capped_precision", X_true, recommended, k, per_user)


def ndcg_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Hits, each over log2(rank + 1), summed, over that of an ideal list of min(k, n_relevant) hits.{parameters}"""
    return _at_k("ndcg", X_true, recommended, k, per_user)


def average_precision_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Precision at each hit among the first k, summed, over min(k, n_relevant).{parameters}"""
    return _at_k("average_precision", X_true, recommended, k, per_user)


def reciprocal_rank_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """1 / rank of the first hit among the first k, 0 without one.{parameters}"""
    return _at_k("reciprocal_rank", X_true, recommended, k, per_user)


def hit_rate_at_k(X_true: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """1 where any of the first k is relevant, else 0.{parameters}"""
    return _at_k("hit_rate", X_true, recommended, k, per_user)


for _function in (
    precision_at_k,
    recall_at_k,
    capped_precision_at_k,
    ndcg_at_k,
    average_precision_at_k,
    reciprocal_rank_at_k,
    hit_rate_at_k,
):
    # The parameters are described once; they are the same for all.
    _function.__doc__ = (_function.__doc__ or "").format(parameters=_PARAMETERS)


def _at_k(metric: str, X_true: Any, recommended: Any, k: int, per_user: bool) -> Any:
    k = check_integer(k, "k")
    table = read_table(recommended, k).first(k)
    judged = judge_table(X_true, table)
    hit = judged.pair >= 0
    at = np.zeros((len(judged.users), k), dtype=bool)
    at[judged.user[hit], table.rank[hit] - 1] = True
    values = METRICS[metric](Hits(at, judged.n_relevant, judged.users), k)
    return averaged(values, judged.users, f"{metric}@{k}", per_user)
