"""Searches of WARP with a forest surrogate, first without tags, then with tags, starting from the best candidate.

    python benchmarks/forest_search.py [--trials 24] [--trials-with-tags 8]

Ethan Rosenthal's post "Learning to Rank Sketchfab Models with LightFM" (2016) runs 250 and 50 trials. Our search runs
two fits at a time, with one thread each, while LightFM runs one fit at a time, with two threads. LightFM's first epochs
are timed for a few numbers of components, and its time for the trials of our search is interpolated. This
underestimates the time of LightFM, because later epochs of WARP sample more negatives.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import posts_code
import scipy.sparse as sp
from common import machine, markdown, publish
from grid_search import CV, IMAGES
from skopt.space import Integer, Real

from sklearn_recsketch import WARPRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import SearchScatterDisplay, SearchTraceDisplay
from sklearn_recsketch.model_selection import BayesSearchCV

THREADS = 2
MEASURED_AT = [20, 110, 200]  # components
EPOCHS_RUN = 10
WITHOUT_TAGS = {
    "max_iter": Integer(1, 260),
    "learning_rate": Real(1e-4, 1.0, "log-uniform"),
    "n_components": Integer(20, 200),
    "regularization": Real(0.01, 1, "log-uniform"),
}
WITH_TAGS = {
    "max_iter": Integer(1, 260),
    "learning_rate": Real(1e-3, 1.0, "log-uniform"),
    "n_components": Integer(20, 200),
    "item_regularization": Real(0.01, 1, "log-uniform"),
    "user_regularization": Real(0.01, 1, "log-uniform"),
}


def forest_search(space: dict[str, Any], X: pd.DataFrame, tags: Any, n_iter: int, initial: Any) -> tuple[Any, float]:
    """Return the fitted search and its seconds."""
    search = BayesSearchCV(
        WARPRecommender(random_state=0),
        space,
        n_iter=n_iter,
        n_jobs=THREADS,
        n_points=2,
        surrogate="forest",
        initial_params=initial,
        scoring="precision@5",
        cv=CV,
        refit=False,
        random_state=0,
    )
    start = time.perf_counter()
    search.fit(X, item_features=tags)
    return search, time.perf_counter() - start


def lightfm_seconds(trials: list[dict], train: Any, test: Any, features: Any) -> tuple[float, pd.DataFrame]:
    """Estimate the seconds of LightFM for these trials; also return the measurements."""
    measured = []
    for K in MEASURED_AT:
        parameters = {"n_components": K, "learning_rate": 0.05, "max_iter": 1}
        parameters |= {"user_regularization": 1e-5, "item_regularization": 1e-5}
        taken = posts_code.lightfm_trial(train, test, parameters, features, THREADS, EPOCHS_RUN)
        measured.append({"components": K, "epoch, s": taken["epoch"], "precision_at_k, s": taken["score"]})
        print(measured[-1], flush=True)
    table = pd.DataFrame(measured)
    K = [trial["n_components"] for trial in trials]
    epoch = np.interp(K, table["components"], table["epoch, s"])
    scoring = np.interp(K, table["components"], table["precision_at_k, s"])
    return float(np.sum(epoch * [trial["max_iter"] for trial in trials] + scoring)), table.round(2)


def one_hot_with_identity(X: pd.DataFrame, tags: Any) -> sp.csr_matrix:
    """Item features as in the post: unweighted tags next to an identity block."""
    items = np.unique(X["item"])
    rows = tags.matrix[np.searchsorted(tags.ids, items)]
    return sp.csr_matrix(sp.hstack([sp.identity(len(items)), rows > 0]).astype(np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--trials-with-tags", type=int, default=8)
    arguments = parser.parse_args()
    X, _, tags = make_interactions(
        15_274, 25_655, mean_activity=36, n_tags=20_352, return_features=True, random_state=0
    )
    train_rows, test_rows = next(CV.split(X))
    train, test = posts_code.matrices(X.iloc[train_rows], X.iloc[test_rows])
    rows, tables, initial = [], [], None
    runs = [
        ("likes alone", WITHOUT_TAGS, None, arguments.trials, None),
        ("with tags", WITH_TAGS, tags, arguments.trials_with_tags, one_hot_with_identity(X.iloc[train_rows], tags)),
    ]
    for name, space, item_features, n_iter, features in runs:
        search, seconds = forest_search(space, X, item_features, n_iter, initial)
        # The second search starts from the best candidate of the first, with the same penalty for users and items.
        best = dict(search.best_params_)
        initial = best | {f"{side}_regularization": best.get("regularization") for side in ("user", "item")}
        initial.pop("regularization", None)
        peer, table = lightfm_seconds(search.cv_results_["params"], train, test, features)
        shown = {key: round(value, 6) for key, value in best.items()}
        rows.append(
            {
                "search": name,
                "trials": len(search.cv_results_["params"]),
                "ours, minutes": f"{seconds / 60:.1f}",
                "LightFM at these trials, hours": f"{peer / 3600:.1f}",
                "ratio": f"{peer / seconds:.0f}",
                "best precision@5": f"{search.best_score_:.5f}",
                "parameters": str(shown),
            }
        )
        print(rows[-1], flush=True)
        tables.append(f"LightFM, {name}:\n\n{markdown(table)}")
        IMAGES.mkdir(exist_ok=True)
        for kind, display in {"traces": SearchTraceDisplay, "scatter": SearchScatterDisplay}.items():
            figure = display.from_search(search).figure_
            figure.savefig(IMAGES / f"forest-{kind}-{name.replace(' ', '-')}.png", dpi=110)
            plt.close(figure)
        publish("forest", "\n\n".join([markdown(pd.DataFrame(rows)), *tables, machine("lightfm-next")]))


if __name__ == "__main__":
    main()
