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
from sklearn.base import clone
from skopt.space import Integer, Real

from sklearn_recsketch import PopularityRecommender, SideFeatureEncoder, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import load_features, load_likes, make_interactions
from sklearn_recsketch.inspection import items_like_feature, suggest_features
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import BayesSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions

CURVE_EPOCHS = {"WRMF": 20, "WARP": 60}


class EpochScores:
    """A scikit-learn callback that scores every `every`-th epoch on training and held-out rows."""

    def __init__(self, scorers: dict[str, tuple[Any, pd.DataFrame]], every: int) -> None:
        self.scorers, self.every = scorers, every
        self.rows: list[dict[str, float]] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.rows.clear()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        if context.task_name != "epoch":
            return
        epoch = context.task_id + 1
        if epoch == 1 or epoch % self.every == 0:
            scores = {name: scorer(fitted_estimator, X) for name, (scorer, X) in self.scorers.items()}
            self.rows.append({"epoch": epoch, **scores})

    def teardown(self, estimator: Any, context: Any) -> None:
        pass


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
    """WRMF and WARP before any tuning, of a size for the data at hand."""
    large = arguments.likes is not None
    # Of thousands of tags in a file, those of one or two items say nothing about others.
    encoder = SideFeatureEncoder(min_count=5 if large else 1)
    common = {"n_jobs": arguments.n_jobs, "random_state": arguments.seed, "item_encoder": encoder}
    return {
        "WRMF": WRMFRecommender(
            128 if large else 16, alpha=50 if large else 10, regularization=10 if large else 50, **common
        ),
        "WARP": WARPRecommender(
            128 if large else 32, regularization=1e-4 if large else 3e-4, max_iter=60 if large else 20, **common
        ),
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


def learning_curve(name: str, model: Any, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Precision on training rows of the test users and on their held-out rows, along the epochs of one fit."""
    scorer = make_ranking_scorer("precision@5")
    seen = train[train["user"].isin(test["user"].unique())]
    monitor = EpochScores({"train p@5": (scorer, seen), "test p@5": (scorer, test)}, every=CURVE_EPOCHS[name] // 10)
    clone(model).set_params(max_iter=CURVE_EPOCHS[name]).set_callbacks(monitor).fit(train)
    return pd.DataFrame(monitor.rows)


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
            "regularization": Real(1e-5, 1e-3, "log-uniform"),
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


def best_parameters(searches: dict[str, BayesSearchCV]) -> pd.DataFrame:
    """One row per model."""
    rows = []
    for name, found in searches.items():
        best = {
            key: round(value, 5) if isinstance(value, float) else value for key, value in found.best_params_.items()
        }
        rows.append({"model": name, "precision@5": found.best_score_, "best parameters": str(best)[1:-1]})
    return pd.DataFrame(rows)


def embeddings(winner: Any, X: pd.DataFrame, features: Any, names: Any) -> dict[str, pd.DataFrame]:
    """What the embedded space is good for."""

    def titled(table: pd.DataFrame, column: str) -> pd.DataFrame:
        if names is not None and not (names.index == names).all():
            table = table.assign(title=table[column].map(names))
        return table

    popular = X["item"].value_counts().index[0]
    tables = {f"Ten items similar to the most liked, {popular}": winner.similar_items(popular, k=10)}
    tables = {title: titled(table, "similar_item") for title, table in tables.items()}
    if features is not None:
        carried = pd.Series(features.matrix.sum(axis=0), index=features.feature_names()).sort_values()
        tag = str(carried.index[-1])
        table = items_like_feature(winner, tag, k=10)
        has = features.feature_names().tolist().index(tag)
        carriers = set(features.ids[features.matrix[:, [has]].toarray().ravel() > 0])
        table["has it"] = [item in carriers for item in table["item"]]
        tables[f"Items for the tag {tag}"] = titled(table, "item")
        present = features.feature_names()[features.matrix[[features.ids.tolist().index(popular)]].indices]
        shown = ", ".join(present[:8])
        tables[f"Tags suggested for {popular}, which has {shown}"] = suggest_features(winner, popular, k=10)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likes", help="pipe-separated file with columns modelname, mid, uid")
    parser.add_argument("--features", help="pipe-separated file with columns mid, type, value")
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

    curves = {name: learning_curve(name, model, train, test) for name, model in models.items()}
    report.section("Learning curves", "Precision on the likes trained on and on those held out, without tags.")
    for name, curve in curves.items():
        report.table(curve, caption=name)
    report.curves(curves)

    searches = {name: search(name, model, X, features, arguments) for name, model in models.items()}
    report.section(
        "Bayesian search", f"{arguments.n_iter} trials each, on another holdout, then refitted on everything."
    )
    found = best_parameters(searches)
    report.table(found)
    report.traces({name: s.cv_results_["mean_test_score"] for name, s in searches.items()})

    best = max(searches, key=lambda name: searches[name].best_score_)
    report.section(f"The winner, {best}, refitted on all {len(X)} likes", "Neighbours are by cosine.")
    for caption, table in embeddings(searches[best].best_estimator_, X, features, names).items():
        report.table(table, caption=caption)
    path = report.save(Path(arguments.report), seconds=time.perf_counter() - started)
    print(f"\n{path} written, {time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
