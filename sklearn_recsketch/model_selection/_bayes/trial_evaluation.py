"""Evaluation of Bayesian search trials on all folds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice, product
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_recsketch.model_selection._fits.fit_pool import FitPool
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits
from sklearn_recsketch.utils._compat import _fit_and_score

__all__ = ["Trial", "TrialEvaluator"]


@dataclass(frozen=True)
class Trial:
    """Parameters of a trial and the results on each fold.

    Attributes
    ----------
    params : dict
    folds : list of dict
        Results on each fold. The keys are `test_scores`, `fit_time`, `score_time`, `n_test_samples`
        and `fit_error`. The key `train_scores` is optional. Each score is a number, or a dict with
        one number per metric. `fit_error` is the traceback of the error if the fit failed, and None
        otherwise.
    """

    params: dict[str, Any]
    folds: list[dict[str, Any]]

    def score(self, metric: Any) -> float:
        """Return the mean score over all folds. `metric` is only used if there are several metrics."""
        scores = [fold["test_scores"] for fold in self.folds]
        return float(np.mean([score[metric] if isinstance(score, dict) else score for score in scores]))


class TrialEvaluator:
    """Evaluate trials on all folds and report progress to callbacks.

    Parameters
    ----------
    pool : FitPool
        Pool that runs the fits. It stays open during the whole search.
    fits : FoldFits
        Data and settings that all fits share.
    """

    def __init__(self, pool: FitPool, fits: FoldFits) -> None:
        self._pool, self._fits = pool, fits
        self._numbers = count()
        self.n_trials = fits.progress.max_subtasks // len(fits.splits)

    def evaluate(self, candidates: list[dict[str, Any]]) -> list[Trial]:
        """Fit and score each candidate on each fold."""
        n_folds = len(self._fits.splits)
        jobs = product(enumerate(candidates), range(n_folds))
        tasks = [(next(self._numbers), params, (position, len(candidates))) for (position, params), _ in jobs]
        results = self._pool.map(fit_and_score, tasks)
        return [
            Trial(params, results[start : start + n_folds])
            for params, start in zip(candidates, range(0, len(results), n_folds), strict=True)
        ]

    def skip(self, n_trials: int) -> None:
        """Notify the callbacks that trials have finished without being evaluated."""
        for number in islice(self._numbers, n_trials * len(self._fits.splits)):
            context = self._fits.context(number)
            context.call_on_fit_task_begin(estimator=self._fits.search)
            context.call_on_fit_task_end(estimator=self._fits.search)

    def end(self) -> None:
        """Notify the callbacks that the search has ended."""
        self._fits.progress.call_on_fit_task_end(estimator=self._fits.search)


def fit_and_score(
    fits: FoldFits, number: int, params: dict[str, Any], candidate_progress: tuple[int, int]
) -> dict[str, Any]:
    """Fit and score a candidate on one fold."""
    search, (train, test) = fits.search, fits.split(number)
    return _fit_and_score(
        clone(fits.estimator),
        fits.X,
        fits.y,
        scorer=fits.scorer,
        train=train,
        test=test,
        verbose=search.verbose,
        parameters=params,
        fit_params=fits.fit_params,
        score_params=fits.score_params,
        return_train_score=search.return_train_score,
        return_n_test_samples=True,
        return_times=True,
        split_progress=(number % len(fits.splits), len(fits.splits)),
        candidate_progress=candidate_progress,
        error_score=search.error_score,
        caller=search,
        callback_ctx=fits.context(number),
    )
