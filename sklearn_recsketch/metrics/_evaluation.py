"""Values of metrics, user by user, from one ranking."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.metrics._evaluation_task import EvaluationTask, Options, make_evaluation_task
from sklearn_recsketch.metrics._hits import METRICS
from sklearn_recsketch.metrics._metric_names import Metric
from sklearn_recsketch.metrics._whole_ranking import WHOLE_METRICS, ScoredTask
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._unwrap import unwrap

__all__ = ["Evaluation", "evaluate", "values_of"]


def values_of(question: EvaluationTask, recommender: Any, metrics: list[Metric]) -> dict[str, np.ndarray]:
    """Values of each metric, one per user of the question; one ranking serves all cutoffs."""
    users, items = recommender._query(question.request, question.given, QueryContext())
    with workers(getattr(recommender, "n_jobs", None)) as pool:
        answer = ScoredTask(question, users, items, pool)
        values = {name: WHOLE_METRICS[name](answer) for name, k in metrics if k is None}
        cutoffs = [(name, k) for name, k in metrics if k is not None]
        if cutoffs:
            hits = answer.hits(max(k for _, k in cutoffs))
            values |= {str(Metric(name, k)): METRICS[name](hits, k) for name, k in cutoffs}
    return {str(metric): values[str(metric)] for metric in metrics}


def evaluate(estimator: Any, X: Any, y: Any, metrics: list[Metric], options: Options) -> dict[str, float]:
    """Means of metrics over the users of X; see `make_evaluation_task` for which rows count."""
    return Evaluation(X, y, metrics, options)(estimator)


class Evaluation:
    """Scores many estimators on the same rows, such as one recommender after each epoch.

    What the rows ask does not depend on what has been learnt: it is found out once, and again only
    for a recommender that knows other interactions.
    """

    def __init__(self, X: Any, y: Any, metrics: list[Metric], options: Options) -> None:
        self._data = (X, y)
        self._metrics, self._options = metrics, options
        self._asked: Any = None
        self._question: EvaluationTask | None = None

    def __call__(self, estimator: Any) -> dict[str, float]:
        recommender, _ = unwrap(estimator)
        if self._question is None or recommender.interactions_ is not self._asked:
            X, y = self._data
            self._question = make_evaluation_task(recommender, unwrap(estimator, X)[1], y, self._options)
            self._asked = recommender.interactions_
        values = values_of(self._question, recommender, self._metrics)
        return {name: float(value.mean()) for name, value in values.items()}
