"""Compute per-user metric values and their means for fitted recommenders."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.metrics._evaluation_task import EvaluationTask, Options, make_evaluation_task
from sklearn_recsketch.metrics._metric_names import Metric
from sklearn_recsketch.metrics._ranking_metrics import METRICS
from sklearn_recsketch.metrics._whole_ranking import WHOLE_METRICS, ScoredTask
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._unwrap import unwrap

__all__ = ["Evaluation", "evaluate", "metric_values"]


def metric_values(task: EvaluationTask, recommender: Any, metrics: list[Metric]) -> dict[str, np.ndarray]:
    """Compute all metrics from a single ranking, and return one value per metric and user."""
    scores = recommender._query_scores(task.query, QueryContext(history=task.history), QueryContext())
    with workers(getattr(recommender, "n_jobs", None)) as pool:
        scored = ScoredTask(task, scores, pool)
        values = {name: WHOLE_METRICS[name](scored) for name, k in metrics if k is None}
        cutoffs = [(name, k) for name, k in metrics if k is not None]
        if cutoffs:
            ranks = scored.relevant_ranks(max(k for _, k in cutoffs))
            values |= {str(Metric(name, k)): METRICS[name](ranks, k) for name, k in cutoffs}
    return {str(metric): values[str(metric)] for metric in metrics}


def evaluate(estimator: Any, X: Any, y: Any, metrics: list[Metric], options: Options) -> dict[str, float]:
    """Return the mean of each metric over the evaluated users.

    The function `make_evaluation_task` decides which rows of X are evaluated.
    """
    return Evaluation(X, y, metrics, options)(estimator)


class Evaluation:
    """Evaluate several estimators on the same rows, for example a recommender after each training epoch.

    The evaluation task depends on the interactions passed to fit, but not on the learned parameters. It is therefore
    created only once, unless a recommender was fitted on different interactions.

    Parameters
    ----------
    X, y : Any
        Evaluated rows, in the format that scorers accept.
    metrics : list of Metric
    options : Options
    """

    def __init__(self, X: Any, y: Any, metrics: list[Metric], options: Options) -> None:
        self._data = (X, y)
        self._metrics, self._options = metrics, options
        self._interactions: Any = None
        self._task: EvaluationTask | None = None

    def __call__(self, estimator: Any) -> dict[str, float]:
        """Return the mean of each metric for a fitted estimator."""
        recommender, _ = unwrap(estimator)
        if self._task is None or recommender.interactions_ is not self._interactions:
            X, y = self._data
            self._task = make_evaluation_task(recommender, unwrap(estimator, X)[1], y, self._options)
            self._interactions = recommender.interactions_
        values = metric_values(self._task, recommender, self._metrics)
        return {name: float(value.mean()) for name, value in values.items()}
