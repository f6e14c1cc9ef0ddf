"""Search over hyperparameters and the number of epochs, with one fit per candidate and fold."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import product
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from sklearn_recsketch.model_selection._epochs.epoch_candidates import check_candidates, check_epochs, list_candidates
from sklearn_recsketch.model_selection._epochs.epoch_path import EpochFits, EpochPath, fit_path
from sklearn_recsketch.model_selection._epochs.pruning import PruningRule, pruning_rule
from sklearn_recsketch.model_selection._fits.fit_pool import fit_pool
from sklearn_recsketch.model_selection._search import RecommenderSearchMixin, with_all_metrics
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._compat import (
    BaseSearchCV,
    HasMethods,
    Interval,
    _fit_context,
    _warn_or_raise_about_fit_failures,
)

__all__ = ["EpochSearchCV"]

BATCH = 16  # number of candidates with the same pruning thresholds; it is constant, so results do not depend on n_jobs


class EpochSearchCV(RecommenderSearchMixin, BaseSearchCV):
    """Search over hyperparameters and the number of epochs, with one fit per candidate and fold.

    Each candidate is fitted once per fold, for the largest number of epochs. It is scored at every
    checkpoint during this fit, so tuning the number of epochs needs no extra fits. Without pruning,
    the results equal the results of a :class:`~sklearn.model_selection.GridSearchCV` that also
    searches over the number of epochs. If `prune` is set, unpromising candidates are stopped early.

    Parameters
    ----------
    estimator : recommender, or Pipeline that ends in one
        Recommender that is trained in epochs: WRMF, WARP or BPR.
    param_distributions : dict or list of dict
        Dictionary that maps each parameter name to a list of values to try. If `n_iter` is set, a
        distribution with a method `rvs` can be passed instead of a list. If `candidates` is set,
        `param_distributions` must be None.
    epochs : iterable of int
        Epochs after which candidates are scored, such as ``range(2, 40, 2)``. They are called
        checkpoints.
    resource : str, default="max_iter"
        Parameter of `estimator` that sets the number of epochs. If the recommender is the step
        "rec" of a Pipeline, pass "rec__max_iter".
    n_iter : int, default=None
        Number of candidates to sample from `param_distributions`. If None, or if the grid has at
        most `n_iter` candidates, the whole grid is searched.
    candidates : list of dict, default=None
        Candidates to try instead of `param_distributions`. Each candidate is a dictionary that maps
        parameter names to values.
    prune : {"median", "halving"}, rule or None, default=None
        Rule that stops candidates early:

        - "median" compares candidates at the third checkpoint and at all later checkpoints. A
          candidate is stopped if its best score so far is below the median of earlier candidates. See
          :class:`~sklearn_recsketch.model_selection.MedianPruning`.
        - "halving" compares candidates at checkpoints 2, 6, 18 and so on. A candidate continues if
          its best score so far is among the best third. See
          :class:`~sklearn_recsketch.model_selection.HalvingPruning`.
        - If None, no candidate is stopped.

        If `prune` is set, candidates are fitted in random order. The rule is applied separately in
        each fold.
    scoring : str, list, dict, callable or None, default=None
        Metric names such as "precision@5", or scorers. If None, "precision@5" is used. If there are
        several metrics, `refit` must name one of them. If a list of names or
        ``make_ranking_scorer([...])`` is passed, all metrics are computed from the same ranking.
    cv : splitter, iterable or None, default=None
        Cross-validation splitter. If None, ``UserHoldoutSplit(random_state=0)`` is used.
    refit : bool, str or callable, default=True
        If True, refit the best candidate with its best number of epochs on all rows. If there are
        several metrics, `refit` must be the name of the metric that selects the best candidate. If
        `refit` is a callable, it is called with `cv_results_` and must return the index of the best
        row.
    return_train_score : bool, default=False
        If True, also compute training scores.
    n_jobs : int, default=None
        Number of fits to run in parallel. Fits run in threads, unless ``joblib.parallel_config``
        selects another backend. The cores are divided among the fits, regardless of the
        estimator's `n_jobs`. If there are many candidates, parallel fits are faster than parallel
        computations within a fit.
    verbose : int, default=0
        If 1, print the number of fits. If 2, also print the result of each fit.
    random_state : int, RandomState instance or None, default=None
        Controls the sampling of candidates. If `prune` is set, it also controls the order in which
        they are fitted.
    error_score : "raise" or float, default=nan
        Value to assign to the score if a fit fails. If "raise", the error is raised.

    Attributes
    ----------
    cv_results_ : dict of arrays
        Results as in :class:`~sklearn.model_selection.GridSearchCV`, with one row per candidate and
        checkpoint. Rows are sorted by candidate, then by the number of epochs. Each dictionary in
        `params` contains the number of epochs. If a candidate was stopped, the scores for later
        checkpoints are NaN, and the column `pruned` is True in these rows. `mean_fit_time` is the
        training time up to the checkpoint and does not include the time for scoring.
    best_params_ : dict
        Parameters of the best row, including the number of epochs. If several rows are tied
        for the best score, the row with the fewest epochs is selected.
    best_estimator_, best_score_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        See :class:`~sklearn.model_selection.GridSearchCV`.

    Raises
    ------
    TypeError
        If the estimator is not trained in epochs.
    ValueError
        If `resource` is not a parameter of the estimator, if `resource` is one of the searched
        parameters, if early stopping is enabled, or if all fits fail.

    See Also
    --------
    BayesSearchCV : Search that uses the scores of earlier trials to select the next trial.

    Notes
    -----
    Training may end before the last checkpoint, either because of `tol` or because it diverged. The
    score of the final model is then used for the remaining checkpoints. Separate fits would give the same
    scores.

    The results are identical to the results of separate fits if the fits are reproducible. Fits are
    reproducible if `random_state` is an int and, for WARP and BPR, if they use one thread. The results
    do not depend on `n_jobs`, even if `prune` is set. Candidates are fitted in batches of 16, and each
    candidate is compared only with candidates from earlier batches.

    Ids are hashed once per search. Fits that run in threads share the interactions and the side
    features in memory. Each Dask or Ray worker receives these data only once.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.model_selection import EpochSearchCV
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> search = EpochSearchCV(WRMFRecommender(8, random_state=0), {"alpha": [1, 10, 40]}, epochs=range(2, 11, 2))
    >>> search.fit(X, y).cv_results_["mean_test_score"].shape
    (15,)
    >>> sorted(search.best_params_)
    ['alpha', 'max_iter']
    >>> search.recommend(k=3).columns.tolist()
    ['user', 'rank', 'item', 'score']
    """

    _parameter_constraints = {
        **{
            name: rule
            for name, rule in BaseSearchCV._parameter_constraints.items()
            if name not in ("pre_dispatch", "scoring")
        },
        "estimator": [HasMethods(["fit", "get_params", "set_params"])],
        "param_distributions": [dict, list, None],
        "epochs": "no_validation",  # check_epochs and pruning_rule raise more specific errors
        "prune": "no_validation",
        "resource": [str],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "candidates": [list, tuple, None],
        "scoring": [str, list, tuple, dict, callable, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        epochs: Iterable[int],
        resource: str = "max_iter",
        n_iter: int | None = None,
        candidates: list[dict[str, Any]] | None = None,
        prune: Any = None,
        scoring: Any = None,
        cv: Any = None,
        refit: Any = True,
        return_train_score: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
        error_score: Any = np.nan,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.epochs = epochs
        self.resource = resource
        self.n_iter = n_iter
        self.candidates = candidates
        self.prune = prune
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit every candidate on every fold, then refit the best candidate on all rows.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids and, optionally, weights.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions.
        **params
            Parameters of the estimator's `fit` method, such as ``item_features=F``, and the
            `groups` of the splitter. If the estimator is a Pipeline and metadata routing is
            disabled, write ``rec__item_features=F``.

        Returns
        -------
        self : EpochSearchCV
            Fitted search.
        """
        epochs, rule = check_epochs(self.epochs), pruning_rule(self.prune)
        random_state = check_random_state(self.random_state)
        candidates = list_candidates(self.param_distributions, self.n_iter, self.candidates, random_state)
        check_candidates(self.estimator, self.resource, candidates)
        setup = self._set_up(X, y, params, len(candidates))
        fits = EpochFits(**vars(setup.fits), epochs=epochs)
        if rule is not None and not isinstance(fits.metric, str):
            raise ValueError("prune compares candidates by a single metric. Name it in refit, or pass only one metric.")
        if self.verbose > 0:
            print(
                f"Fitting {len(fits.splits)} folds for each of {len(candidates)} candidates, "
                f"{len(epochs)} checkpoints each"
            )
        paths = self._run_paths(fits, candidates, rule, random_state)
        fits.progress.call_on_fit_task_end(estimator=self)
        return self._conclude(setup, *self._results(candidates, paths, fits))

    def _run_search(self, evaluate_candidates: Any) -> None:
        raise NotImplementedError("fit does not use _run_search, which supports only one score per fit.")

    # Steps of fit.

    def _run_paths(
        self,
        fits: EpochFits,
        candidates: list[dict[str, Any]],
        rule: PruningRule | None,
        random_state: np.random.RandomState,
    ) -> list[list[EpochPath]]:
        """Run all fits. Return one list per candidate, which contains one EpochPath per fold."""
        n_folds = len(fits.splits)
        order = np.arange(len(candidates)) if rule is None else random_state.permutation(len(candidates))
        paths: dict[tuple[int, int], EpochPath] = {}
        with fit_pool(fits, self.n_jobs, len(candidates) * n_folds) as pool:
            for batch in [order] if rule is None else _batches(order):
                thresholds = [self._thresholds(rule, paths, fold, fits) for fold in range(n_folds)]
                jobs = list(product((int(c) for c in batch), range(n_folds)))
                tasks = [(c * n_folds + fold, candidates[c], thresholds[fold]) for c, fold in jobs]
                paths.update(zip(jobs, pool.map(fit_path, tasks), strict=True))
        return [[paths[c, fold] for fold in range(n_folds)] for c in range(len(candidates))]

    def _thresholds(
        self, rule: PruningRule | None, paths: dict[tuple[int, int], EpochPath], fold: int, fits: EpochFits
    ) -> np.ndarray | None:
        if rule is None:
            return None
        earlier = [path for (_, f), path in sorted(paths.items()) if f == fold]
        curves = np.full((len(earlier), len(fits.epochs)), np.nan)
        for row, path in zip(curves, earlier, strict=True):
            row[: len(path.objective)] = path.objective
        return rule.thresholds(curves)

    def _results(
        self, candidates: list[dict[str, Any]], paths: list[list[EpochPath]], fits: EpochFits
    ) -> tuple[dict[str, Any], bool]:
        """Return `cv_results_` and a bool that indicates whether there are several metrics."""
        params, rows, pruned = [], [], []
        for candidate, folds in zip(candidates, paths, strict=True):
            for j, epoch in enumerate(fits.epochs):
                params.append({**candidate, self.resource: epoch})
                pruned.append(any(path.pruned and j >= len(path.objective) for path in folds))
                for path in folds:
                    missing = self.error_score if path.fit_error is not None else np.nan
                    scored = j < len(path.objective)  # a fit may fail after it was scored at this checkpoint
                    row = {
                        "test_scores": path.test[j] if scored else missing,
                        "fit_time": path.fit_time[j] if scored else np.nan,
                        "score_time": path.score_time[j] if scored else np.nan,
                        "n_test_samples": path.n_test_samples,
                        "fit_error": None if scored else path.fit_error,
                    }
                    if self.return_train_score:
                        row["train_scores"] = path.train[j] if scored else missing
                    rows.append(row)
        _warn_or_raise_about_fit_failures(rows, self.error_score)
        multimetric = any(isinstance(row["test_scores"], dict) for row in rows)
        extra = {} if self.prune is None else {"pruned": pruned}
        with warnings.catch_warnings():
            if any(pruned):  # pruned rows contain NaN, and a warning about failed fits has already been issued
                warnings.filterwarnings("ignore", message="One or more of the", category=UserWarning)
            return self._format_results(params, len(paths[0]), with_all_metrics(rows), extra), multimetric

    def _select_best_index(self, refit: Any, refit_metric: str, results: dict[str, Any]) -> int:
        """Return the index of the row with the best score. Ties are broken in favour of the fewest epochs."""
        if callable(refit):
            return int(super()._select_best_index(refit, refit_metric, results))
        tied = np.flatnonzero(results[f"rank_test_{refit_metric}"] == 1)
        return int(min(tied, key=lambda row: results["params"][row][self.resource]))


def _batches(order: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]
