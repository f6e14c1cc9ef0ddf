"""Models of the demo: their searches on a validation holdout, and their comparison on a test holdout.

All likes are split twice. The searches only see the training rows, and choose by a validation holdout of these. The
test rows are used once, to judge the models that were chosen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from skopt.space import Integer, Real

from sklearn_recsketch import PopularityRecommender, SideFeatureEncoder, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_report
from sklearn_recsketch.model_selection import (
    BayesSearchCV,
    ColdItemSplit,
    EpochCurveMonitor,
    EpochSearchCV,
    UserHoldoutSplit,
)

METRIC = "precision@5"
CURVE_EPOCHS = {"WRMF": 20, "WARP": 60}
SPACES: dict[str, dict[str, Any]] = {
    "WRMF": {
        "n_components": Integer(16, 128),
        "alpha": Real(1, 100, "log-uniform"),
        "regularization": Real(0.1, 100, "log-uniform"),
    },
    "WARP": {
        "max_iter": Integer(10, 60),
        "n_components": Integer(16, 128),
        "learning_rate": Real(0.01, 0.2, "log-uniform"),
        "regularization": Real(0.1, 1, "log-uniform"),
    },
}
GRID = {"n_components": [8, 16, 32, 64], "alpha": [1, 10, 50], "regularization": [1, 10, 50]}


@dataclass(frozen=True)
class Finalist:
    """A model that takes part in the comparison: a recommender with parameters, with or without tags.

    Attributes
    ----------
    name : str
    estimator : recommender
        Not fitted.
    tags : SideFeatures or None
        Features to pass to fit.
    validation : float
        Precision on the validation holdout, which is the same for all models.
    """

    name: str
    estimator: Any
    tags: Any
    validation: float

    def fit(self, X: pd.DataFrame) -> Any:
        """Return a new recommender that is fitted to likes."""
        return clone(self.estimator).fit(X, item_features=self.tags)


class Contest:
    """Splits of the likes, which are the same for all models, and what is computed from them.

    Parameters
    ----------
    X : DataFrame
        All likes.
    tags : SideFeatures or None
    seed, n_jobs : int
    """

    def __init__(self, X: pd.DataFrame, tags: Any, seed: int, n_jobs: int) -> None:
        self.X, self.tags, self.seed, self.n_jobs = X, tags, seed, n_jobs
        self.warm_up()
        train, test = next(self.splitter().split(X))
        self.train, self.test = X.iloc[train], X.iloc[test]

    def splitter(self, inner: bool = False) -> UserHoldoutSplit:
        """The splitter that holds out the test rows or, of the training rows, the validation rows."""
        return UserHoldoutSplit(random_state=self.seed + inner)

    def scorer(self, train: pd.DataFrame) -> Any:
        """Precision among the items that have likes in training, so that all models rank the same items."""
        return make_ranking_scorer(METRIC, candidates=train["item"].unique())

    def base_models(self) -> dict[str, Any]:
        """WRMF and WARP before tuning."""
        # Tags of only one or two items do not help to recommend other items.
        encoder = SideFeatureEncoder(min_count=3)
        common = {"n_jobs": self.n_jobs, "random_state": self.seed, "item_encoder": encoder}
        return {"WRMF": WRMFRecommender(64, **common), "WARP": WARPRecommender(64, **common)}

    def warm_up(self) -> None:
        """Compile all kernels, or load them, so that the seconds of later fits do not include it."""
        X, _, tags = make_interactions(60, 40, n_tags=10, return_features=True, random_state=0)
        for model in self.base_models().values():
            for features in (None, tags):
                fitted = clone(model).set_params(max_iter=2).fit(X, item_features=features)
                make_ranking_scorer(METRIC)(fitted, X)

    def untuned(self) -> Iterator[Finalist]:
        """Popularity and the models before tuning, scored on the validation holdout."""
        entries = [("popularity", PopularityRecommender(), None)]
        entries += [(name, model, None) for name, model in self.base_models().items()]
        if self.tags is not None:
            entries += [(f"{name} with tags", model, self.tags) for name, model in self.base_models().items()]
        rows, held_out = next(self.splitter(inner=True).split(self.train))
        fold, validation = self.train.iloc[rows], self.train.iloc[held_out]
        for name, model, tags in entries:
            score = self.scorer(self.train)(clone(model).fit(fold, item_features=tags), validation)
            yield Finalist(name, model, tags, score)

    def learning_curve(self, name: str) -> EpochCurveMonitor:
        """Precision on training and on validation rows after each epoch of a fit without tags."""
        rows, held_out = next(self.splitter(inner=True).split(self.train))
        every = CURVE_EPOCHS[name] // 10
        monitor = EpochCurveMonitor(METRIC, self.train.iloc[held_out], every=every)
        model = clone(self.base_models()[name]).set_params(max_iter=CURVE_EPOCHS[name]).set_callbacks(monitor)
        model.fit(self.train.iloc[rows])
        return monitor

    def grid_search(self) -> EpochSearchCV:
        """Grid search of WRMF without tags: each candidate is trained once and scored along the way."""
        search = EpochSearchCV(
            clone(self.base_models()["WRMF"]).set_params(n_jobs=None),
            GRID,
            epochs=range(2, 21, 2),
            scoring=self.scorer(self.train),
            cv=self.splitter(inner=True),
            return_train_score=True,
            refit=False,
            n_jobs=self.n_jobs,
        )
        return search.fit(self.train)

    def bayes_search(self, name: str, n_iter: int) -> BayesSearchCV:
        """Short Bayesian search, with tags if there are any."""
        space = dict(SPACES[name])
        if self.tags is not None:
            space["item_encoder__feature_weight"] = Real(0.1, 3, "log-uniform")
        search = BayesSearchCV(
            clone(self.base_models()[name]),
            space,
            n_iter=n_iter,
            scoring=self.scorer(self.train),
            cv=self.splitter(inner=True),
            refit=False,
            random_state=self.seed,
            optimizer_kwargs={"n_initial_points": max(2, n_iter // 2)},
        )
        return search.fit(self.train, item_features=self.tags)

    def tuned(self, name: str, search: Any, tags: Any) -> Finalist:
        """The best candidate of a search."""
        estimator = clone(search.estimator).set_params(**search.best_params_, n_jobs=self.n_jobs)
        return Finalist(name, estimator, tags, search.best_score_)

    def judge(self, finalists: list[Finalist]) -> Verdict:
        """Fit all models to the training rows, and compare them on the test rows."""
        values, seconds = {}, {}
        for finalist in finalists:
            start = time.perf_counter()
            fitted = finalist.fit(self.train)
            seconds[finalist.name] = time.perf_counter() - start
            candidates = self.train["item"].unique()
            values[finalist.name] = ranking_report(fitted, self.test, ks=[5, 10], candidates=candidates, per_user=True)
        return Verdict(finalists, values, seconds)

    def new_items(self, finalist: Finalist) -> dict[str, float]:
        """Precision among items without likes in training, of a model with tags and of a random choice."""
        train, test = next(ColdItemSplit(random_state=self.seed).split(self.X))
        test = self.X.iloc[test]
        values = ranking_report(finalist.fit(self.X.iloc[train]), test, ks=[5], candidates="cold", per_user=True)
        # A random list contains each new item with the same probability.
        n_new = len(np.setdiff1d(self.tags.ids, self.X.iloc[train]["item"].unique()))
        mean, error = mean_and_error(values[METRIC])
        return {"mean": mean, "error": error, "chance": test.groupby("user").size().mean() / n_new}


@dataclass(frozen=True)
class Verdict:
    """Values of all models for each test user. The winner is the best model on the validation holdout."""

    finalists: list[Finalist]
    values: dict[str, pd.DataFrame]
    seconds: dict[str, float]

    @property
    def winner(self) -> Finalist:
        """The best model on the validation holdout. Its test figures did not take part in the choice."""
        return max(self.finalists, key=lambda finalist: finalist.validation)

    @property
    def runner_up(self) -> Finalist:
        """The second best model on the validation holdout."""
        return sorted(self.finalists, key=lambda finalist: finalist.validation)[-2]

    def best_with_tags(self) -> Finalist | None:
        """The best model on the validation holdout that uses tags."""
        tagged = [finalist for finalist in self.finalists if finalist.tags is not None]
        return max(tagged, key=lambda finalist: finalist.validation) if tagged else None

    def named(self, name: str) -> Finalist:
        """The model with a name."""
        return next(finalist for finalist in self.finalists if finalist.name == name)

    def mean(self, name: str, metric: str = METRIC) -> tuple[float, float]:
        """Mean of a metric over the test users, and its standard error."""
        return mean_and_error(self.values[name][metric])

    def difference(self, first: str, second: str) -> tuple[float, float]:
        """Mean difference of the precision of two models for the same users, and its standard error."""
        return mean_and_error(self.values[first][METRIC] - self.values[second][METRIC])


def mean_and_error(values: pd.Series) -> tuple[float, float]:
    """Mean over users, and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
