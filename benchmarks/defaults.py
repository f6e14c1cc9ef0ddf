"""Precision@5 and nDCG@20 of default and of tuned parameters, on two data sets.

    python benchmarks/defaults.py

All models have the default number of components. Five items of half of the users are held out. The tuned parameters are
the best ones of the grid below on each data set, evaluated on the same users: an upper bound, not an estimate.
"""

from __future__ import annotations

import itertools

import pandas as pd
from common import citeulike, gowalla, machine, markdown, publish

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions

GRIDS = {
    WRMFRecommender: {"alpha": [20, 40, 80], "regularization": [0.1, 10, 30], "max_iter": [8, 15]},
    WARPRecommender: {"max_iter": [30, 60], "margin": [1, 2], "regularization": [0.2, 0.4, 0.6]},
    BPRRecommender: {"learning_rate": [0.1, 0.2, 0.4], "regularization": [2, 4, 8]},
}


def main() -> None:
    scorer = make_ranking_scorer(["precision@5", "ndcg@20"])
    data = {"citeulike-a": threshold_interactions(citeulike()), "Gowalla": gowalla(or_made_up=False).train}
    rows = []
    for name, X in data.items():
        train, test = (X.iloc[part] for part in next(UserHoldoutSplit(user_fraction=0.5, random_state=0).split(X)))
        for recommender, grid in GRIDS.items():
            settings = [{}, *(dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))]
            scores = []
            for setting in settings:
                model = recommender(random_state=0, n_jobs=2, **setting).fit(train)
                scores.append(scorer(model, test))
                print(name, model, scores[-1], flush=True)
            best = max(range(1, len(settings)), key=lambda place: scores[place]["ndcg@20"])
            for kind, place in (("default", 0), ("tuned", best)):
                shown = settings[place] or {key: getattr(recommender(), key) for key in grid}
                text = ", ".join(f"{key}={value}" for key, value in shown.items())
                values = {metric: f"{value:.4f}" for metric, value in scores[place].items()}
                rows.append({"data": name, "model": recommender.__name__, "": kind, "parameters": text, **values})
    publish("defaults", f"{machine()}\n\n{markdown(pd.DataFrame(rows))}")


if __name__ == "__main__":
    main()
