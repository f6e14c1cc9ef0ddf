"""Mixin for hyperparameter searches: default scorer and splitter, id encoding, refit and recommendations."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.frames import columns_of
from sklearn_recsketch._data.ids import encode_ids
from sklearn_recsketch.metrics._metric_names import DEFAULT_METRIC
from sklearn_recsketch.metrics._scorer import MultiRankingScorer, is_ranking_scorer, make_ranking_scorer
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits
from sklearn_recsketch.model_selection._fits.parameter_checks import check_fit_params
from sklearn_recsketch.model_selection._split import UserHoldoutSplit
from sklearn_recsketch.preprocessing._threshold import InteractionThresholder
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._compat import _check_method_params, _MultimetricScorer
from sklearn_recsketch.utils._doc_link import DocLinkMixin
from sklearn_recsketch.utils._progress_bars import ProgressBarCheckMixin
from sklearn_recsketch.utils._unwrap import unwrap

__all__ = ["RecommenderSearchMixin", "SearchSetup", "with_all_metrics", "with_coded_ids"]


@dataclass(frozen=True)
class SearchSetup:
    """Validated inputs of a search before its first fit.

    Attributes
    ----------
    X, y : table, array or None
        Data passed to `fit`. The refit uses the same data.
    fits : FoldFits
        Data and settings shared by all fits on the folds.
    root : CallbackContext
        Callback context of the whole search.
    """

    X: Any
    y: Any
    fits: FoldFits
    root: Any


def _has_model(search: Any) -> bool:
    if search.refit:
        return True
    raise AttributeError(
        f"This {type(search).__name__} has refit=False, so it has no fitted model for recommendations. "
        f"Set refit=True, or fit an estimator with best_params_."
    )


class RecommenderSearchMixin(ProgressBarCheckMixin, DocLinkMixin):
    """Mixin for searches over recommenders. It must precede scikit-learn's search class in the list of base classes."""

    estimator: Any
    scoring: Any
    refit: Any
    cv: Any
    n_jobs: int | None
    error_score: Any
    best_estimator_: Any

    @available_if(_has_model)
    def recommend(self, users: Any = None, k: int = 10, **options: Any) -> Frame:
        """Call the `recommend` method of the best recommender, which was refitted on all rows."""
        return self._best_recommender().recommend(users, k, **options)

    @available_if(_has_model)
    def similar_items(self, items: Any = None, k: int = 10, **options: Any) -> Frame:
        """Call the `similar_items` method of the best recommender, which was refitted on all rows."""
        return self._best_recommender().similar_items(items, k, **options)

    @available_if(_has_model)
    def similar_users(self, users: Any = None, k: int = 10, **options: Any) -> Frame:
        """Call the `similar_users` method of the best recommender, which was refitted on all rows."""
        return self._best_recommender().similar_users(users, k, **options)

    def _best_recommender(self) -> Any:
        check_is_fitted(self, "best_estimator_")
        return unwrap(self)[0]

    def _get_scorers(self) -> tuple[Any, str]:
        """Return the scorer and the metric that selects the best candidate. This overrides a scikit-learn method."""
        scoring = DEFAULT_METRIC if self.scoring is None else self.scoring
        if isinstance(scoring, str | list | tuple):
            scoring = make_ranking_scorer(scoring if isinstance(scoring, str) else list(scoring))
        if isinstance(scoring, MultiRankingScorer):
            self._check_refit_for_multimetric([str(metric) for metric in scoring.metrics])
            return scoring, self.refit
        if callable(scoring):  # the number of metrics returned is only known after the first call
            return scoring, self.refit if isinstance(self.refit, str) else "score"
        scorers = {
            name: make_ranking_scorer(scorer) if isinstance(scorer, str) else scorer for name, scorer in scoring.items()
        }
        self._check_refit_for_multimetric(scorers)
        return _MultimetricScorer(scorers=scorers, raise_exc=self.error_score == "raise"), self.refit

    # Steps of fit.

    def _set_up(self, X: Any, y: Any, params: dict[str, Any], n_candidates: int) -> SearchSetup:
        """Validate the parameters, route the metadata, start the callback tasks and compute the splits."""
        scorer, metric = self._get_scorers()
        X, y = indexable(X, y)
        check_fit_params(self.estimator, X, params)
        # If no splitter requests groups, metadata routing raises an error, even if groups is None.
        passed = {name: value for name, value in params.items() if name != "groups" or value is not None}
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=passed))
        root = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        root.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # With the default splitter, every test user has training items.
        splitter = check_cv(UserHoldoutSplit(random_state=0) if self.cv is None else self.cv, y)
        splits = list(splitter.split(X, y, **routed.splitter.split))
        if not splits:
            raise ValueError(f"cv must yield at least one split, got none from {self.cv!r}. Pass a splitter or a list.")
        progress = root.subcontext(
            task_name="search", max_subtasks=n_candidates * len(splits), sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self)
        fits = FoldFits(
            search=self,
            estimator=clone(self.estimator),
            X=with_coded_ids(X) if _accept_categories(self.estimator, scorer) else X,
            y=y,
            splits=splits,
            scorer=scorer,
            metric=metric,
            fit_params=routed.estimator.fit,
            score_params=routed.scorer.score,
            progress=progress,
            host=platform.node(),
        )
        return SearchSetup(X=X, y=y, fits=fits, root=root)

    def _conclude(self, setup: SearchSetup, results: dict[str, Any], multimetric: bool, **attributes: Any) -> Self:
        """Select the best parameters, refit the estimator with these parameters, and set all fitted attributes."""
        metric, scorer = self.refit if multimetric else "score", setup.fits.scorer
        fitted: dict[str, Any] = {"cv_results_": results, "multimetric_": multimetric, **attributes}
        fitted |= {"n_splits_": len(setup.fits.splits), "scorer_": getattr(scorer, "_scorers", scorer)}
        if self.refit or not multimetric:
            index = self._select_best_index(self.refit, metric, results)
            fitted |= {"best_index_": index, "best_params_": results["params"][index]}
            if not callable(self.refit):
                fitted["best_score_"] = results[f"mean_test_{metric}"][index]
        if self.refit:
            fitted |= self._refitted(setup, fitted["best_params_"])
        for name in (
            "best_index_",
            "best_params_",
            "best_score_",
            "best_estimator_",
            "refit_time_",
            "feature_names_in_",
        ):
            self.__dict__.pop(name, None)  # may be left from an earlier fit with a different `refit`
        self.__dict__ |= fitted
        setup.root.call_on_fit_task_end(estimator=self, X=setup.X, y=setup.y)
        return self

    def _refitted(self, setup: SearchSetup, best: dict[str, Any]) -> dict[str, Any]:
        estimator = clone(self.estimator).set_params(**clone(best, safe=False))
        data = (setup.X,) if setup.y is None else (setup.X, setup.y)
        context = setup.root.subcontext(task_name="refit-with-best-params")
        started = time.time()
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=self, X=setup.X, y=setup.y)
            estimator.fit(*data, **setup.fits.fit_params)
        refitted = {"best_estimator_": estimator, "refit_time_": time.time() - started}
        if hasattr(estimator, "feature_names_in_"):
            refitted["feature_names_in_"] = estimator.feature_names_in_
        context.call_on_fit_task_end(estimator=self, X=setup.X, y=setup.y)
        return refitted


def with_all_metrics(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """If there are several metrics, expand the error score of each failed fit to one score per metric."""
    metrics = next((list(row["test_scores"]) for row in rows if isinstance(row["test_scores"], dict)), None)
    if metrics is None:
        return rows
    return [
        row
        | {
            key: dict.fromkeys(metrics, row[key])
            for key in ("test_scores", "train_scores")
            if key in row and not isinstance(row[key], dict)
        }
        for row in rows
    ]


def _accept_categories(estimator: Any, scorer: Any) -> bool:
    """Return True if all steps and scorers accept categorical ids. Third-party steps may need the original ids."""
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    scorers = scorer._scorers.values() if isinstance(scorer, _MultimetricScorer) else [scorer]
    return all(is_ranking_scorer(scorer) for scorer in scorers) and all(
        step in (None, "passthrough") or hasattr(step, "recommend") or isinstance(step, InteractionThresholder)
        for step in steps
    )


def with_coded_ids(X: Any) -> Any:
    """Convert the id columns of X to categories, so that ids are hashed only once instead of in every fit.

    The conversion does not change the fitted models. If a category does not occur in the training
    rows of a fold, it is unknown to the model. A table with fewer than two or more than three
    columns is returned unchanged, because the first step of a pipeline may turn it into
    interactions. A table with integer ids is also returned unchanged, because integers are fast to
    hash and to send to other processes.
    """
    if getattr(X, "ndim", 2) != 2 or not hasattr(X, "shape") or X.shape[1] not in (2, 3):
        return X
    columns, names = columns_of(X)
    if all(getattr(column.dtype, "kind", "O") in "iu" for column in columns[:2]):
        return X
    named = dict(zip(names or ["user", "item", "weight"], columns, strict=False))
    if len(named) != len(columns):
        return X
    for name, column in list(named.items())[:2]:
        ids = encode_ids(column, name)
        named[name] = pd.Categorical.from_codes(ids.codes, categories=pd.Index(ids.ids))
    return pd.DataFrame({name: np.asarray(c) if not isinstance(c, pd.Categorical) else c for name, c in named.items()})
