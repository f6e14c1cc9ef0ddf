"""One fit of one candidate on one fold, scored at every checkpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from traceback import format_exc
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sklearn_recsketch.metrics._scorer import is_ranking_scorer
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits
from sklearn_recsketch.utils._compat import _check_method_params, _MultimetricScorer, _safe_split, _score
from sklearn_recsketch.utils._unwrap import final_step

__all__ = ["EpochPath", "EpochPlan", "fit_path"]


@dataclass(frozen=True)
class EpochPlan(FoldFits):
    """What all fits of a search have in common.

    Attributes
    ----------
    epochs : list of int
        Checkpoints, ascending.
    """

    epochs: list[int]


@dataclass
class EpochPath:
    """Scores at the checkpoints that a fit reached, in order.

    Attributes
    ----------
    test, train : list
        Scores, or dicts of them.
    fit_time, score_time : list of float
        Seconds of training until, and of scoring at, each checkpoint.
    judged : list of float
        The score to judge by.
    pruned : bool
        Whether it was stopped for its scores.
    fit_error : str or None
    """

    n_test_samples: int
    test: list[Any] = field(default_factory=list)
    train: list[Any] = field(default_factory=list)
    fit_time: list[float] = field(default_factory=list)
    score_time: list[float] = field(default_factory=list)
    judged: list[float] = field(default_factory=list)
    pruned: bool = False
    fit_error: str | None = None


class _Checkpoints:
    """A scikit-learn callback that hands over the fitted estimator after some epochs and may stop the fit."""

    def __init__(self, epochs: list[int], reached: Any) -> None:
        self._epochs, self._reached = set(epochs), reached

    def wants(self, epoch: int) -> bool:
        """Whether it looks at the model after so many epochs, which costs something to make."""
        return epoch in self._epochs

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> bool:
        if context.task_name != "epoch" or not self.wants(context.task_id + 1):
            return False
        return bool(self._reached(fitted_estimator))

    def teardown(self, estimator: Any, context: Any) -> None:
        # scikit-learn keeps the contexts of all fits, and with them this, until the search ends: let the fit go.
        self._reached = None


class _SameRows:
    """A scorer of ours that is called on the same rows again and again, and reads them once."""

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self._read: Any = None

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> Any:
        if self._read is None:
            self._read = self._scorer.on_rows(X, y)
        return self._read(estimator)


def _on_same_rows(scorer: Any) -> Any:
    if isinstance(scorer, _MultimetricScorer):
        scorers = {name: _on_same_rows(one) for name, one in scorer._scorers.items()}
        return _MultimetricScorer(scorers=scorers, raise_exc=scorer._raise_exc)
    return _SameRows(scorer) if is_ranking_scorer(scorer) else scorer


class _WrongRefit(ValueError):
    """A scorer does not give the score to refit by: no failure of a candidate, but of the search."""


def fit_path(plan: EpochPlan, number: int, parameters: dict[str, Any], thresholds: np.ndarray | None) -> EpochPath:
    """Fit for the most epochs, score on the way, stop where the best score so far is below a threshold."""
    search, context, (train, test) = plan.search, plan.context(number), plan.split(number)
    estimator = clone(plan.estimator).set_params(**clone(parameters, safe=False))
    estimator.set_params(**{search.resource: plan.epochs[-1]})
    fit_params = _check_method_params(plan.X, params=plan.fit_params, indices=train)
    train_rows = _safe_split(estimator, plan.X, plan.y, train)
    test_rows = _safe_split(estimator, plan.X, plan.y, test, train)
    path = EpochPath(n_test_samples=len(test))
    scorers = _on_same_rows(plan.scorer), _on_same_rows(plan.scorer)
    score_params = [_check_method_params(plan.X, params=plan.score_params, indices=rows) for rows in (test, train)]
    begun = time.perf_counter()

    def reached(fitted: Any) -> bool:
        """Score at the next checkpoint; True to stop."""
        nonlocal begun
        now = time.perf_counter()
        seconds = now - begun
        if hasattr(estimator, "steps"):
            fitted = Pipeline([*estimator.steps[:-1], (estimator.steps[-1][0], fitted)])
        path.test.append(_score(fitted, *test_rows, scorers[0], score_params[0], search.error_score))
        path.score_time.append(time.perf_counter() - now)
        path.fit_time.append(seconds)
        if search.return_train_score:
            path.train.append(_score(fitted, *train_rows, scorers[1], score_params[1], search.error_score))
        begun += time.perf_counter() - now  # the clock of the fit stands still meanwhile
        path.judged.append(_judged(path.test[-1], plan))
        best = np.nanmax([*path.judged, -np.inf])
        path.pruned = thresholds is not None and bool(best < thresholds[len(path.judged) - 1])
        return path.pruned

    final = final_step(estimator)
    final.set_callbacks(*getattr(final, "_skl_callbacks", []), _Checkpoints(plan.epochs, reached))
    try:
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=search, X=train_rows[0], y=train_rows[1])
            estimator.fit(*(train_rows if plan.y is not None else train_rows[:1]), **fit_params)
            if len(path.judged) < len(plan.epochs) and not path.pruned:
                # Converged or diverged: further epochs would have changed nothing.
                _repeat_last(path, reached, final, len(plan.epochs))
    except _WrongRefit:
        raise
    except Exception:
        if search.error_score == "raise":
            raise
        path.fit_error = format_exc()
    finally:
        context.call_on_fit_task_end(estimator=search, X=train_rows[0], y=train_rows[1])
    if search.verbose > 1:
        print(f"[CV {_label(plan, number)}] {_summary(path, parameters, plan)}")
    return path


def _judged(score: Any, plan: EpochPlan) -> float:
    """The score to refit and to prune by; NaN where there are several, and none of them is named."""
    if not isinstance(score, dict):
        return float(score)
    try:
        plan.search._check_refit_for_multimetric(score)
    except ValueError as error:
        raise _WrongRefit(str(error)) from None
    return float(score.get(plan.metric, np.nan))


def _repeat_last(path: EpochPath, reached: Any, final: Any, n_checkpoints: int) -> None:
    """Score the model where training ended of itself; that is the score of all later checkpoints."""
    reached(final)
    path.pruned = False
    missing = n_checkpoints - len(path.judged)
    for values in (path.test, path.train, path.fit_time, path.score_time, path.judged):
        values.extend(values[-1:] * missing)


def _label(plan: EpochPlan, number: int) -> str:
    n_folds = len(plan.splits)
    candidate, fold = divmod(number, n_folds)
    return f"{candidate + 1}/{plan.progress.max_subtasks // n_folds}, fold {fold + 1}/{n_folds}"


def _summary(path: EpochPath, parameters: dict[str, Any], plan: EpochPlan) -> str:
    text = ", ".join(f"{name}={value}" for name, value in parameters.items())
    if path.fit_error is not None:
        return f"{text}: failed"
    best = int(np.nanargmax(path.judged)) if np.isfinite(path.judged).any() else 0
    ended = f"stopped after {plan.epochs[len(path.judged) - 1]}" if path.pruned else f"{plan.epochs[-1]} epochs"
    return f"{text}: best {path.judged[best]:.5g} at {plan.epochs[best]}, {ended}, {path.fit_time[-1]:.1f} s"
