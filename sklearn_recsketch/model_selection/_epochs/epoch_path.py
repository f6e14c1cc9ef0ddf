"""Function that fits one candidate on one fold and scores the model at every checkpoint."""

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

__all__ = ["EpochFits", "EpochPath", "fit_path"]


@dataclass(frozen=True)
class EpochFits(FoldFits):
    """Data and settings that all fits of an epoch search share.

    Attributes
    ----------
    epochs : list of int
        Checkpoints in ascending order. A checkpoint is an epoch after which the model is scored.
    """

    epochs: list[int]


@dataclass
class EpochPath:
    """Scores and times of one fit at each checkpoint that the fit reached.

    Attributes
    ----------
    n_test_samples : int
        Number of test rows.
    test, train : list
        Test scores and training scores. Each score is a number, or a dict with one number per
        metric.
    fit_time, score_time : list of float
        Training time up to each checkpoint and scoring time at each checkpoint, in seconds.
    objective : list of float
        Test scores for the metric that is used to select and to prune candidates.
    pruned : bool
        True if the fit was stopped early because its scores were too low.
    fit_error : str or None
        Traceback of the error if the fit failed.
    """

    n_test_samples: int
    test: list[Any] = field(default_factory=list)
    train: list[Any] = field(default_factory=list)
    fit_time: list[float] = field(default_factory=list)
    score_time: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    pruned: bool = False
    fit_error: str | None = None


class _Checkpoints:
    """Callback that passes the fitted estimator to a function at each checkpoint.

    If the function returns True, training stops.
    """

    def __init__(self, epochs: list[int], reached: Any) -> None:
        self._epochs, self._reached = set(epochs), reached

    def wants(self, epoch: int) -> bool:
        """Return True if this epoch is a checkpoint. The recommender then passes its fitted model to this callback."""
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
        # scikit-learn keeps this callback until the search ends. Release its references to the training data.
        self._reached = None


class _FixedRowsScorer:
    """Ranking scorer that is always called with the same rows. It validates these rows only once."""

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self._score_rows: Any = None

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> Any:
        if self._score_rows is None:
            self._score_rows = self._scorer.on_rows(X, y)
        return self._score_rows(estimator)


def _with_fixed_rows(scorer: Any) -> Any:
    if isinstance(scorer, _MultimetricScorer):
        scorers = {name: _with_fixed_rows(single) for name, single in scorer._scorers.items()}
        return _MultimetricScorer(scorers=scorers, raise_exc=scorer._raise_exc)
    return _FixedRowsScorer(scorer) if is_ranking_scorer(scorer) else scorer


class _WrongRefit(ValueError):
    """Error that is raised if the scorer does not return the metric named by `refit`. It ends the search."""


def fit_path(fits: EpochFits, number: int, parameters: dict[str, Any], thresholds: np.ndarray | None) -> EpochPath:
    """Fit a candidate for the largest number of epochs and score it at each checkpoint.

    The fit is stopped at a checkpoint if the best score so far is below the threshold for this
    checkpoint.
    """
    search, context, (train, test) = fits.search, fits.context(number), fits.split(number)
    estimator = clone(fits.estimator).set_params(**clone(parameters, safe=False))
    estimator.set_params(**{search.resource: fits.epochs[-1]})
    fit_params = _check_method_params(fits.X, params=fits.fit_params, indices=train)
    train_rows = _safe_split(estimator, fits.X, fits.y, train)
    test_rows = _safe_split(estimator, fits.X, fits.y, test, train)
    path = EpochPath(n_test_samples=len(test))
    scorers = _with_fixed_rows(fits.scorer), _with_fixed_rows(fits.scorer)
    score_params = [_check_method_params(fits.X, params=fits.score_params, indices=rows) for rows in (test, train)]
    started = time.perf_counter()

    def reached(fitted: Any) -> bool:
        """Score the model at the next checkpoint. Return True to stop the fit."""
        nonlocal started
        now = time.perf_counter()
        seconds = now - started
        if hasattr(estimator, "steps"):
            fitted = Pipeline([*estimator.steps[:-1], (estimator.steps[-1][0], fitted)])
        path.test.append(_score(fitted, *test_rows, scorers[0], score_params[0], search.error_score))
        path.score_time.append(time.perf_counter() - now)
        path.fit_time.append(seconds)
        if search.return_train_score:
            path.train.append(_score(fitted, *train_rows, scorers[1], score_params[1], search.error_score))
        started += time.perf_counter() - now  # exclude the scoring time from the fit time
        path.objective.append(_objective(path.test[-1], fits))
        best = np.nanmax([*path.objective, -np.inf])
        path.pruned = thresholds is not None and bool(best < thresholds[len(path.objective) - 1])
        return path.pruned

    final = final_step(estimator)
    final.set_callbacks(*getattr(final, "_skl_callbacks", []), _Checkpoints(fits.epochs, reached))
    try:
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=search, X=train_rows[0], y=train_rows[1])
            estimator.fit(*(train_rows if fits.y is not None else train_rows[:1]), **fit_params)
            if len(path.objective) < len(fits.epochs) and not path.pruned:
                # Training converged or diverged, so more epochs would not change the model.
                _repeat_last(path, reached, final, len(fits.epochs))
    except _WrongRefit:
        raise
    except Exception:
        if search.error_score == "raise":
            raise
        path.fit_error = format_exc()
    finally:
        context.call_on_fit_task_end(estimator=search, X=train_rows[0], y=train_rows[1])
    if search.verbose > 1:
        print(f"[CV {_label(fits, number)}] {_summary(path, parameters, fits)}")
    return path


def _objective(score: Any, fits: EpochFits) -> float:
    """Return the score for the `refit` metric, or NaN if there are several metrics and `refit` names none of them."""
    if not isinstance(score, dict):
        return float(score)
    try:
        fits.search._check_refit_for_multimetric(score)
    except ValueError as error:
        raise _WrongRefit(str(error)) from None
    return float(score.get(fits.metric, np.nan))


def _repeat_last(path: EpochPath, reached: Any, final: Any, n_checkpoints: int) -> None:
    """Score the final model after training has ended early, and use this score for all remaining checkpoints."""
    reached(final)
    path.pruned = False
    missing = n_checkpoints - len(path.objective)
    for values in (path.test, path.train, path.fit_time, path.score_time, path.objective):
        values.extend(values[-1:] * missing)


def _label(fits: EpochFits, number: int) -> str:
    n_folds = len(fits.splits)
    candidate, fold = divmod(number, n_folds)
    return f"{candidate + 1}/{fits.progress.max_subtasks // n_folds}, fold {fold + 1}/{n_folds}"


def _summary(path: EpochPath, parameters: dict[str, Any], fits: EpochFits) -> str:
    text = ", ".join(f"{name}={value}" for name, value in parameters.items())
    if path.fit_error is not None:
        return f"{text}: failed"
    best = int(np.nanargmax(path.objective)) if np.isfinite(path.objective).any() else 0
    ended = f"stopped after {fits.epochs[len(path.objective) - 1]}" if path.pruned else f"{fits.epochs[-1]} epochs"
    return f"{text}: best {path.objective[best]:.5g} at {fits.epochs[best]}, {ended}, {path.fit_time[-1]:.1f} s"
