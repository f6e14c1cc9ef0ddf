"""Fits and scores of trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_recsketch.model_selection._search import SearchSetup
from sklearn_recsketch.utils._compat import _fit_and_score

__all__ = ["Evaluator", "Trial"]


@dataclass(frozen=True)
class Trial:
    """Parameters and what came of them.

    Attributes
    ----------
    params : dict
    folds : list of dict
        Of each fold: `test_scores` and perhaps `train_scores`, a number or several by metric,
        `fit_time`, `score_time`, `n_test_samples`, and the text of an error of the fit, `fit_error`.
    """

    params: dict[str, Any]
    folds: list[dict[str, Any]]

    def score(self, metric: Any) -> float:
        """Mean over the folds, of one metric where there are several."""
        scores = [fold["test_scores"] for fold in self.folds]
        return float(np.mean([score[metric] if isinstance(score, dict) else score for score in scores]))


class Evaluator:
    """Evaluates trials on all folds, and shows callbacks the progress.

    Parameters
    ----------
    search : BayesSearchCV
    setup : SearchSetup
    run, task : callable
        What runs tasks, in a pool that stays open for the whole search, and what makes a call one.
    n_trials : int
        Trials to come.
    """

    def __init__(
        self,
        search: Any,
        setup: SearchSetup,
        run: Callable[[Iterable[Any]], list[Any]],
        task: Callable[..., Any],
        n_trials: int,
    ) -> None:
        self._search, self._setup, self._run, self._task = search, setup, run, task
        self.n_trials = n_trials
        self._base = clone(search.estimator)
        self._done = 0
        self._progress = setup.root.subcontext(
            task_name="search", max_subtasks=n_trials * len(setup.splits), sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=search)

    def evaluate(self, candidates: list[dict[str, Any]]) -> list[Trial]:
        """Fit and score each candidate on each fold."""
        splits = self._setup.splits
        jobs = list(product(enumerate(candidates), enumerate(splits)))
        done = self._run(
            self._task(
                _fit_and_score,
                clone(self._base),
                self._setup.coded,
                self._setup.y,
                scorer=self._setup.scorer,
                train=train,
                test=test,
                verbose=self._search.verbose,
                parameters=params,
                fit_params=self._setup.fit_params,
                score_params=self._setup.score_params,
                return_train_score=self._search.return_train_score,
                return_n_test_samples=True,
                return_times=True,
                split_progress=(fold, len(splits)),
                candidate_progress=(number, len(candidates)),
                error_score=self._search.error_score,
                caller=self._search,
                callback_ctx=context,
            )
            for ((number, params), (fold, (train, test))), context in zip(
                jobs, self._contexts(len(candidates)), strict=True
            )
        )
        return [
            Trial(params, done[start : start + len(splits)])
            for params, start in zip(candidates, range(0, len(done), len(splits)), strict=True)
        ]

    def skip(self, n_trials: int) -> None:
        """Count trials that need no evaluation as done."""
        for context in self._contexts(n_trials):
            context.call_on_fit_task_begin(estimator=self._search)
            context.call_on_fit_task_end(estimator=self._search)

    def end(self) -> None:
        """Nothing more is to come."""
        self._progress.call_on_fit_task_end(estimator=self._search)

    def _contexts(self, n_trials: int) -> Iterable[Any]:
        """Tasks of the next trials, made before the fits that may run in other processes."""
        first, self._done = self._done, self._done + n_trials * len(self._setup.splits)
        return [
            self._progress.subcontext(task_name="candidate-split-evaluation", task_id=number)
            for number in range(first, self._done)
        ]
