"""Bayesian search that survives failing trials, interruptions and repeated points."""

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

# Ours, and skopt's names of them. Its "GBRT" is none: scikit-learn 1.9 does not take it for a regressor.
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
        # Not skopt's own, which has parameters that are gone from its fit, and checks spaces before set_params can.
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
        """Try parameters on every fold, then fit the best ones on all rows.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids and, optionally, weights.
        y : array-like of shape (n_rows,), default=None
            Strengths.
        callback : callable or list of callables, default=None
            Called with skopt's result after each trial; True ends the search of a space. A resumed
            search calls it for the trials it looks up, too.
        **params
            Parameters of the estimator's fit, such as ``item_features=F`` (``rec__item_features=F``
            for a Pipeline while metadata routing is off), and `groups` of the splitter.

        Returns
        -------
        self
        """
        deadline = np.inf if self.max_time is None else time.monotonic() + self.max_time
        callbacks = check_callback(callback)
        spaces = read_spaces(self.search_spaces, self.n_iter)
        for space in spaces:  # a name that is none would be found only when its space has its turn
            clone(self.estimator).set_params(**clone(space.example, safe=False))
        options = self._optimizer_options()
        # A seed for each space: how long one is searched must not decide what is tried in the next.
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(spaces))
        proposals = [
            SpaceOptimizer(space, first, np.random.RandomState(seed), options)
            for space, first, seed in zip(spaces, initial_points(self.initial_params, spaces), seeds, strict=True)
        ]
        setup = self._set_up(X, y, params, sum(space.n_iter for space in spaces))
        fits = setup.fits
        trials = TrialHistory(self._open_checkpoint(spaces, fits))
        n_fits = self.n_points * len(fits.splits)
        with fit_pool(fits, self.n_jobs, n_fits, pre_dispatch=self.pre_dispatch) as pool:
            evaluator = TrialEvaluator(pool, fits)
            for one in proposals:
                if not self._search_space(one, trials, evaluator, callbacks, deadline):
                    break
            evaluator.end()
        results = [one.result for one in proposals if one.result is not None]
        return self._conclude(setup, *self._results(trials, len(fits.splits)), _optim_results=results)

    # The parts of fit.

    def _optimizer_options(self) -> dict[str, Any]:
        options = dict(self.optimizer_kwargs or {})
        for name, instead in (("random_state", "random_state"), ("dimensions", "search_spaces")):
            if name in options:
                raise ValueError(f"optimizer_kwargs must not have {name}: it is {instead} of BayesSearchCV.")
        if self.surrogate is not None:
            if "base_estimator" in options:
                raise ValueError(
                    f"surrogate={self.surrogate!r} and optimizer_kwargs['base_estimator']="
                    f"{options['base_estimator']!r} are two names of one thing: set one of them."
                )
            options["base_estimator"] = SURROGATES[self.surrogate]
        return options

    def _open_checkpoint(self, spaces: list[SearchSpace], fits: FoldFits) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        if not isinstance(self.random_state, Integral):
            raise ValueError(
                f"A search with a checkpoint must have an int random_state, to ask for the same trials when it is "
                f"resumed, got {self.random_state!r}. Set random_state=0."
            )
        return Checkpoint(self.checkpoint, search_fingerprint(spaces, fits))

    def _search_space(
        self,
        proposals: SpaceOptimizer,
        trials: TrialHistory,
        evaluator: TrialEvaluator,
        callbacks: list[Callable[[Any], Any]],
        deadline: float,
    ) -> bool:
        """Ask, evaluate or look up, and tell; False if the time is up."""
        left = proposals.space.n_iter
        while left > 0:
            # Whole batches, of which a last one may not need all: with a larger n_iter they are the same.
            points = proposals.ask(self.n_points)[:left]
            candidates = [proposals.space.params(point) for point in points]
            unknown = trials.unknown(candidates)
            if unknown and len(trials) and time.monotonic() > deadline:
                return False
            trials.add(evaluator.evaluate(unknown))
            evaluator.skip(len(candidates) - len(unknown))
            left -= len(points)
            scores = [self._score(trials.ask_for(params)) for params in candidates]
            if self.verbose:
                self._tell_of(candidates, scores, trials, evaluator)
            result = proposals.tell(points, scores)
            if result is not None and eval_callbacks(callbacks, result):
                break
        return True

    def _score(self, trial: Trial) -> float:
        """The score to maximise."""
        several = next((fold["test_scores"] for fold in trial.folds if isinstance(fold["test_scores"], dict)), None)
        if several is not None:  # what a function scores shows only now
            self._check_refit_for_multimetric(several)
        return trial.score(self.refit)

    def _tell_of(
        self, candidates: list[dict[str, Any]], scores: list[float], trials: TrialHistory, evaluator: TrialEvaluator
    ) -> None:
        best = max((score for score in map(self._score, trials) if np.isfinite(score)), default=np.nan)
        first = trials.n_asked - len(candidates) + 1
        for number, (params, score) in enumerate(zip(candidates, scores, strict=True), first):
            text = ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items())
            print(f"[BayesSearchCV] trial {number}/{evaluator.n_trials}: {score:.5g}, best {best:.5g}; {text}")

    def _results(self, trials: TrialHistory, n_splits: int) -> tuple[dict[str, Any], bool]:
        """One row per trial, in scikit-learn's form; and whether scores are of several metrics."""
        folds = [fold for trial in trials for fold in trial.folds]
        _warn_or_raise_about_fit_failures(folds, self.error_score)
        if not any(np.isfinite(self._score(trial)) for trial in trials):
            raise ValueError(
                f"None of the {len(trials)} trials has a finite score, though fits succeeded: look at what "
                f"scoring={self.scoring!r} gives for one of them."
            )
        multimetric = any(isinstance(fold["test_scores"], dict) for fold in folds)
        return self._format_results([trial.params for trial in trials], n_splits, with_all_metrics(folds)), multimetric
