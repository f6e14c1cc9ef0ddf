"""Bayesian search over hyperparameters that can be resumed and continues after failed trials."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import skopt
from sklearn.base import clone
from sklearn.utils import check_random_state
from skopt.callbacks import check_callback
from skopt.utils import eval_callbacks

from sklearn_recsketch.model_selection._bayes.checkpoint import Checkpoint
from sklearn_recsketch.model_selection._bayes.fingerprint import search_fingerprint
from sklearn_recsketch.model_selection._bayes.search_space import SearchSpace, initial_points, read_spaces
from sklearn_recsketch.model_selection._bayes.space_optimizer import SpaceOptimizer
from sklearn_recsketch.model_selection._bayes.trial_evaluation import Trial, TrialEvaluator
from sklearn_recsketch.model_selection._bayes.trial_history import TrialHistory
from sklearn_recsketch.model_selection._fits.fit_pool import fit_pool
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits
from sklearn_recsketch.model_selection._search import RecommenderSearchMixin, with_all_metrics
from sklearn_recsketch.utils._compat import (
    BaseSearchCV,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    _warn_or_raise_about_fit_failures,
)

__all__ = ["BayesSearchCV"]

# Surrogates and their names in skopt. "GBRT" is missing because scikit-learn 1.9 does not recognize it as a regressor.
SURROGATES = {"gp": "GP", "forest": "RF", "extra_trees": "ET"}


class BayesSearchCV(RecommenderSearchMixin, skopt.BayesSearchCV):
    """Bayesian search over parameters, where each trial is chosen by the scores of the earlier ones.

    :class:`skopt.BayesSearchCV` for searches of hours and days: it begins with parameters you know,
    goes on after trials that fail, ends in time, resumes after an interruption, and evaluates
    nothing twice. It needs scikit-optimize: ``pip install "sklearn-recsketch[tune]"``.

    Parameters
    ----------
    estimator : recommender, or Pipeline that ends in one
        What is fitted and scored.
    search_spaces : dict, or list of dict or of (dict, int)
        Dimensions by parameter. A tuple is a range: ``(2, 8)`` of ints, ``(0.1, 1.0)`` of numbers,
        ``(1e-3, 1.0, "log-uniform")``. A list (or a `range`, an array, a column) holds categories of
        any kind: ``[2, 8]`` are two values, ``[None, SideFeatureEncoder()]`` are two encoders; a
        repeated value is drawn more often. Dimensions of skopt.space stay as they are. Several
        spaces are searched one after the other, each for `n_iter` trials or for its own number.
    optimizer_kwargs : dict, default=None
        More parameters of :class:`skopt.Optimizer`, such as ``{"n_initial_points": 5}``: random
        trials before the first chosen one; `initial_params` are among them.
    n_iter : int, default=50
        TrialHistory, in each space.
    scoring : str, list, dict, callable or None, default=None
        Names such as "precision@5" or scorers; None is "precision@5". Of several metrics, `refit`
        must name one; ``make_ranking_scorer([...])`` computes all from one ranking.
    n_jobs : int, default=None
        Fits at the same time, out of `n_points` trials and their folds: in threads, or in what
        ``joblib.parallel_config`` says. Each has its share of the cores at most.
    n_points : int, default=1
        TrialHistory to choose at a time. The choice is better with 1; more keep more cores busy.
    refit : bool or str, default=True
        Fit the best parameters on all rows; the name of the metric to choose by, and to fit by,
        where there are several.
    cv : splitter, iterable or None, default=None
        None is ``UserHoldoutSplit(random_state=0)``. It splits once, so that all trials have the
        same folds.
    verbose : int, default=0
        1 prints a line per trial, 2 and more what scikit-learn prints of each fit, too.
    pre_dispatch : int or str, default="2*n_jobs"
        Fits to prepare ahead, as in scikit-learn.
    random_state : int, RandomState instance or None, default=None
        An int gives the same trials every time.
    error_score : "raise" or float, default=nan
        Score of a trial whose fit raises.
    return_train_score : bool, default=False
        Score training rows, too.
    surrogate : {"gp", "forest", "extra_trees"} or None, default=None
        What models the scores: a Gaussian process, or trees, which cost less from some hundreds of
        trials on. None is what ``optimizer_kwargs["base_estimator"]`` says, else "gp";
        "extra_trees" is what ``skopt.forest_minimize`` uses.
    initial_params : dict or list of dict, default=None
        TrialHistory to begin with, such as the best of an earlier search. Each has a value for all
        parameters of a space; of several spaces it belongs to the first that contains it.
    max_time : float, default=None
        Seconds after which no trial is begun, except a first one. The refit comes on top.
    checkpoint : str or path, default=None
        JSON file to keep the trials in, written after each. Where it exists, the search resumes:
        it asks for the same trials again and looks them up. Needs an int `random_state`, and a
        `cv` that always splits alike. Categories that JSON does not have, such as encoders, are
        stored by a digest of their content.

    Attributes
    ----------
    cv_results_ : dict of arrays
        As in scikit-learn, with one row per distinct trial, in order. Scores of trials that failed
        are NaN, and never the best.
    optimizer_results_ : list of OptimizeResult
        skopt's results, of each space that has a finite score.
    best_estimator_, best_params_, best_score_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        As in scikit-learn.

    Raises
    ------
    ValueError
        If no trial of the whole search has a finite score; for initial parameters outside of the
        spaces; for a checkpoint that is broken or of another search: then the text says in what
        they differ.

    Warns
    -----
    FitFailedWarning
        In the end, with the number of fits that failed and their errors.

    See Also
    --------
    EpochSearchCV : The number of epochs for free, from a grid or at random.

    Notes
    -----
    Of a trial that fails, or whose score is not finite, the optimizer learns the worst finite score
    so far; before there is one, trials are random.

    Integers and categories may be proposed again. Such a trial is looked up and counts towards
    `n_iter`, but adds no row.

    A resumed search is the one that was interrupted: same trials, scores and winner. Only the
    trials under way at the interruption are lost. `n_iter` may be raised to go on, and `max_time`,
    `n_jobs` and `verbose` may change; anything else that trials depend on may not.

    Ids are hashed once. Fits in threads share side features, and take the rows of their fold from one table; workers
    of Dask and Ray are sent both once. The refit is on X as given.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.model_selection import BayesSearchCV
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> search = BayesSearchCV(WRMFRecommender(8, max_iter=5, random_state=0),
    ...                        {"alpha": (1.0, 100.0, "log-uniform"), "regularization": (0.1, 100.0, "log-uniform")},
    ...                        n_iter=4, initial_params={"alpha": 10, "regularization": 10}, random_state=0)
    >>> search.fit(X, y).cv_results_["params"][0]
    {'alpha': 10.0, 'regularization': 10.0}
    >>> search.recommend(k=3).columns.tolist()
    ['user', 'rank', 'item', 'score']
    """

    _parameter_constraints = {
        **BaseSearchCV._parameter_constraints,
        "estimator": [HasMethods(["fit", "get_params", "set_params"])],
        "search_spaces": [dict, list],
        "optimizer_kwargs": [dict, None],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "scoring": [str, list, tuple, dict, callable, None],
        "n_points": [Interval(Integral, 1, None, closed="left")],
        "refit": ["boolean", str],
        "random_state": ["random_state"],
        "surrogate": [StrOptions(set(SURROGATES)), None],
        "initial_params": [dict, list, tuple, None],
        "max_time": [Interval(Real, 0, None, closed="left"), None],
        "checkpoint": [str, os.PathLike, None],
    }

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any,
        *,
        optimizer_kwargs: dict[str, Any] | None = None,
        n_iter: int = 50,
        scoring: Any = None,
        n_jobs: int | None = None,
        n_points: int = 1,
        refit: bool | str = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        surrogate: str | None = None,
        initial_params: Any = None,
        max_time: float | None = None,
        checkpoint: Any = None,
    ) -> None:
        # Skip the __init__ of skopt, which has obsolete parameters and validates search spaces before `fit`.
        BaseSearchCV.__init__(
            self,
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.search_spaces = search_spaces
        self.optimizer_kwargs = optimizer_kwargs
        self.n_iter = n_iter
        self.n_points = n_points
        self.random_state = random_state
        self.surrogate = surrogate
        self.initial_params = initial_params
        self.max_time = max_time
        self.checkpoint = checkpoint

    @property
    def total_iterations(self) -> int:
        """TrialHistory in all spaces."""
        return sum(space.n_iter for space in read_spaces(self.search_spaces, self.n_iter))

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, *, callback: Any = None, **params: Any) -> Self:
        """Evaluate trials on every fold, then fit the best parameters on all rows.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids and, optionally, weights.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions.
        callback : callable or list of callables, default=None
            Function that is called with the result of skopt after each trial. If it returns True,
            the search in the current space ends. A resumed search also calls it for the trials in
            the checkpoint.
        **params
            Parameters of `fit` of the estimator, such as ``item_features=F``, and `groups` of the
            splitter. For a Pipeline, write ``rec__item_features=F`` unless metadata routing is
            enabled.

        Returns
        -------
        self : BayesSearchCV
            Fitted search.
        """
        deadline = np.inf if self.max_time is None else time.monotonic() + self.max_time
        callbacks = check_callback(callback)
        spaces = read_spaces(self.search_spaces, self.n_iter)
        for space in spaces:  # detect invalid parameter names now rather than when the space is searched
            clone(self.estimator).set_params(**clone(space.example, safe=False))
        options = self._optimizer_options()
        # Each space has its own seed, so that its trials do not depend on the number of trials in other spaces.
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(spaces))
        optimizers = [
            SpaceOptimizer(space, initial, np.random.RandomState(seed), options)
            for space, initial, seed in zip(spaces, initial_points(self.initial_params, spaces), seeds, strict=True)
        ]
        setup = self._set_up(X, y, params, sum(space.n_iter for space in spaces))
        fits = setup.fits
        trials = TrialHistory(self._open_checkpoint(spaces, fits))
        n_fits = self.n_points * len(fits.splits)
        with fit_pool(fits, self.n_jobs, n_fits, pre_dispatch=self.pre_dispatch) as pool:
            evaluator = TrialEvaluator(pool, fits)
            for optimizer in optimizers:
                if not self._search_space(optimizer, trials, evaluator, callbacks, deadline):
                    break
            evaluator.end()
        results = [optimizer.result for optimizer in optimizers if optimizer.result is not None]
        return self._conclude(setup, *self._results(trials, len(fits.splits)), _optim_results=results)

    # Steps of fit.

    def _optimizer_options(self) -> dict[str, Any]:
        options = dict(self.optimizer_kwargs or {})
        for name, instead in (("random_state", "random_state"), ("dimensions", "search_spaces")):
            if name in options:
                raise ValueError(f"optimizer_kwargs must not contain {name}. Use {instead} of BayesSearchCV instead.")
        if self.surrogate is not None:
            if "base_estimator" in options:
                raise ValueError(
                    f"surrogate={self.surrogate!r} and optimizer_kwargs['base_estimator']="
                    f"{options['base_estimator']!r} set the same parameter. Set only one of them."
                )
            options["base_estimator"] = SURROGATES[self.surrogate]
        return options

    def _open_checkpoint(self, spaces: list[SearchSpace], fits: FoldFits) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        if not isinstance(self.random_state, Integral):
            raise ValueError(
                f"A search with a checkpoint must have an int random_state, so that the same trials are proposed when it "
                f"is resumed, got {self.random_state!r}. Set random_state=0."
            )
        return Checkpoint(self.checkpoint, search_fingerprint(spaces, fits))

    def _search_space(
        self,
        optimizer: SpaceOptimizer,
        trials: TrialHistory,
        evaluator: TrialEvaluator,
        callbacks: list[Callable[[Any], Any]],
        deadline: float,
    ) -> bool:
        """Search one space; return False if the time limit was reached."""
        n_remaining = optimizer.space.n_iter
        while n_remaining > 0:
            # Always propose whole batches, so that the trials do not depend on n_iter.
            points = optimizer.ask(self.n_points)[:n_remaining]
            candidates = [optimizer.space.params(point) for point in points]
            new = trials.not_evaluated(candidates)
            if new and len(trials) and time.monotonic() > deadline:
                return False
            trials.add(evaluator.evaluate(new))
            evaluator.skip(len(candidates) - len(new))
            n_remaining -= len(points)
            scores = [self._score(trials.propose(params)) for params in candidates]
            if self.verbose:
                self._print_trials(candidates, scores, trials, evaluator)
            result = optimizer.tell(points, scores)
            if result is not None and eval_callbacks(callbacks, result):
                break
        return True

    def _score(self, trial: Trial) -> float:
        """Return the score to maximize."""
        several = next((fold["test_scores"] for fold in trial.folds if isinstance(fold["test_scores"], dict)), None)
        if several is not None:  # the metrics of a custom scorer are only known now
            self._check_refit_for_multimetric(several)
        return trial.score(self.refit)

    def _print_trials(
        self, candidates: list[dict[str, Any]], scores: list[float], trials: TrialHistory, evaluator: TrialEvaluator
    ) -> None:
        best = max((score for score in map(self._score, trials) if np.isfinite(score)), default=np.nan)
        first = trials.n_proposed - len(candidates) + 1
        for number, (params, score) in enumerate(zip(candidates, scores, strict=True), first):
            text = ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items())
            print(f"[BayesSearchCV] trial {number}/{evaluator.n_trials}: {score:.5g}, best {best:.5g}; {text}")

    def _results(self, trials: TrialHistory, n_splits: int) -> tuple[dict[str, Any], bool]:
        """Return `cv_results_` with one row per trial, and whether there are several metrics."""
        folds = [fold for trial in trials for fold in trial.folds]
        _warn_or_raise_about_fit_failures(folds, self.error_score)
        if not any(np.isfinite(self._score(trial)) for trial in trials):
            raise ValueError(
                f"None of the {len(trials)} trials has a finite score, although some fits succeeded. Check the scores of "
                f"scoring={self.scoring!r} for a fitted model."
            )
        multimetric = any(isinstance(fold["test_scores"], dict) for fold in folds)
        return self._format_results([trial.params for trial in trials], n_splits, with_all_metrics(folds)), multimetric
