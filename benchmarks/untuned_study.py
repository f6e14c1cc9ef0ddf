"""Protocol of the largest public study of untuned recommenders, repeated on citeulike-a.

Wegmeth, Vente and Beel (RecSys 2024, late-breaking results, arXiv 2409.05461) use 5-core data, all rows as positives,
five folds within each user, a ranking of all items, and nDCG@10 with respect to an ideal list of ten hits, even if a
user has fewer relevant items.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from board_data import Measurements, Scores, Split, recommendations
from board_models import OURS, Model, ease, our_code, ours, timed_fit
from common import citeulike, markdown
from sklearn.model_selection import KFold

from sklearn_recsketch.metrics import ndcg_at_k
from sklearn_recsketch.preprocessing import threshold_interactions

FOLDS, K = 5, 10
# nDCG@10 in the study, for the better of two settings. Its models were trained on a part of each fold.
PUBLISHED = {"EASE": 0.1618, "UserKNN": 0.1127, "LightGCN": 0.1091, "BPR": 0.1045, "ImplicitMF": 0.0889}


def folds() -> list[Split]:
    """Split the rows of each user into five folds."""
    X = threshold_interactions(citeulike()[["user", "item"]]).reset_index(drop=True)
    fold = np.empty(len(X), dtype=int)
    for rows in X.groupby("user", sort=False).indices.values():
        splitter = KFold(FOLDS, shuffle=True, random_state=42)
        for number, (_, held_out) in enumerate(splitter.split(rows)):
            fold[rows[held_out]] = number
    return [Split("study", number, X[fold != number], X[fold == number]) for number in range(FOLDS)]


def fixed_ndcg(scores: Scores, data: Split) -> float:
    """nDCG@10 with respect to an ideal list of ten hits for every user."""
    values = ndcg_at_k(data.test, recommendations(scores, data, K), k=K, per_user=True)
    ideal = np.cumsum(1 / np.log2(np.arange(2, K + 2)))
    n_relevant = data.test.groupby("user")["item"].nunique().loc[values.index]
    return float((values * ideal[np.minimum(n_relevant, K) - 1] / ideal[-1]).mean())


def study(measured: Measurements) -> str:
    """Compare our default parameters and EASE to the results of the study."""
    models = {
        f"`{recommender.__name__}()`": Model(partial(ours, name=name), our_code()) for name, recommender in OURS.items()
    }
    for regularization in (100, 250):
        models[f"EASE, {regularization}"] = Model(partial(ease, regularization=regularization), "1")
    rows = []
    for name, model in models.items():
        values, seconds = [], []
        for data in folds():

            def fit_and_evaluate(model: Model = model, data: Split = data) -> dict[str, float]:
                scores, seconds = timed_fit(model.fit, data)
                return {"ndcg@10": fixed_ndcg(scores, data), "seconds": seconds}

            found = measured((data.name, data.seed, name, data.fingerprint(), model.code), fit_and_evaluate)
            values.append(found["ndcg@10"])
            seconds.append(found["seconds"])
        rows.append({"model": name, "from": "this run", "ndcg@10": np.mean(values), "s": f"{np.mean(seconds):.3g}"})
    rows += [{"model": name, "from": "the study", "ndcg@10": value, "s": ""} for name, value in PUBLISHED.items()]
    table = pd.DataFrame(rows).sort_values("ndcg@10", ascending=False)
    table["ndcg@10"] = table["ndcg@10"].map("{:.4f}".format)
    return markdown(table)
