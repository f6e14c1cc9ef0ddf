"""Metrics of a table of recommendations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch.metrics._hits import METRICS, Hits
from sklearn_recsketch.preprocessing._matrix import pair_keys
from sklearn_recsketch.utils._frames import columns_of, frame_library
from sklearn_recsketch.utils._ids import encode_ids, lookup
from sklearn_recsketch.utils._validation import check_interactions, check_k

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
    """Hits / min(k, n_relevant): 1 for a list that could not be better. implicit calls it precision.{parameters}"""
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
    hits = _judge_table(X_true, recommended, check_k(k))
    values = METRICS[metric](hits, k)
    return (
        pd.Series(values, index=pd.Index(hits.users, name="user"), name=f"{metric}@{k}")
        if per_user
        else float(values.mean())
    )


def _judge_table(X_true: Any, recommended: Any, k: int) -> Hits:
    """Which places of each user's list are hits."""
    columns = _table_columns(recommended)
    rank = np.asarray(columns["rank"])
    if not len(rank) or rank.max() < k:
        deepest = int(rank.max()) if len(rank) else 0
        raise ValueError(
            f"The table of recommendations is {deepest} deep, which is not enough for k={k}. "
            f"Make it with recommend(..., k={k}); if no user has so many items left, a smaller k measures as much."
        )
    users_of = encode_ids(columns["user"], "user")
    repeated = pd.DataFrame({"user": users_of.codes, "rank": rank}).duplicated().any()
    if rank.dtype.kind not in "iu" or rank.min() < 1 or repeated:
        raise ValueError(
            "The ranks of a table of recommendations must be whole numbers from 1, each once per user; "
            "the best item has rank 1. recommend() numbers them so."
        )
    truth = check_interactions(X_true, name="X_true")
    keys = np.unique(pair_keys(truth))
    n_items = len(truth.items.ids)
    users, n_relevant = np.unique(keys // n_items, return_counts=True)
    user = lookup(truth.users.ids, users_of, "user", "those of X_true are")
    item = lookup(truth.items.ids, encode_ids(columns["item"], "item"), "item", "those of X_true are")
    wanted = np.where((user >= 0) & (item >= 0), user * n_items + item, -1)
    hit = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
    hit &= rank <= k
    at = np.zeros((len(users), k), dtype=bool)
    at[user[hit], rank[hit] - 1] = True
    return Hits(at, n_relevant, truth.users.ids[users])


def _table_columns(recommended: Any) -> dict[str, Any]:
    if frame_library(recommended) is None:
        raise TypeError(
            f"recommended must be the table that recommend() returns, got {type(recommended).__name__}. "
            f"The columns user, rank and item are needed."
        )
    values, names = columns_of(recommended)
    columns = dict(zip(names or [], values, strict=True))
    missing = [name for name in ("user", "rank", "item") if name not in columns]
    if missing:
        raise ValueError(f"recommended lacks the columns {missing}; it has {names}. Pass the table of recommend().")
    return columns
