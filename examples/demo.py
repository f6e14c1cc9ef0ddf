"""The whole job: from a file of likes to tuned recommenders, and what their embeddings are good for.

    python examples/demo.py                                           # on data made here
    python examples/demo.py --likes likes.psv --features feats.psv    # on files

The steps are those of two posts of 2016 on the likes of Sketchfab models: threshold, hold out items per
user, compare models, draw learning curves, search hyperparameters, refit the winner on everything, then
ask for similar items, items for a tag and tags for an item. Writes the tables to the terminal and, with
the plots, to one self-contained HTML page.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd
from report import Report
from showcase import Catalogue, show_embeddings
from sklearn.base import clone
from skopt.space import Integer, Real

from sklearn_recsketch import PopularityRecommender, SideFeatureEncoder, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import load_features, load_likes, make_interactions
from sklearn_recsketch.inspection import EpochCurveDisplay, SearchScatterDisplay, SearchTraceDisplay
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import BayesSearchCV, EpochCurveMonitor, EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions

CURVE_EPOCHS = {"WRMF": 20, "WARP": 60}


def load(arguments: argparse.Namespace) -> tuple[str, pd.DataFrame, Any, Any]:
    """Title, likes, features or None, and names of items or None."""
    if arguments.likes is None:
        X, _, tags = make_interactions(3000, 1500, return_features=True, random_state=arguments.seed)
        return "made by make_interactions", X, tags, None
    likes = load_likes(arguments.likes)
    print(f"{likes.n_duplicates} exact duplicate rows dropped")
    features = None if arguments.features is None else load_features(arguments.features)
    return f"{Path(arguments.likes).parent.name}/{Path(arguments.likes).name}", likes.data, features, likes.names


def base_models(arguments: argparse.Namespace) -> dict[str, Any]:
    """WRMF and WARP before any tuning, of a size for the data at hand; WRMF computes its penalties from them."""
    large = arguments.likes is not None
    # Of thousands of tags in a file, those of one or two items say nothing about others.
    encoder = SideFeatureEncoder(min_count=5 if large else 1)
    common = {"n_jobs": arguments.n_jobs, "random_state": arguments.seed, "item_encoder": encoder}
    return {
        "WRMF": WRMFRecommender(128 if large else 32, **common),
        "WARP": WARPRecommender(128 if large else 32, **common),
    }


def compare(models: dict[str, Any], train: pd.DataFrame, test: pd.DataFrame, features: Any) -> pd.DataFrame:
    """Precision of all models on one holdout, with and without features, seen items left out and not."""
    candidates = train["item"].unique()  # the same items for all: those known by features only are left out
    scorers = {
        "precision@5": make_ranking_scorer("precision@5", candidates=candidates),
        "ndcg@10": make_ranking_scorer("ndcg@10", candidates=candidates),
        "precision@5, seen items ranked too": make_ranking_scorer(
            "precision@5", candidates=candidates, exclude_seen=False
        ),
    }
    trials: list[tuple[str, Any, Any]] = [("popularity", PopularityRecommender(), None)]
    trials += [(name, model, None) for name, model in models.items()]
    if features is not None:
        trials += [(f"{name} with tags", model, features) for name, model in models.items()]
    rows = []
    for name, model, item_features in trials:
        start = time.perf_counter()
        model.fit(train, item_features=item_features)
        seconds = time.perf_counter() - start
        rows.append({"model": name, **{label: scorer(model, test) for label, scorer in scorers.items()}})
        rows[-1]["seconds to fit"] = seconds
    return pd.DataFrame(rows)


def learning_curve(name: str, model: Any, train: pd.DataFrame, test: pd.DataFrame) -> EpochCurveMonitor:
    """Precision on training and on held-out rows along the epochs of one fit."""
    monitor = EpochCurveMonitor("precision@5", test, every=CURVE_EPOCHS[name] // 10)
    clone(model).set_params(max_iter=CURVE_EPOCHS[name]).set_callbacks(monitor).fit(train)
    return monitor


def grid_search(model: Any, X: pd.DataFrame, arguments: argparse.Namespace) -> EpochSearchCV:
    """A grid like that of the first post, smaller: every candidate is fitted once and scored on the way."""
    search = EpochSearchCV(
        clone(model).set_params(n_jobs=None),
        {"n_components": [8, 16, 32, 64], "alpha": [1, 10, 50], "regularization": [1, 10, 50]},
        epochs=range(2, 21, 2),
        scoring="precision@5",
        cv=UserHoldoutSplit(random_state=arguments.seed + 1),
        return_train_score=True,
        refit=False,
        n_jobs=arguments.n_jobs,
    )
    return search.fit(X)


def search(name: str, model: Any, X: pd.DataFrame, features: Any, arguments: argparse.Namespace) -> BayesSearchCV:
    """A short Bayesian search, refitted on everything with the best parameters."""
    spaces: dict[str, dict[str, Any]] = {
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
    if features is not None:
        spaces[name]["item_encoder__feature_weight"] = Real(0.1, 3, "log-uniform")
    found = BayesSearchCV(
        clone(model),
        spaces[name],
        n_iter=arguments.n_iter,
        scoring=make_ranking_scorer("precision@5", candidates=X["item"].unique()),
        cv=UserHoldoutSplit(random_state=arguments.seed + 1),
        random_state=arguments.seed,
        optimizer_kwargs={"n_initial_points": max(2, arguments.n_iter // 2)},
    )
    return found.fit(X, item_features=features)


def best_parameters(searches: dict[str, Any]) -> pd.DataFrame:
    """One row per model."""
    rows = []
    for name, found in searches.items():
        best = {
            key: round(value, 5) if isinstance(value, float) else value for key, value in found.best_params_.items()
        }
        rows.append({"model": name, "precision@5": found.best_score_, "best parameters": str(best)[1:-1]})
    return pd.DataFrame(rows)


def show_curves(report: Report, models: dict[str, Any], train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Learning curves, one model over the other."""
    curves = {name: learning_curve(name, model, train, test) for name, model in models.items()}
    report.section("Learning curves", "Precision on the likes trained on and on those held out, without tags.")
    axes = None
    for name, curve in curves.items():
        report.table(curve.curves().drop(columns="fit"), caption=name)
        axes = EpochCurveDisplay.from_monitor(curve, name=name, axes=axes).axes_
    report.figure(axes[0].figure)


def show_grid(report: Report, model: Any, X: pd.DataFrame, arguments: argparse.Namespace) -> None:
    """All traces of a grid search, and what each parameter does."""
    grid = grid_search(model, X, arguments)
    n_rows = len(grid.cv_results_["params"])
    report.section(
        "Grid search of WRMF",
        f"{n_rows} settings from {n_rows // len(grid.epochs)} fits without tags, on another holdout.",
    )
    report.table(best_parameters({"WRMF": grid}))
    report.figure(SearchTraceDisplay.from_search(grid).figure_)
    report.figure(SearchScatterDisplay.from_search(grid).figure_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likes", help="pipe-separated file with columns modelname, mid, uid")
    parser.add_argument("--features", help="pipe-separated file with columns mid, type, value")
    parser.add_argument("--thumbnails", action="store_true", help="pictures of Sketchfab models, from its API")
    parser.add_argument("--report", default="demo-report", help="folder for report.html")
    parser.add_argument("--n-iter", type=int, default=8, help="trials of each search")
    parser.add_argument("--n-jobs", type=int, default=-1, help="threads")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.perf_counter()
    title, X_all, features, names = load(arguments)
    report = Report("From likes to recommendations", f"Data: {title}")

    X = threshold_interactions(X_all, user_min=5, item_min=5)
    sizes = pd.DataFrame({"all": describe_interactions(X_all), "after 5/5 thresholding": describe_interactions(X)}).T
    report.section("The data", "Users and items with fewer than five partners are dropped in turn until none is left.")
    report.table(sizes, index=True, formats={"density": "{:.3%}"})

    splitter = UserHoldoutSplit(random_state=arguments.seed)
    train_rows, test_rows = next(splitter.split(X))
    train, test = X.iloc[train_rows], X.iloc[test_rows]
    who = splitter.describe(X)
    report.section(
        "One holdout",
        f"{who['eligible_users']} of {who['users']} users have at least {who['min_interactions']} likes; five "
        f"likes of {who['test_users']} of them are held out.",
    )
    models = base_models(arguments)
    compared = compare(models, train, test, features)
    report.table(compared)
    report.bars(compared, "model", "precision@5")

    show_curves(report, models, train, test)
    show_grid(report, models["WRMF"], X, arguments)

    searches = {name: search(name, model, X, features, arguments) for name, model in models.items()}
    report.section(
        "Bayesian search", f"{arguments.n_iter} trials each, on the same holdout, then refitted on everything."
    )
    report.table(best_parameters(searches))
    for name, found in searches.items():
        report.figure(SearchTraceDisplay.from_search(found).figure_, caption=name)

    best = max(searches, key=lambda name: searches[name].best_score_)
    print(f"\nThe winner, {best}, refitted on all {len(X)} likes, from here on")
    catalogue = Catalogue.of(features, names, arguments.thumbnails)
    show_embeddings(report, searches[best].best_estimator_, X, catalogue, arguments.seed)
    path = report.save(Path(arguments.report), seconds=time.perf_counter() - started)
    print(f"\n{path} written, {time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
