"""Computations of Ethan Rosenthal's two posts (2016), repeated with this package by `benchmarks/posts.py`.

Precision is computed as the posts do: a fifth of the users with at least 10 likes have 5 of them held out, and the 5
best items are taken from all items. Items that the user liked in training are not excluded, so that they take places
in the list and count as misses.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from skopt.space import Integer, Real

from sklearn_recsketch import (
    BPRRecommender,
    PopularityRecommender,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.inspection import rank_by_feature
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_report
from sklearn_recsketch.model_selection import BayesSearchCV, ColdItemSplit, EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions, to_matrix

CV = UserHoldoutSplit(random_state=0)
AS_POSTED = make_ranking_scorer("precision@5", exclude_seen=False)
UNSEEN = make_ranking_scorer("precision@5")
SQUARED_ERROR = make_ranking_scorer("neg_preference_mse", exclude_seen=False)

LIGHTFM_DEFAULTS = {
    "n_components": 10,
    "regularization": 0.0,
    "learning_rate": 0.05,
    "max_sampled": 10,
    "average": False,
}


class Plan(NamedTuple):
    """How much to compute. The defaults are the posts' own grids, with fewer trials of the forest searches."""

    grid: dict[str, list[float]]
    prune: str | None
    als_epochs: range
    warp_epochs: range
    learning_rates: list[float]
    trials: int
    trials_with_tags: int
    max_components: int
    max_epochs: int
    max_minutes: float
    n_sorted_tags: int


FULL = Plan(
    grid={
        "n_components": [10, 20, 40, 80, 120],
        "regularization": [0.0, 1e-5, 1e-3, 1e-1, 1e1, 1e2],
        "alpha": [1, 10, 50, 100, 500, 1000],
    },
    prune=None,
    als_epochs=range(2, 40, 2),
    warp_epochs=range(10, 110, 10),
    learning_rates=[1e-4, 1e-3, 0.01, 0.05, 0.2, 1.0],
    trials=40,
    trials_with_tags=15,
    max_components=100,
    max_epochs=100,
    max_minutes=15,
    n_sorted_tags=20,
)
QUICK = Plan(
    grid={"n_components": [4, 8], "regularization": [0.1, 10.0], "alpha": [1, 50]},
    prune="halving",
    als_epochs=range(2, 8, 2),
    warp_epochs=range(2, 8, 2),
    learning_rates=[1e-4, 0.05],
    trials=3,
    trials_with_tags=2,
    max_components=24,
    max_epochs=5,
    max_minutes=1,
    n_sorted_tags=3,
)


class Replay:
    """The data of a replay, and one method per part of the posts.

    Each method returns plain tables and numbers, which are enough to write the page. Seconds come in pairs: by the
    clock, and of processor time, which depends less on the other work of the machine.
    """

    def __init__(self, all_likes: pd.DataFrame, tags: SideFeatures, plan: Plan, n_jobs: int) -> None:
        self.all_likes, self.tags, self.plan, self.n_jobs = all_likes, tags, plan, n_jobs
        self.X = threshold_interactions(all_likes, user_min=5, item_min=5)
        train, test = next(CV.split(self.X))
        self.train, self.test = self.X.iloc[train], self.X.iloc[test]

    def data(self) -> dict[str, Any]:
        """Sizes before and after thresholding, and the time to build the matrix of likes."""
        seconds = min(_timed(lambda: to_matrix(self.X))[1] for _ in range(3))
        sizes = {"all": describe_interactions(self.all_likes), "thresholded": describe_interactions(self.X)}
        return {"sizes": sizes, "matrix seconds": seconds, "test users": CV.describe(self.X)["test_users"]}

    def grid(self) -> dict[str, Any]:
        """The grid of the first post."""
        search = EpochSearchCV(
            WRMFRecommender(random_state=0),
            self.plan.grid,
            epochs=self.plan.als_epochs,
            prune=self.plan.prune,
            scoring=AS_POSTED,
            cv=CV,
            refit=False,
            n_jobs=self.n_jobs,
            random_state=0,
        )
        _, seconds, processor = _timed(lambda: search.fit(self.X))
        return {"search": search, "seconds": seconds, "processor": processor}

    def best_curve(self, best: dict[str, Any]) -> pd.DataFrame:
        """Precision and squared error of a setting after each checkpoint, on training and on held-out likes."""
        fixed = {name: value for name, value in best.items() if name != "max_iter"}
        search = EpochSearchCV(
            WRMFRecommender(random_state=0, n_jobs=self.n_jobs),
            None,
            candidates=[fixed],
            epochs=self.plan.als_epochs,
            scoring={"precision": AS_POSTED, "error": SQUARED_ERROR},
            cv=CV,
            return_train_score=True,
            refit=False,
        ).fit(self.X)
        found = search.cv_results_
        columns = {"epochs": [params["max_iter"] for params in found["params"]]}
        for metric in ("precision", "error"):
            for rows in ("train", "test"):
                columns[f"{metric} {rows}"] = np.abs(found[f"mean_{rows}_{metric}"])
        return pd.DataFrame(columns)

    def warp_curve(self) -> dict[str, Any]:
        """Curves of WARP with LightFM's defaults, and with those of this package."""
        model = WARPRecommender(random_state=0)
        search = EpochSearchCV(
            model,
            None,
            candidates=[LIGHTFM_DEFAULTS, {name: getattr(model, name) for name in LIGHTFM_DEFAULTS}],
            epochs=self.plan.warp_epochs,
            scoring=AS_POSTED,
            cv=CV,
            return_train_score=True,
            refit=False,
        )
        _, seconds, processor = _timed(lambda: search.fit(self.X))
        return {"search": search, "seconds": seconds, "processor": processor}

    def learning_rates(self) -> pd.DataFrame:
        """Precision of WARP at several learning rates, by both definitions, with defaults otherwise."""
        rows = []
        for rate in self.plan.learning_rates:
            model = WARPRecommender(learning_rate=rate, max_iter=min(40, self.plan.max_epochs), random_state=0)
            model.fit(self.train)
            scores = {"as posted": AS_POSTED(model, self.test), "unseen items": UNSEEN(model, self.test)}
            rows.append({"learning rate": rate, **scores})
        return pd.DataFrame(rows)

    def forest(self, start: dict[str, Any] | None) -> dict[str, Any]:
        """A forest search of WARP: without tags if `start` is None, else with tags, from the parameters `start`."""
        plan = self.plan
        space: dict[str, Any] = {
            "max_iter": Integer(1, plan.max_epochs),
            "learning_rate": Real(1e-4 if start is None else 1e-3, 1.0, "log-uniform"),
            "n_components": Integer(min(20, plan.max_components - 1), plan.max_components),
        }
        for name in ("regularization",) if start is None else ("item_regularization", "user_regularization"):
            space[name] = Real(1e-4, 1, "log-uniform")
        search = BayesSearchCV(
            WARPRecommender(random_state=0),
            space,
            n_iter=plan.trials if start is None else plan.trials_with_tags,
            n_jobs=self.n_jobs,
            surrogate="forest",
            initial_params=start,
            scoring=self._among_liked() if start else AS_POSTED,
            cv=CV,
            refit=False,
            max_time=plan.max_minutes * 60,
            random_state=0,
        )
        _, seconds, processor = _timed(lambda: search.fit(self.X, item_features=self.tags if start else None))
        return {"search": search, "seconds": seconds, "processor": processor}

    def models(self, grid: dict[str, Any], forest: dict[str, Any], tagged: dict[str, Any]) -> pd.DataFrame:
        """Precision of untuned and tuned models on the holdout, with standard errors, by both definitions."""
        wrmf, warp, bpr = (model(random_state=0) for model in (WRMFRecommender, WARPRecommender, BPRRecommender))
        trials: list[tuple[str, Any, bool]] = [
            ("popularity", PopularityRecommender(), False),
            ("ALS, defaults", wrmf, False),
            ("WARP, defaults", warp, False),
            ("BPR, defaults", bpr, False),
            ("ALS, defaults, with tags", wrmf, True),
            ("WARP, defaults, with tags", warp, True),
            ("ALS, best of the grid", clone(wrmf).set_params(**grid), False),
            ("WARP, best of the search", clone(warp).set_params(**forest), False),
            ("WARP, best of the search with tags", clone(warp).set_params(**tagged), True),
        ]
        rows = []
        for name, model, with_tags in trials:
            model = clone(model)
            if self.plan is QUICK and hasattr(model, "max_iter"):
                model.set_params(max_iter=3)
            tags = self.tags if with_tags else None
            clone(model).fit(self.train.iloc[:100], item_features=tags)  # loads the compiled kernels
            _, seconds, processor = _timed(partial(model.fit, self.train, item_features=tags))
            row: dict[str, Any] = {"model": name, "seconds": seconds, "processor": processor}
            for label, exclude in (("as posted", False), ("unseen items", True)):
                report = ranking_report(
                    model, self.test, ks=[5], exclude_seen=exclude, candidates=self.train["item"].unique()
                )
                row[label], row[f"{label}, error"] = report.loc[0, ["mean", "standard error"]]
            rows.append(row)
            print(row, flush=True)
        return pd.DataFrame(rows)

    def sorted_tags(self, tagged: dict[str, Any]) -> pd.DataFrame:
        """Share of the 5 items nearest to each of the most common tags that have the tag, and the share of all."""
        model = WARPRecommender(random_state=0).set_params(**tagged).fit(self.X, item_features=self.tags)
        known = np.isin(self.tags.ids, self.X["item"].unique())
        counts = np.asarray((self.tags.matrix[known] > 0).sum(axis=0)).ravel()
        names = self.tags.feature_names()
        rows = []
        for column in np.argsort(-counts)[: self.plan.n_sorted_tags]:
            nearest = rank_by_feature(model, [names[column]], k=5)["item"]
            having = set(self.tags.ids[self.tags.matrix[:, [column]].toarray().ravel() > 0])
            rows.append({"tag": names[column], "top 5": np.mean([item in having for item in nearest])})
            rows[-1]["all"] = counts[column] / known.sum()
        return pd.DataFrame(rows)

    def new_items(self) -> dict[str, Any]:
        """Recall@20 among items without any like in training, which ALS knows only by their tags."""
        train, test = next(ColdItemSplit(random_state=0).split(self.X))
        train, test = self.X.iloc[train], self.X.iloc[test]
        model = WRMFRecommender(random_state=0).fit(train, item_features=self.tags)
        report = ranking_report(model, test, ks=[20], candidates="cold").set_index("metric").loc["recall"]
        n_cold = len(np.setdiff1d(self.tags.ids, train["item"].unique()))
        return {"recall": report["mean"], "error": report["standard error"], "chance": min(1, 20 / n_cold)}

    def _among_liked(self) -> Any:
        """The posts' metric among the items with likes, because items with tags alone cannot be in the test rows."""
        return make_ranking_scorer("precision@5", exclude_seen=False, candidates=self.X["item"].unique())


def _timed(run: Any) -> tuple[Any, float, float]:
    """Result of a call, and its seconds by the clock and of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - clock, time.process_time() - processor
