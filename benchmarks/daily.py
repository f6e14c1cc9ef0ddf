"""Daily updates by `partial_fit`, compared to a full fit and to a model that is not updated.

    python benchmarks/daily.py [--only one_day] [--only ten_days]

In `one_day`, the new rows are a random 1 % of the training rows, and all rows of one in 500 users and one in 500 items,
which are unknown to yesterday's model. In `ten_days`, a random 10 % of the training rows arrive over ten days, and one
in 50 users and one in 50 items have their first row on one of these days. Requires the data sets citeulike-a (after 5/5
thresholding) and Gowalla.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from common import citeulike, gowalla, machine, markdown, publish, run_parts, timed
from sklearn.base import clone

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions

THREADS, K, SEEDS, DAYS = 1, 64, 3, 10
REFITS = [1, 5, 10]  # days after which a model is fitted on all rows so far
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


def rows_of_ten_days(train: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Day of each row, from 1 to 10, or 0 for the rows before the first day."""
    days = np.where(rng.random(len(train)) < 0.1, rng.integers(1, DAYS + 1, len(train)), 0)
    for name in ("user", "item"):
        ids = train[name].unique()
        first = pd.Series(0, index=ids)
        first[rng.choice(ids, len(ids) // 50, replace=False)] = rng.integers(1, DAYS + 1, len(ids) // 50)
        start = first[train[name]].to_numpy()
        later = start + (rng.random(len(train)) * (DAYS + 1 - start)).astype(int)
        days = np.maximum(days, np.where(start > 0, later, 0))
    return days


def one_day(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> list[dict[str, object]]:
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


def ten_days(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> list[dict[str, object]]:
    """Precision@5 on the held-out rows of all users, after days 1, 5 and 10."""
    days = rows_of_ten_days(train, np.random.default_rng(seed))
    rows = []
    for model in MODELS:
        updated = clone(model).set_params(random_state=seed, n_jobs=THREADS).fit(train[days == 0])
        row = {"model": type(model).__name__, "share": (days > 0).mean() / DAYS, "day 0": precision(updated, test)}
        for day in range(1, DAYS + 1):
            updated.partial_fit(train[days == day])
            if day in REFITS:
                refitted = clone(updated).fit(train[days <= day])
                for name, fitted in (("partial_fit", updated), ("fit", refitted)):
                    row[f"{name}, day {day}"] = precision(fitted, test)
        rows.append(row)
        print(row, flush=True)
    return rows


def mean_and_error(values: pd.Series, sign: str = "") -> str:
    """Mean and standard error."""
    return f"{values.mean():{sign}.4f} +- {values.sem():.4f}"


def summary_of_a_day(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Means and standard errors per model."""
    table = []
    for name, seeds in pd.DataFrame(rows).groupby("model", sort=False):
        line = {"model": name}
        for column in ("partial_fit", "fit"):
            line[f"s, {column}"] = f"{seeds[f's, {column}'].median():.2f}"
        line["ratio"] = f"{(seeds['s, fit'] / seeds['s, partial_fit']).median():.0f} x"
        for whose in ("", ", of the day"):
            before = seeds[f"yesterday's{whose}"]
            line[f"yesterday's{whose}"] = mean_and_error(before)
            for column in (f"partial_fit{whose}", f"fit{whose}"):
                line[column] = mean_and_error(seeds[column])
            line[f"gain of partial_fit{whose}"] = mean_and_error(seeds[f"partial_fit{whose}"] - before, "+")
        table.append(line)
    return pd.DataFrame(table)


def summary_of_ten_days(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Means per model, and gains over the model of day 0 with their standard errors."""
    table = []
    for name, seeds in pd.DataFrame(rows).groupby("model", sort=False):
        line = {"model": name, "day 0": f"{seeds['day 0'].mean():.4f}"}
        for day in REFITS:
            for column in (f"partial_fit, day {day}", f"fit, day {day}"):
                line[column] = f"{seeds[column].mean():.4f}"
        gains = {how: seeds[f"{how}, day {DAYS}"] - seeds["day 0"] for how in ("partial_fit", "fit")}
        line |= {f"gain of {how}": mean_and_error(gain, "+") for how, gain in gains.items()}
        line["ratio of gains"] = f"{gains['partial_fit'].mean() / gains['fit'].mean():.2f}"
        table.append(line)
    return pd.DataFrame(table)


def data_sets() -> dict[str, list[tuple[pd.DataFrame, pd.DataFrame]]]:
    """Training and test rows of each data set and seed."""
    X = threshold_interactions(citeulike())
    splits = [next(UserHoldoutSplit(random_state=seed).split(X)) for seed in range(SEEDS)]
    sets = {"citeulike-a": [(X.iloc[train], X.iloc[test]) for train, test in splits]}
    if (likes := gowalla()).name == "Gowalla":
        sets["Gowalla"] = [(likes.train, likes.test)] * SEEDS
    return sets


def report(section: str, measure: Callable, summary: Callable, caption: str) -> None:
    """Measure all data sets and seeds, and publish a table for each data set."""
    parts = []
    for name, pairs in data_sets().items():
        rows = [row for seed, pair in enumerate(pairs) for row in measure(*pair, seed)]
        share = np.mean([row["share"] for row in rows])
        parts.append(f"{name}, {100 * share:.1f} % of the rows per day:\n\n{markdown(summary(rows))}")
    settings = f"{K} components and otherwise default parameters, {THREADS} thread; precision@5, {caption}. {machine()}"
    publish(section, "\n\n".join([settings, *parts]))


PARTS = {
    "one_day": lambda: report(
        "daily one_day",
        one_day,
        summary_of_a_day,
        f"means and standard errors of {SEEDS} samples, for all users and for users with new rows",
    ),
    "ten_days": lambda: report(
        "daily ten_days",
        ten_days,
        summary_of_ten_days,
        f"means of {SEEDS} samples, and gains over the model of day 0 after ten days, with standard errors",
    ),
}


if __name__ == "__main__":
    run_parts(__doc__, PARTS)
