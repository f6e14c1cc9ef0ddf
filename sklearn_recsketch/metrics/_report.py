"""All metrics of a recommender at a glance, with what chance may do to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._ranking.candidates import read_item_selection
from sklearn_recsketch.metrics._evaluation import values_of
from sklearn_recsketch.metrics._evaluation_task import Options, make_evaluation_task
from sklearn_recsketch.metrics._hits import METRICS
from sklearn_recsketch.metrics._metric_names import Metric
from sklearn_recsketch.utils._unwrap import unwrap
from sklearn_recsketch.utils._validation import is_integer

__all__ = ["ranking_report"]


def ranking_report(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    ks: Iterable[int] = (5, 10, 20),
    exclude_seen: bool = True,
    candidates: Any = None,
    n_users: int | None = None,
    fold_in: float | None = None,
    random_state: Any = 0,
    per_user: bool = False,
) -> pd.DataFrame:
    """Every metric with a cutoff, at several cutoffs, from one ranking.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender, or a search or Pipeline that ends in one.
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        User and item ids of the evaluated rows; a third column is not looked at.
    y : array-like of shape (n_rows,), default=None
        Strengths: a row is relevant where it is positive; None means every row.
    ks : iterable of int, default=(5, 10, 20)
        Cutoffs.
    exclude_seen, candidates, n_users, fold_in, random_state
        As in :func:`~sklearn_recsketch.metrics.make_ranking_scorer`.
    per_user : bool, default=False
        Return the values of the users instead of their means.

    Returns
    -------
    DataFrame
        With columns metric, k, mean, standard error, n_users. With `per_user` it has one row per user, by whose
        ids it is indexed, and one column per metric and cutoff, such as "precision@5".

    Notes
    -----
    The standard error is the standard deviation of the values of the users, over the square root of their number:
    how far the mean is off, as a rule, from that of the many users of whom those of X are a sample. With `n_users`
    it is of the users drawn. It is not made smaller because they are drawn from the finitely many of X: were all of
    those scored, it would still not be 0. Of one user there is no spread to be seen, and the standard error is
    infinite.

    To compare two recommenders, take the differences of the values of each user, with `per_user`: the same users
    are hard for both, so the differences vary less than the values do.

    Examples
    --------
    >>> from sklearn_recsketch import PopularityRecommender
    >>> from sklearn_recsketch.metrics import ranking_report
    >>> rec = PopularityRecommender().fit([["ann", 1], ["ann", 2], ["bob", 1], ["bob", 3]])
    >>> report = ranking_report(rec, [["ann", 3], ["bob", 4]], ks=[1])
    >>> report[report["metric"] == "recall"]
       metric  k  mean  standard error  n_users
    1  recall  1   0.5             0.5        2
    >>> ranking_report(rec, [["ann", 3], ["bob", 4]], ks=[1], per_user=True)[["precision@1", "recall@1"]]
          precision@1  recall@1
    user
    ann           1.0       1.0
    bob           0.0       0.0
    """
    options = Options(exclude_seen, read_item_selection(candidates, "candidates"), n_users, fold_in, random_state)
    cutoffs = _checked(ks)
    metrics = [Metric(name, k) for name in METRICS for k in cutoffs]
    recommender, X = unwrap(estimator, X)
    question = make_evaluation_task(recommender, X, y, options)
    values = values_of(question, recommender, metrics)
    if per_user:
        return pd.DataFrame(values, index=pd.Index(question.request.user_ids, name="user"))
    return pd.DataFrame(
        {
            "metric": [name for name, _ in metrics],
            "k": [k for _, k in metrics],
            "mean": [value.mean() for value in values.values()],
            "standard error": [_standard_error(value) for value in values.values()],
            "n_users": len(question.n_relevant),
        }
    )


def _checked(ks: Any) -> list[int]:
    """Distinct cutoffs in the order given."""
    cutoffs = list(ks) if isinstance(ks, Iterable) and not isinstance(ks, str) else []
    if not cutoffs or not all(map(is_integer, cutoffs)):
        raise ValueError(f"ks must be cutoffs, ints of at least 1 such as (5, 10, 20), got {ks!r}.")
    return list(dict.fromkeys(int(k) for k in cutoffs))


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
