"""Bayesian hyperparameter search that can be resumed and that continues after failed trials."""

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
from sklearn_recsketch.typing import RandomState
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
    """Bayesian hyperparameter search that uses the scores of earlier trials to select the next trial.

    This is a subclass of :class:`skopt.BayesSearchCV` for searches that take hours or days. It can
    start from given parameters, it continues after failed trials, and it can stop after a time
    limit. It can also be resumed after an interruption. No trial is evaluated twice. This class
    requires scikit-optimize: ``pip install "sklearn-recsketch[tune]"``.

    Parameters
    ----------
    estimator : recommender, or Pipeline that ends in one
        Estimator whose hyperparameters are searched.
    search_spaces : dict, or list of dict or of (dict, int)
        Dictionary that maps each parameter name to a dimension:

        - A tuple is a range. ``(2, 8)`` is a range of integers, ``(0.1, 1.0)`` is a range of real
          numbers, and ``(1e-3, 1.0, "log-uniform")`` is a range on a logarithmic scale.
        - A list contains categories of any type, for instance ``[2, 8]`` or
          ``[None, SideFeatureEncoder()]``. A `range`, an array or a column can be passed instead of a
          list. If a category is repeated, it is sampled more often.
        - A dimension from skopt.space is used unchanged.

        A list can contain several spaces, which are searched one after another. To set the number
        of trials for a space, pass the pair ``(space, number)``. For all other spaces, the number of
        trials is `n_iter`.
    optimizer_kwargs : dict, default=None
        Additional parameters of :class:`skopt.Optimizer`. For instance, ``{"n_initial_points": 5}``
        sets the number of initial trials. Initial trials are random, except for
        those in `initial_params`.
    n_iter : int, default=50
        Number of trials for each space.
    scoring : str, list, dict, callable or None, default=None
        Metric names such as "precision@5", or scorers. If None, "precision@5" is used. If there are
        several metrics, `refit` must name one of them. If a list of names or
        ``make_ranking_scorer([...])`` is passed, all metrics are computed from the same ranking.
    n_jobs : int, default=None
        Number of fits to run in parallel. The maximum is `n_points` times the number of folds. Fits
        run in threads, unless ``joblib.parallel_config`` selects another backend. The cores are
        divided among the fits.
    n_points : int, default=1
        Number of trials that are selected at a time. If 1, the scores of all earlier trials are used
        to select each trial. Larger values allow more fits to run in parallel.
    refit : bool or str, default=True
        If True, refit the estimator with the best parameters on all rows. If there are several
        metrics, `refit` must be the name of the metric to optimize.
    cv : splitter, iterable or None, default=None
        Cross-validation splitter. If None, ``UserHoldoutSplit(random_state=0)`` is used. Splits are
        computed only once, so all trials have the same folds.
    verbose : int, default=0
        If 1, print one line per trial. If greater than 1, also print scikit-learn's messages about
        each fit.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of fits to dispatch in advance, as in :class:`~sklearn.model_selection.GridSearchCV`.
    random_state : int, RandomState instance or None, default=None
        Controls the selection of trials. Pass an int to get the same trials in every search.
    error_score : "raise" or float, default=nan
        Value to assign to the score if a fit fails. If "raise", the error is raised.
    return_train_score : bool, default=False
        If True, also compute training scores.
    surrogate : {"gp", "forest", "extra_trees"} or None, default=None
        Model that predicts the scores: a Gaussian process, a random forest or extremely randomized
        trees. If there are several hundred trials, a random forest and extremely randomized trees
        are faster than a Gaussian process. ``skopt.forest_minimize`` also uses extremely randomized
        trees. If None, ``optimizer_kwargs["base_estimator"]`` is used. If this is not set either, a
        Gaussian process is used.
    initial_params : dict or list of dict, default=None
        Parameters of the first trials, for instance the best parameters of an earlier search. Each
        dict must contain a value for every parameter of a space. It is assigned to the first space
        that contains it.
    max_time : float, default=None
        Time limit in seconds. No trials are started after the time limit, but at least one trial is
        always evaluated. The refit does not count towards the time limit.
    checkpoint : str or path, default=None
        JSON file that stores the trials. The file is written after each trial. If it already
        exists, the search is resumed: the same trials are proposed again, and their results are
        read from the file. A checkpoint requires an int `random_state` and a `cv` with reproducible
        splits. If a category cannot be stored as JSON, such as an encoder, a digest of its
        content is stored instead.

    Attributes
    ----------
    cv_results_ : dict of arrays
        Results as in :class:`~sklearn.model_selection.GridSearchCV`, with one row per distinct
        trial. Rows are in the order of the trials. The scores of failed trials are NaN by default.
        A failed trial is never selected as the best trial if its score is NaN.
    optimizer_results_ : list of OptimizeResult
        Results returned by skopt, one for each space with at least one finite score.
    best_estimator_, best_params_, best_score_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        See :class:`~sklearn.model_selection.GridSearchCV`.

    Raises
    ------
    ValueError
        If no trial has a finite score, if initial parameters are not in any space, if the
        checkpoint cannot be read, or if the checkpoint belongs to a different search. In the last
        case, the error message lists the differences.

    Warns
    -----
    FitFailedWarning
        If some fits failed. The warning is issued at the end of the search. Its message contains
        the number of failed fits and the errors.

    See Also
    --------
    EpochSearchCV : Grid search or random search that tunes the number of epochs without extra fits.

    Notes
    -----
    If a trial fails or if its score is not finite, the worst finite score so far is passed to the
    optimizer instead. Trials are selected at random until there is a finite score.

    If all dimensions are integers or categories, the optimizer may propose the same trial again. A
    repeated trial counts towards `n_iter`, but it is not evaluated again, and no row is added to
    `cv_results_`.

    A resumed search gives the same trials, scores and best parameters as an uninterrupted
    search. Only the trials that were running when the search was interrupted are evaluated
    again. Before resuming a search, `n_iter` can be increased, and `max_time`, `n_jobs` and
    `verbose` can be changed. All other settings that affect the trials must stay the same.

    Ids are hashed once per search. Fits that run in threads share the interactions and the side
    features in memory. Each Dask or Ray worker receives these data only once. The refit uses the original `X`.

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
        random_state: RandomState = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        surrogate: str | None = None,
        initial_params: Any = None,
        max_time: float | None = None,
        checkpoint: Any = None,
    ) -> None:
        # Skip skopt's __init__, because it has obsolete parameters and validates search spaces before `fit`.
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
        """Total number of trials over all spaces."""
        return sum(space.n_iter for space in read_spaces(self.search_spaces, self.n_iter))

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, *, callback: Any = None, **params: Any) -> Self:
        """Evaluate the trials on every fold, then refit the estimator with the best parameters on all rows.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids and, optionally, weights.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions.
        callback : callable or list of callables, default=None
            Function that is called after each batch of `n_points` trials, with the current result
            of skopt. If it returns True, the search in the current space ends. If a search is
            resumed, the function is also called for the trials in the checkpoint.
        **params
            Parameters of the estimator's `fit` method, such as ``item_features=F``, and the
            `groups` of the splitter. If the estimator is a Pipeline and metadata routing is
            disabled, write ``rec__item_features=F``.

        Returns
        -------
        self : BayesSearchCV
            Fitted search.
        """
        deadline = np.inf if self.max_time is None else time.monotonic() + self.max_time
        callbacks = check_callback(callback)
        spaces = read_spaces(self.search_spaces, self.n_iter)
        for space in spaces:  # raise an error for invalid parameter names before the search
            clone(self.estimator).set_params(**clone(space.example, safe=False))
        options = self._optimizer_options()
        # Each space has its own seed, so its trials do not depend on the number of trials in other spaces.
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
                f"A search with a checkpoint must have an int random_state, so that the same trials are proposed when "
                f"it is resumed, got {self.random_state!r}. Set random_state=0."
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
        """Search one space. Return False if the time limit has been reached."""
        n_remaining = optimizer.space.n_iter
        while n_remaining > 0:
            # Always propose complete batches, so that the trials do not depend on n_iter.
            points = optimizer.ask(self.n_points)[:n_remaining]
            candidates = [optimizer.space.params(point) for point in points]
            new = trials.not_evaluated(candidates)
            if new and len(trials) and time.monotonic() > deadline:
                return False
            trials.add(evaluator.evaluate(new))
            evaluator.skip(len(candidates) - len(new))
            n_remaining -= len(points)
            scores = [self._score(trials.record(params)) for params in candidates]
            if self.verbose:
                self._print_trials(candidates, scores, trials, evaluator)
            result = optimizer.tell(points, scores)
            if result is not None and eval_callbacks(callbacks, result):
                break
        return True

    def _score(self, trial: Trial) -> float:
        """Return the score that the search maximizes."""
        several = next((fold["test_scores"] for fold in trial.folds if isinstance(fold["test_scores"], dict)), None)
        if several is not None:  # the metrics of a custom scorer are not known before its first call
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
        """Return `cv_results_` and a bool that indicates whether there are several metrics."""
        folds = [fold for trial in trials for fold in trial.folds]
        _warn_or_raise_about_fit_failures(folds, self.error_score)
        if not any(np.isfinite(self._score(trial)) for trial in trials):
            raise ValueError(
                f"None of the {len(trials)} trials has a finite score, although some fits succeeded. Check the scores "
                f"of scoring={self.scoring!r} for a fitted model."
            )
        multimetric = any(isinstance(fold["test_scores"], dict) for fold in folds)
        return self._format_results([trial.params for trial in trials], n_splits, with_all_metrics(folds)), multimetric
