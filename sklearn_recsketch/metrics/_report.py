"""Report the ranking metrics of a recommender with their standard errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._ranking.candidates import read_item_selection
from sklearn_recsketch.metrics._evaluation import metric_values
from sklearn_recsketch.metrics._evaluation_task import Options, make_evaluation_task
from sklearn_recsketch.metrics._metric_names import Metric
from sklearn_recsketch.metrics._ranking_metrics import METRICS
from sklearn_recsketch.typing import RandomState
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
    random_state: RandomState = 0,
    per_user: bool = False,
) -> pd.DataFrame:
    """Report the means and standard errors of ranking metrics at several cutoffs.

    The report contains all ranking metrics that have a cutoff. All values are computed from a single ranking.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender, or a fitted search or pipeline that ends in a recommender.
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        User and item ids of the evaluated rows. A third column is ignored.
    y : array-like of shape (n_rows,), default=None
        Interaction strengths. Rows with a positive strength are relevant. If None, all rows are relevant.
    ks : iterable of int, default=(5, 10, 20)
        Cutoffs at which the metrics are computed.
    exclude_seen, candidates, n_users, fold_in, random_state
        These parameters have the same meaning as in :func:`~sklearn_recsketch.metrics.make_ranking_scorer`.
    per_user : bool, default=False
        If True, return the values of individual users instead of means over users.

    Returns
    -------
    DataFrame
        Table with one row per metric and cutoff. Its columns are "metric", "k", "mean", "standard error" and "n_users".
        If `per_user` is True, the table has one row per user instead, and one column per metric and cutoff, such as
        "precision@5". Its index then contains the user ids.

    See Also
    --------
    make_ranking_scorer : Make a scorer from one or several metrics for model selection.

    Notes
    -----
    The standard error is the standard deviation of the users' values, divided by the square root of the number of
    users. The evaluated users are regarded as a sample from a large population. The standard error estimates how far
    the sample mean typically is from the population mean. If `n_users` is set, the sample consists of the users drawn
    from `X`. No finite population correction is applied because the users in `X` are themselves a sample. For a single
    user, the standard error is infinite.

    To compare two recommenders, set ``per_user=True`` and compute the difference between the two recommenders' values
    for each user. These differences usually vary less across users than the values themselves because both recommenders
    perform poorly for some users.

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
    cutoffs = _check_cutoffs(ks)
    metrics = [Metric(name, k) for name in METRICS for k in cutoffs]
    recommender, X = unwrap(estimator, X)
    task = make_evaluation_task(recommender, X, y, options)
    values = metric_values(task, recommender, metrics)
    if per_user:
        return pd.DataFrame(values, index=pd.Index(task.query.user_ids, name="user"))
    return pd.DataFrame(
        {
            "metric": [name for name, _ in metrics],
            "k": [k for _, k in metrics],
            "mean": [value.mean() for value in values.values()],
            "standard error": [_standard_error(value) for value in values.values()],
            "n_users": len(task.n_relevant),
        }
    )


def _check_cutoffs(ks: Any) -> list[int]:
    """Validate the cutoffs, and return the distinct cutoffs in their original order."""
    cutoffs = list(ks) if isinstance(ks, Iterable) and not isinstance(ks, str) else []
    if not cutoffs or not all(is_integer(k) for k in cutoffs):
        raise ValueError(f"ks must be a list of cutoffs, ints of at least 1, such as (5, 10, 20), got {ks!r}.")
    return list(dict.fromkeys(int(k) for k in cutoffs))


def _standard_error(values: np.ndarray) -> float:
    """Return the standard error of the mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
