"""What a recommender answers to a question, and the metrics that take all of it instead of the first k."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklearn_recsketch.metrics._auc import auc_of_places
from sklearn_recsketch.metrics._evaluation_task import EvaluationTask
from sklearn_recsketch.metrics._hits import Hits
from sklearn_recsketch.utils._threads import Workers

__all__ = ["WHOLE_METRICS", "ScoredTask"]


@dataclass(frozen=True)
class ScoredTask:
    """Vectors whose inner products score the items of a question.

    Attributes
    ----------
    question : EvaluationTask
    users, items : ndarray of shape (n, n_components)
        Vectors of what the question asks for.
    pool : Workers
    """

    question: EvaluationTask
    users: np.ndarray
    items: np.ndarray
    pool: Workers

    def hits(self, k: int) -> Hits:
        """The first k places, judged."""
        best, _ = self.question.eligible.top(self.users, self.items, k, self.pool)
        return self.question.judge(best)


def _auc(answer: ScoredTask) -> np.ndarray:
    asked = answer.question
    before = asked.eligible.before(answer.users, answer.items, asked.relevant, answer.pool)
    others = asked.n_candidates - np.diff(asked.relevant.indptr)
    return auc_of_places(asked.relevant.tocoo().row, before, asked.n_relevant, others)


def _neg_preference_mse(answer: ScoredTask) -> np.ndarray:
    asked = answer.question
    errors = asked.eligible.squared_errors(answer.users, answer.items, asked.relevant, answer.pool)
    # A relevant item that is not ranked has no prediction, which is one of 0.
    missed = asked.n_relevant - np.diff(asked.relevant.indptr)
    return -(errors + missed) / (asked.n_candidates + missed)


WHOLE_METRICS: dict[str, Callable[[ScoredTask], np.ndarray]] = {
    "auc": _auc,
    "neg_preference_mse": _neg_preference_mse,
}
