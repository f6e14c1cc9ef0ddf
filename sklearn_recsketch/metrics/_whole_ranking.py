"""Metrics without a cutoff, which use the ranking of all candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklearn_recsketch._ranking.scores import Scores
from sklearn_recsketch.metrics._auc import auc_per_user
from sklearn_recsketch.metrics._evaluation_task import EvaluationTask
from sklearn_recsketch.metrics._ranking_metrics import RelevantRanks
from sklearn_recsketch.utils._threads import Workers

__all__ = ["WHOLE_METRICS", "ScoredTask"]


@dataclass(frozen=True)
class ScoredTask:
    """Evaluation task with the scores of a recommender.

    Attributes
    ----------
    task : EvaluationTask
    scores : Scores
        Scores of the users and items in the query of the task.
    pool : Workers
        Thread pool that computes the scores.
    """

    task: EvaluationTask
    scores: Scores
    pool: Workers

    def relevant_ranks(self, k: int) -> RelevantRanks:
        """Find the relevant items among each user's k best items."""
        best, _ = self.scores.top(self.task.eligible, k, self.pool)
        return self.task.relevant_ranks(best)


def _auc(scored: ScoredTask) -> np.ndarray:
    task = scored.task
    before = scored.scores.before(task.eligible, task.relevant, scored.pool)
    n_irrelevant = task.n_candidates - np.diff(task.relevant.indptr)
    return auc_per_user(task.relevant.tocoo().row, before, task.n_relevant, n_irrelevant)


def _neg_preference_mse(scored: ScoredTask) -> np.ndarray:
    task = scored.task
    errors = scored.scores.squared_errors(task.eligible, task.relevant, scored.pool)
    # A relevant item that is not a candidate counts as predicted 0, so its squared error is 1.
    n_missed = task.n_relevant - np.diff(task.relevant.indptr)
    return -(errors + n_missed) / (task.n_candidates + n_missed)


WHOLE_METRICS: dict[str, Callable[[ScoredTask], np.ndarray]] = {
    "auc": _auc,
    "neg_preference_mse": _neg_preference_mse,
}
