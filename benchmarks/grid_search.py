"""Grid search over 180 settings of ALS, each scored after 2, 4, ... 38 epochs.

    python benchmarks/grid_search.py [--only full] [--only pruned] [--only posts] [--only overhead]

The grid is that of Ethan Rosenthal's post "Intro to Implicit Matrix Factorization: Classic ALS with Sketchfab Models"
(2016), on synthetic data of the same size: 15,274 users, 25,655 items, about 550,000 interactions. Tables are written
to README.md, figures to docs/images.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import posts_code
from common import alternate, compare_seconds, gowalla, machine, markdown, publish, run_parts
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EpochCurveDisplay, SearchScatterDisplay, SearchTraceDisplay
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_report
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit

N_JOBS = 2
EPOCHS = range(2, 40, 2)
GRID = {
    "n_components": [10, 20, 40, 80, 120],
    "regularization": [0.0, 1e-5, 1e-3, 1e-1, 1e1, 1e2],
    "alpha": [1, 10, 50, 100, 500, 1000],
}
CV = UserHoldoutSplit(random_state=0)
IMAGES = Path(__file__).parents[1] / "docs/images"
KEPT = Path(__file__).parent / "grid_search.joblib"  # not part of the repository; used by --only pruned


def sketchfab_like() -> pd.DataFrame:
    """Synthetic interactions of the size of the post's data after thresholding."""
    return make_interactions(15_274, 25_655, mean_activity=36, n_tags=20_352, return_features=True, random_state=0)[0]


def grid_search(prune: str | None, X: pd.DataFrame) -> tuple[EpochSearchCV, float]:
    """Return the fitted search and its seconds, including the refit."""
    search = EpochSearchCV(
        WRMFRecommender(random_state=0),
        GRID,
        epochs=EPOCHS,
        prune=prune,
        scoring="precision@5",
        cv=CV,
        return_train_score=True,
        n_jobs=N_JOBS,
        random_state=0,
    )
    start = time.perf_counter()
    search.fit(X)
    return search, time.perf_counter() - start


def row(name: str, search: EpochSearchCV, seconds: float, X: pd.DataFrame) -> dict[str, Any]:
    """Summarize a search, with the standard error of its best candidate on the held-out rows."""
    train, test = next(CV.split(X))
    best = clone(search.estimator).set_params(**search.best_params_).fit(X.iloc[train])
    report = ranking_report(best, X.iloc[test], ks=(5,)).set_index("metric")
    return {
        "prune": name,
        "minutes": f"{seconds / 60:.1f}",
        "settings x checkpoints scored": f"{np.isfinite(search.cv_results_['mean_test_score']).sum()}",
        "best precision@5": f"{search.best_score_:.5f}",
        "standard error": f"{report.loc['precision', 'standard error']:.5f}",
        "training precision@5 there": f"{search.cv_results_['mean_train_score'][search.best_index_]:.3f}",
        "parameters": str(search.best_params_),
    }


def full() -> None:
    X = sketchfab_like()
    search, seconds = grid_search(None, X)
    joblib.dump((search.cv_results_, row("no", search, seconds, X)), KEPT)
    publish(
        "grid, full",
        f"{len(X):,} likes, {N_JOBS} fits at a time. {machine()}\n\n"
        + markdown(pd.DataFrame([row("no", search, seconds, X)])),
    )
    IMAGES.mkdir(exist_ok=True)
    for name, display in {
        "grid-curves": EpochCurveDisplay.from_search(search),
        "grid-traces": SearchTraceDisplay.from_search(search),
        "grid-scatter": SearchScatterDisplay.from_search(search),
    }.items():
        display.figure_.savefig(IMAGES / f"{name}.png", dpi=110)
        plt.close(display.figure_)


def pruned() -> None:
    X = sketchfab_like()
    rows = [joblib.load(KEPT)[1]] if KEPT.exists() else []
    for prune in ("median", "halving"):
        search, seconds = grid_search(prune, X)
        rows.append(row(prune, search, seconds, X))
        print(rows[-1], flush=True)
        display = SearchTraceDisplay.from_search(search)
        display.figure_.savefig(IMAGES / f"grid-traces-{prune}.png", dpi=110)
        plt.close(display.figure_)
    publish("grid, pruned", markdown(pd.DataFrame(rows)))


def as_in_the_post() -> None:
    X = sketchfab_like()
    train_rows, test_rows = next(CV.split(X))
    train, test = posts_code.matrices(X.iloc[train_rows], X.iloc[test_rows])
    others = len(GRID["regularization"]) * len(GRID["alpha"])
    rows = []
    for K in GRID["n_components"]:
        parameters = {"n_components": K, "regularization": 0.1, "alpha": 50}
        measured = posts_code.grid_setting(train, test, parameters, list(EPOCHS), scored=2, n_jobs=N_JOBS)
        rows.append(
            {
                "components": K,
                "fit of 38 epochs, s": f"{measured['fit']:.1f}",
                "one scoring, s": f"{measured['score']:.1f}",
                f"{others} settings, hours": measured["total"] * others / 3600,
            }
        )
        print(rows[-1], flush=True)
    hours = f"{others} settings, hours"
    table = pd.DataFrame(rows)
    total = table[hours].sum()
    table[hours] = table[hours].map("{:.2f}".format)
    publish("grid, the post's way", f"{markdown(table)}\n\n{total:.1f} hours in all. {machine('implicit')}")


def overhead() -> None:
    X = gowalla().train
    estimator = WRMFRecommender(64, regularization=10, max_iter=15, random_state=0)
    scorer = make_ranking_scorer("precision@5")
    alphas = np.linspace(10, 40, 16).tolist()
    kinds = {"integers": X, "strings": X.astype(str)}
    for kind, ids in kinds.items():
        train, test = next(CV.split(ids))
        parts = ids.iloc[train], ids.iloc[test]

        def bare(parts: Any = parts) -> float:
            """Seconds of a fit and a scoring, with another one in parallel to load the machine equally."""
            start = time.perf_counter()
            both = joblib.Parallel(n_jobs=N_JOBS, prefer="threads")(
                joblib.delayed(lambda: scorer(clone(estimator).fit(parts[0]), parts[1]))() for _ in range(N_JOBS)
            )
            assert len(both) == N_JOBS
            return time.perf_counter() - start

        def inside(search: Any, ids: Any = ids) -> float:
            """Seconds per candidate of a search that runs two fits at a time, including all its other work."""
            start = time.perf_counter()
            search.fit(ids)
            return (time.perf_counter() - start) / len(alphas) * N_JOBS

        def grid(backend: str, inside: Any = inside) -> float:
            search = GridSearchCV(estimator, {"alpha": alphas}, scoring=scorer, cv=CV, refit=False, n_jobs=N_JOBS)
            with joblib.parallel_config(backend):
                return inside(search)

        def epochs(inside: Any = inside) -> float:
            return inside(EpochSearchCV(estimator, {"alpha": alphas}, epochs=[15], cv=CV, refit=False, n_jobs=N_JOBS))

        grid("loky")  # starts the processes, which load the compiled kernels
        seconds = alternate(
            {
                "bare fits": bare,
                "GridSearchCV, processes": partial(grid, "loky"),
                "GridSearchCV, threads": partial(grid, "threading"),
                "EpochSearchCV": epochs,
            },
            rounds=3,
        )
        table = compare_seconds(seconds, [("bare fits", name) for name in seconds.columns[1:]])
        table = table.rename(columns={"ours": "of", "peer": "inside", "ours, s": "bare, s", "peer, s": "inside, s"})
        description = f"{len(ids):,} rows, ids are {kind}, searches over {len(alphas)} candidates; {machine()}"
        publish(f"overhead, {kind}", f"{description}\n\n{markdown(table)}")


PARTS = {"full": full, "pruned": pruned, "posts": as_in_the_post, "overhead": overhead}


if __name__ == "__main__":
    run_parts(__doc__, PARTS)
