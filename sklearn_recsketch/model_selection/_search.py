"""What our searches share: scorers by name, an honest default split, ids encoded once, recommendations."""

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
from sklearn_recsketch.metrics._scorer import MultiRankingScorer, is_ranking_scorer, make_ranking_scorer
from sklearn_recsketch.model_selection._fits.fit_params import check_fit_params
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits
from sklearn_recsketch.model_selection._split import UserHoldoutSplit
from sklearn_recsketch.preprocessing._threshold import InteractionThresholder
from sklearn_recsketch.utils._compat import _check_method_params, _MultimetricScorer
from sklearn_recsketch.utils._unwrap import unwrap

__all__ = ["RecommenderSearchMixin", "SearchSetup", "with_all_metrics", "with_coded_ids"]


@dataclass(frozen=True)
class SearchSetup:
    """A search that is about to begin.

    Attributes
    ----------
    X, y : table, array or None
        What was given, to refit on.
    fits : FoldFits
        What the fits on folds have in common.
    root : CallbackContext
        Of the whole search.
    """

    X: Any
    y: Any
    fits: FoldFits
    root: Any


def _has_model(search: Any) -> bool:
    if search.refit:
        return True
    raise AttributeError(
        f"This {type(search).__name__} has refit=False, so there is no model to recommend with. "
        f"Set refit=True, or fit an estimator with best_params_."
    )


class RecommenderSearchMixin:
    """Mixin of searches over recommenders, to be put in front of a scikit-learn search."""

    estimator: Any
    scoring: Any
    refit: Any
    cv: Any
    n_jobs: int | None
    error_score: Any
    best_estimator_: Any

    @available_if(_has_model)
    def recommend(self, users: Any = None, k: int = 10, **options: Any) -> Any:
        """Recommendations of the refitted best recommender; see its `recommend`."""
        return self._best_recommender().recommend(users, k, **options)

    @available_if(_has_model)
    def similar_items(self, items: Any = None, k: int = 10, **options: Any) -> Any:
        """Similar items by the refitted best recommender; see its `similar_items`."""
        return self._best_recommender().similar_items(items, k, **options)

    @available_if(_has_model)
    def similar_users(self, users: Any = None, k: int = 10, **options: Any) -> Any:
        """Similar users by the refitted best recommender; see its `similar_users`."""
        return self._best_recommender().similar_users(users, k, **options)

    def _best_recommender(self) -> Any:
        check_is_fitted(self, "best_estimator_")
        return unwrap(self)[0]

    def _get_scorers(self) -> tuple[Any, str]:
        """The scorer and the name of the score to refit by; in scikit-learn's place."""
        scoring = "precision@5" if self.scoring is None else self.scoring
        if isinstance(scoring, str | list | tuple):
            scoring = make_ranking_scorer(scoring if isinstance(scoring, str) else list(scoring))
        if isinstance(scoring, MultiRankingScorer):
            self._check_refit_for_multimetric([str(metric) for metric in scoring.metrics])  # type: ignore[attr-defined]
            return scoring, self.refit
        if callable(scoring):  # of one metric or of several, which shows when it is called
            return scoring, self.refit if isinstance(self.refit, str) else "score"
        scorers = {
            name: make_ranking_scorer(scorer) if isinstance(scorer, str) else scorer for name, scorer in scoring.items()
        }
        self._check_refit_for_multimetric(scorers)  # type: ignore[attr-defined]
        return _MultimetricScorer(scorers=scorers, raise_exc=self.error_score == "raise"), self.refit

    # The parts of fit.

    def _set_up(self, X: Any, y: Any, params: dict[str, Any], n_candidates: int) -> SearchSetup:
        """Check what was given, route it, begin the tasks that callbacks see, and split."""
        scorer, metric = self._get_scorers()
        X, y = indexable(X, y)
        check_fit_params(self.estimator, X, params)
        # Routing refuses groups that no splitter asks for, also where they are None.
        given = {name: value for name, value in params.items() if name != "groups" or value is not None}
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=given))  # type: ignore[attr-defined]
        root = self._init_callback_context(max_subtasks=1 + (self.refit is not False))  # type: ignore[attr-defined]
        root.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # Users keep items to learn from unless the caller asks for something else.
        splitter = check_cv(UserHoldoutSplit(random_state=0) if self.cv is None else self.cv, y)
        splits = list(splitter.split(X, y, **routed.splitter.split))
        if not splits:
            raise ValueError(f"cv must give at least one split, got none from {self.cv!r}. Pass a splitter, or a list.")
        progress = root.subcontext(
            task_name="search", max_subtasks=n_candidates * len(splits), sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self)
        fits = FoldFits(
            search=self,
            estimator=clone(self.estimator),
            X=with_coded_ids(X) if _reads_codes(self.estimator, scorer) else X,
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

    def _conclude(self, setup: SearchSetup, results: dict[str, Any], multimetric: bool, **more: Any) -> Self:
        """Choose the best row, refit it, and set all fitted attributes, at once."""
        metric, scorer = self.refit if multimetric else "score", setup.fits.scorer
        fitted: dict[str, Any] = {"cv_results_": results, "multimetric_": multimetric, **more}
        fitted |= {"n_splits_": len(setup.fits.splits), "scorer_": getattr(scorer, "_scorers", scorer)}
        if self.refit or not multimetric:
            index = self._select_best_index(self.refit, metric, results)  # type: ignore[attr-defined]
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
            self.__dict__.pop(name, None)  # of an earlier search, which may have had another `refit`
        self.__dict__ |= fitted
        setup.root.call_on_fit_task_end(estimator=self, X=setup.X, y=setup.y)
        return self

    def _refitted(self, setup: SearchSetup, best: dict[str, Any]) -> dict[str, Any]:
        estimator = clone(self.estimator).set_params(**clone(best, safe=False))
        data = (setup.X,) if setup.y is None else (setup.X, setup.y)
        context = setup.root.subcontext(task_name="refit-with-best-params")
        begun = time.time()
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=self, X=setup.X, y=setup.y)
            estimator.fit(*data, **setup.fits.fit_params)
        refitted = {"best_estimator_": estimator, "refit_time_": time.time() - begun}
        if hasattr(estimator, "feature_names_in_"):
            refitted["feature_names_in_"] = estimator.feature_names_in_
        context.call_on_fit_task_end(estimator=self, X=setup.X, y=setup.y)
        return refitted


def with_all_metrics(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results of fits with a score for each metric, also where nothing but an error score is known."""
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


def _reads_codes(estimator: Any, scorer: Any) -> bool:
    """Whether all that sees X is known to take ids as categories; somebody else's may read the strings themselves."""
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    scorers = scorer._scorers.values() if isinstance(scorer, _MultimetricScorer) else [scorer]
    return all(is_ranking_scorer(one) for one in scorers) and all(
        step in (None, "passthrough") or hasattr(step, "recommend") or isinstance(step, InteractionThresholder)
        for step in steps
    )


def with_coded_ids(X: Any) -> Any:
    """X with its id columns as categories, so that ids are hashed once and not in every fit.

    Fits learn the same from it: categories that do not occur in the rows of a fold are not known to
    the model. Tables that are no table of interactions (a pipeline may begin by making one) are
    left as they are, and so are integers, which are quick to hash and to send to a process.
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
