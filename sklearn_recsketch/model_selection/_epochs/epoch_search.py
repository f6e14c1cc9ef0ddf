"""Search in which the number of epochs costs nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import product
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from sklearn_recsketch.model_selection._epochs.epoch_candidates import check_candidates, checked_epochs, list_candidates
from sklearn_recsketch.model_selection._epochs.epoch_path import EpochFits, EpochPath, fit_path
from sklearn_recsketch.model_selection._epochs.pruning import PruningRule, pruning_rule
from sklearn_recsketch.model_selection._fits.fit_pool import fit_pool
from sklearn_recsketch.model_selection._search import RecommenderSearchMixin, with_all_metrics
from sklearn_recsketch.utils._compat import (
    BaseSearchCV,
    HasMethods,
    Interval,
    _fit_context,
    _warn_or_raise_about_fit_failures,
)

__all__ = ["EpochSearchCV"]

BATCH = 16  # candidates that are judged by the same earlier ones; no function of n_jobs, so that results are none


class EpochSearchCV(RecommenderSearchMixin, BaseSearchCV):
    """Search over parameters and numbers of epochs, with one fit per candidate and fold.

    A model trained for 38 epochs was, on the way, the model trained for 2, 4, 6, ... epochs. So each
    candidate is fitted once, for the most epochs, and scored at every checkpoint: the results are
    those of :class:`~sklearn.model_selection.GridSearchCV` over the number of epochs at the cost of
    its longest fits. Hopeless candidates can be stopped early (`prune`).

    Parameters
    ----------
    estimator : recommender, or Pipeline that ends in one
        It trains by epochs: WRMF, WARP or BPR.
    param_distributions : dict or list of dict
        Lists of values to try, by parameter; with `n_iter`, also distributions with a method
        `rvs`. None where `candidates` are given.
    epochs : iterable of int
        Checkpoints: the numbers of epochs to try, such as ``range(2, 40, 2)``.
    resource : str, default="max_iter"
        The parameter of `estimator` that counts epochs, "rec__max_iter" for a step named "rec" of a
        Pipeline.
    n_iter : int, default=None
        Number of random candidates; None, or a number that the grid does not exceed, tries the whole
        grid.
    candidates : list of dict, default=None
        Candidates themselves, in place of `param_distributions`.
    prune : {"median", "halving"}, rule or None, default=None
        None trains every candidate to the end. "median" stops one whose best score so far is below
        the median of earlier candidates, from the third checkpoint on
        (:class:`~sklearn_recsketch.model_selection.MedianPruning`); "halving" keeps the best third
        at checkpoints 2, 6, 18, ... (:class:`~sklearn_recsketch.model_selection.HalvingPruning`).
        Candidates then take their turns in random order. Each fold prunes for itself.
    scoring : str, list, dict, callable or None, default=None
        Names such as "precision@5" or scorers; None is "precision@5". Of several metrics, `refit`
        must name one; ``make_ranking_scorer([...])`` computes all from one ranking.
    cv : splitter, iterable or None, default=None
        None is ``UserHoldoutSplit(random_state=0)``.
    refit : bool, str or callable, default=True
        Fit the best candidate for its best number of epochs on all rows; the name of the metric to
        choose by where there are several; or a function of `cv_results_` that returns an index.
    return_train_score : bool, default=False
        Score training rows, too.
    n_jobs : int, default=None
        Fits at the same time, in threads, or in what ``joblib.parallel_config`` says. Each has its
        share of the cores at most, whatever `n_jobs` of the estimator says. For many candidates
        this is faster than threads within one fit.
    verbose : int, default=0
        1 prints what is to be done, 2 each candidate's result.
    random_state : int, RandomState instance or None, default=None
        Draws candidates, and their turns with `prune`.
    error_score : "raise" or float, default=nan
        Score of a candidate whose fit raises.

    Attributes
    ----------
    cv_results_ : dict of arrays
        As in scikit-learn, with one row per candidate and number of epochs: all checkpoints of the
        first candidate come first. `params` carry the number of epochs. Scores of a candidate are
        NaN after it was stopped; ``pruned`` marks these rows. `mean_fit_time` counts training until
        the checkpoint, without scoring.
    best_params_ : dict
        Parameters of the best row, the number of epochs among them; of equal scores, the fewest
        epochs win.
    best_estimator_, best_score_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        As in scikit-learn.

    Raises
    ------
    TypeError
        For an estimator that does not report its epochs.
    ValueError
        For a `resource` that is no parameter of the estimator or is searched over itself, for
        early stopping, and if all fits fail.

    See Also
    --------
    BayesSearchCV : Fewer candidates, each chosen by the results of the earlier ones.

    Notes
    -----
    Where training ends before the last checkpoint, by `tol` or because it diverged, the later
    checkpoints have the score of the model it ended with, as a separate fit would. The results
    equal those of separate fits wherever fits are reproducible: with an int `random_state` and, for
    WARP and BPR, one thread. They do not depend on `n_jobs`, with pruning neither: candidates are
    judged in batches of 16 by those of earlier batches.

    Ids are hashed once. Fits in threads share side features, and take the rows of their fold from one table; workers
    of Dask and Ray are sent both once.

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
        "epochs": "no_validation",  # checked_epochs and pruning_rule say more
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
        random_state: Any = None,
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
        """Fit every candidate on every fold, then the best one on all rows.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids and, optionally, weights.
        y : array-like of shape (n_rows,), default=None
            Strengths.
        **params
            Parameters of the estimator's fit, such as ``item_features=F`` (``rec__item_features=F``
            for a Pipeline while metadata routing is off), and `groups` of the splitter.

        Returns
        -------
        self
        """
        epochs, rule = checked_epochs(self.epochs), pruning_rule(self.prune)
        random_state = check_random_state(self.random_state)
        candidates = list_candidates(self.param_distributions, self.n_iter, self.candidates, random_state)
        check_candidates(self.estimator, self.resource, candidates)
        setup = self._set_up(X, y, params, len(candidates))
        plan = EpochFits(**vars(setup.fits), epochs=epochs)
        if rule is not None and not isinstance(plan.metric, str):
            raise ValueError("prune judges candidates by one metric: name it in refit, or score only that one.")
        if self.verbose > 0:
            print(
                f"Fitting {len(plan.splits)} folds for each of {len(candidates)} candidates, "
                f"{len(epochs)} checkpoints each"
            )
        paths = self._run_paths(plan, candidates, rule, random_state)
        plan.progress.call_on_fit_task_end(estimator=self)
        return self._conclude(setup, *self._results(candidates, paths, plan))

    def _run_search(self, evaluate_candidates: Any) -> None:
        raise NotImplementedError("fit runs the search: scikit-learn's way has one score per fit.")

    # The parts of fit.

    def _run_paths(
        self,
        plan: EpochFits,
        candidates: list[dict[str, Any]],
        rule: PruningRule | None,
        random_state: np.random.RandomState,
    ) -> list[list[EpochPath]]:
        """Paths by candidate and fold."""
        n_folds = len(plan.splits)
        order = np.arange(len(candidates)) if rule is None else random_state.permutation(len(candidates))
        paths: dict[tuple[int, int], EpochPath] = {}
        with fit_pool(plan, self.n_jobs, len(candidates) * n_folds) as pool:
            for batch in [order] if rule is None else _batches(order):
                needed = [self._thresholds(rule, paths, fold, plan) for fold in range(n_folds)]
                jobs = list(product((int(c) for c in batch), range(n_folds)))
                tasks = [(c * n_folds + fold, candidates[c], needed[fold]) for c, fold in jobs]
                paths.update(zip(jobs, pool.map(fit_path, tasks), strict=True))
        return [[paths[c, fold] for fold in range(n_folds)] for c in range(len(candidates))]

    def _thresholds(
        self, rule: PruningRule | None, paths: dict[tuple[int, int], EpochPath], fold: int, plan: EpochFits
    ) -> np.ndarray | None:
        if rule is None:
            return None
        earlier = [path for (_, f), path in sorted(paths.items()) if f == fold]
        curves = np.full((len(earlier), len(plan.epochs)), np.nan)
        for row, path in zip(curves, earlier, strict=True):
            row[: len(path.judged)] = path.judged
        return rule.thresholds(curves)

    def _results(
        self, candidates: list[dict[str, Any]], paths: list[list[EpochPath]], plan: EpochFits
    ) -> tuple[dict[str, Any], bool]:
        """One row per candidate and checkpoint, in scikit-learn's form; and whether scores are of several metrics."""
        params, rows, pruned = [], [], []
        for candidate, folds in zip(candidates, paths, strict=True):
            for j, epoch in enumerate(plan.epochs):
                params.append({**candidate, self.resource: epoch})
                pruned.append(any(path.pruned and j >= len(path.judged) for path in folds))
                for path in folds:
                    missing = self.error_score if path.fit_error is not None else np.nan
                    there = j < len(path.judged)  # a fit that fails later than that has been scored here
                    row = {
                        "test_scores": path.test[j] if there else missing,
                        "fit_time": path.fit_time[j] if there else np.nan,
                        "score_time": path.score_time[j] if there else np.nan,
                        "n_test_samples": path.n_test_samples,
                        "fit_error": None if there else path.fit_error,
                    }
                    if self.return_train_score:
                        row["train_scores"] = path.train[j] if there else missing
                    rows.append(row)
        _warn_or_raise_about_fit_failures(rows, self.error_score)
        multimetric = any(isinstance(row["test_scores"], dict) for row in rows)
        more = {} if self.prune is None else {"pruned": pruned}
        with warnings.catch_warnings():
            if any(pruned):  # their NaNs are no surprise; failed fits have been told of
                warnings.filterwarnings("ignore", message="One or more of the", category=UserWarning)
            return self._format_results(params, len(paths[0]), with_all_metrics(rows), more), multimetric

    def _select_best_index(self, refit: Any, refit_metric: str, results: dict[str, Any]) -> int:
        """As in scikit-learn, but of equal scores the fewest epochs win."""
        if callable(refit):
            return int(super()._select_best_index(refit, refit_metric, results))
        tied = np.flatnonzero(results[f"rank_test_{refit_metric}"] == 1)
        return int(min(tied, key=lambda row: results["params"][row][self.resource]))


def _batches(order: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]
