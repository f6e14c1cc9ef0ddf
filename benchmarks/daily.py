"""Daily updates by `partial_fit`, compared to a full fit and to yesterday's model.

    python benchmarks/daily.py

The new rows are a random 1 % of the training rows, and all rows of one in 500 users and one in 500 items, which are
unknown to yesterday's model. Requires the data sets citeulike-a (after 5/5 thresholding) and Gowalla.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import citeulike, gowalla, machine, markdown, publish, timed
from sklearn.base import clone

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions

THREADS, K, SEEDS = 2, 64, 3
MODELS = [WRMFRecommender(K), WARPRecommender(K), BPRRecommender(K)]
precision = make_ranking_scorer("precision@5")


def rows_of_the_day(train: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Mask of the new rows."""
    day = np.zeros(len(train), dtype=bool)
    for name in ("user", "item"):
        ids = train[name].unique()
        day |= train[name].isin(rng.choice(ids, len(ids) // 500, replace=False)).to_numpy()
    others = np.flatnonzero(~day)
    day[rng.choice(others, len(train) // 100, replace=False)] = True
    return day


def measured(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> list[dict[str, object]]:
    """Seconds, and precision@5 on the held-out rows of all users and of users with new rows."""
    day = rows_of_the_day(train, np.random.default_rng(seed))
    active = test[test["user"].isin(train["user"][day])]
    rows = []
    for model in MODELS:
        yesterday, refitted = (clone(model).set_params(random_state=seed, n_jobs=THREADS) for _ in range(2))
        yesterday.fit(train[~day])
        row = {"model": type(model).__name__, "share": day.mean()}
        row |= {"yesterday's": precision(yesterday, test), "yesterday's, of the day": precision(yesterday, active)}
        row["s, partial_fit"] = timed(lambda model=yesterday: model.partial_fit(train[day]))
        row["s, fit"] = timed(lambda model=refitted: model.fit(train))
        for name, fitted in (("partial_fit", yesterday), ("fit", refitted)):
            row |= {name: precision(fitted, test), f"{name}, of the day": precision(fitted, active)}
        rows.append(row)
        print(row, flush=True)
    return rows


def summary(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Means and standard errors per model."""
    table = []
    for name, seeds in pd.DataFrame(rows).groupby("model", sort=False):
        line = {"model": name}
        for column in ("partial_fit", "fit"):
            line[f"s, {column}"] = f"{seeds[f's, {column}'].median():.2f}"
        line["ratio"] = f"{(seeds['s, fit'] / seeds['s, partial_fit']).median():.0f} x"
        for column in (
            f"{when}{whose}" for whose in ("", ", of the day") for when in ("yesterday's", "partial_fit", "fit")
        ):
            line[column] = f"{seeds[column].mean():.4f} +- {seeds[column].sem():.4f}"
        table.append(line)
    return pd.DataFrame(table)


def main() -> None:
    X = threshold_interactions(citeulike())
    splits = [next(UserHoldoutSplit(random_state=seed).split(X)) for seed in range(SEEDS)]
    sets = {"citeulike-a": [(X.iloc[train], X.iloc[test]) for train, test in splits]}
    if (likes := gowalla()).name == "Gowalla":
        sets["Gowalla"] = [(likes.train, likes.test)] * SEEDS
    parts = []
    for name, pairs in sets.items():
        rows = [row for seed, pair in enumerate(pairs) for row in measured(*pair, seed)]
        share = np.mean([row["share"] for row in rows])
        parts.append(f"{name}, {100 * share:.1f} % of the rows:\n\n{markdown(summary(rows))}")
    publish(
        "daily",
        f"{K} components and otherwise default parameters, {THREADS} threads; precision@5, means and standard errors "
        f"of {SEEDS} samples, for all users and for users with new rows. {machine()}\n\n" + "\n\n".join(parts),
    )


if __name__ == "__main__":
    main()
