"""Conversion of 20 million rows of string ids to a matrix, and the time of iterations at that size.

    python benchmarks/preparation.py [--rows 20000000] [--rounds 3]

The conversion is compared to pandas group-bys, dictionaries and `apply`, as in Ethan Rosenthal's post "Intro to
Implicit Matrix Factorization: Classic ALS with Sketchfab Models" (2016), on the same rows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path

import contestants
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import PeakMemory, alternate, compare_seconds, machine, markdown, publish, timed

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.preprocessing import to_matrix

USERS, ITEMS = 138_000, 27_000


def string_likes(n_rows: int, n_users: int = USERS, n_items: int = ITEMS) -> pd.DataFrame:
    """Distinct interactions of users and items whose popularity follows a power law."""
    rng = np.random.default_rng(0)
    pairs = np.empty(0, np.int64)
    while len(pairs) < n_rows:
        users = (n_users * rng.random(n_rows) ** 2).astype(np.int64)
        items = (n_items * rng.random(n_rows) ** 3).astype(np.int64)
        pairs = np.unique(np.concatenate([pairs, users * n_items + items]))
    pairs = rng.permutation(pairs)[:n_rows]
    user_ids = np.array([f"user-{u:06d}" for u in rng.permutation(n_users)], dtype=object)
    item_ids = np.array([f"model-{i:05d}" for i in rng.permutation(n_items)], dtype=object)
    return pd.DataFrame({"user": user_ids[pairs // n_items], "item": item_ids[pairs % n_items]})


def prepare(X: pd.DataFrame) -> sp.csr_array:
    """Convert with this package."""
    return to_matrix(X, user_min=5, item_min=5)[0]


def prepare_with_loops(X: pd.DataFrame) -> sp.csr_array:
    """Convert as in the post."""
    while True:
        before = len(X)
        users = X.groupby("user").item.count()
        X = X[~X.user.isin(users[users < 5].index.tolist())]
        items = X.groupby("item").user.count()
        X = X[~X.item.isin(items[items < 5].index.tolist())]
        if len(X) == before:
            break
    place_of: dict[str, dict[str, int]] = {"user": {}, "item": {}}
    id_at: dict[str, dict[int, str]] = {"user": {}, "item": {}}
    for column in ("user", "item"):
        for place, name in enumerate(X[column].unique().tolist()):
            place_of[column][name] = place
            id_at[column][place] = name

    def place(name, places):
        return places[name]

    rows = X.user.apply(place, args=[place_of["user"]]).to_numpy()
    columns = X.item.apply(place, args=[place_of["item"]]).to_numpy()
    return sp.coo_array((np.ones(len(rows)), (rows, columns)), dtype=np.float64).tocsr()


def grow(n_rows: int) -> tuple[float, float, float]:
    """Seconds per WRMF iteration, and MiB before the fit and at its peak; run in a separate process."""
    scale = np.sqrt(n_rows / 20_000_000)
    X = string_likes(n_rows, int(USERS * scale), int(ITEMS * scale))
    for column in X:
        X[column] = pd.factorize(X[column])[0]  # strings would hide the memory of the fit
    model = WRMFRecommender(64, max_iter=3, n_jobs=2, random_state=0)
    model.fit(X.iloc[:1000])
    with PeakMemory() as memory:
        trained = contestants.ours(model, X)
    return float(np.median(trained.seconds)), memory.before, memory.peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grow", type=int, help="only measure iterations, on this number of rows")
    arguments = parser.parse_args()
    if arguments.grow:
        print(*grow(arguments.grow))
        return
    X = string_likes(arguments.rows)
    few = X.iloc[: len(X) // 20]
    assert prepare(few).shape == prepare_with_loops(few).shape
    seconds = alternate(
        {
            "to_matrix(X, user_min=5, item_min=5)": lambda: timed(partial(prepare, X)),
            "the post's loops": lambda: timed(partial(prepare_with_loops, X)),
        },
        arguments.rounds,
    )
    table = compare_seconds(seconds, [("to_matrix(X, user_min=5, item_min=5)", "the post's loops")])
    growth = []
    for n_rows in (2_000_000, 6_000_000, 20_000_000):
        output = subprocess.run(
            [sys.executable, Path(__file__), "--grow", str(n_rows)], check=True, capture_output=True, text=True
        ).stdout
        iteration, before, after = map(float, output.split())
        growth.append(
            {
                "rows": f"{n_rows:,}",
                "seconds per iteration": f"{iteration:.3f}",
                "per million rows": f"{iteration / n_rows * 1e6:.3f}",
                "MiB before the fit": f"{before:.0f}",
                "peak": f"{after:.0f}",
                "bytes a row added": f"{(after - before) * 2**20 / n_rows:.0f}",
            }
        )
    publish(
        "preparation",
        f"{arguments.rows:,} rows of string ids, 5/5 threshold, encoding, CSR; {arguments.rounds} rounds. "
        f"{machine()}\n\n"
        f"{markdown(table)}\n\nWRMF with 64 components, two threads, users and items growing with the square root of "
        f"the rows:\n\n{markdown(pd.DataFrame(growth))}",
    )


if __name__ == "__main__":
    main()
