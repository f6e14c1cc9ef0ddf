"""Queries in 16 threads while other threads fit and update models, for a minute; counts of calls and of wrong results.

python benchmarks/soak_threads.py [--seconds 60] [--threads 16]

Each result is compared with the same call made beforehand, when no other thread was running. The exit code is 1 if one
differs.
"""

from __future__ import annotations

import argparse
import collections
import sys
import threading
import time
import traceback
from collections.abc import Callable

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_info

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions

Recommender = WRMFRecommender | WARPRecommender | BPRRecommender


def blas_threads() -> list[int]:
    """Numbers of threads of the BLAS libraries."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def queries(model: Recommender, X: pd.DataFrame, seed: int) -> dict[str, Callable[[], pd.DataFrame]]:
    """Calls whose results are compared, for randomly chosen users and items."""
    rng = np.random.default_rng(seed)
    users, items = rng.choice(model.users_, 20), rng.choice(model.items_, 20)
    rows = X[X["user"].isin(users)]
    return {
        "recommend": lambda: model.recommend(users, k=10),
        "fold-in": lambda: model.recommend(history=rows, k=10),
        "similar_items": lambda: model.similar_items(items, k=10),
        "predict": lambda: pd.DataFrame({"score": model.predict(rows)}),
    }


def trained(model: Recommender) -> pd.DataFrame:
    """Trained vectors, as a table."""
    return pd.DataFrame(np.vstack([model.user_factors_, model.item_factors_]))


def main() -> int:
    """Run all threads, and print how often each call was made and how often its result was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=16)
    arguments = parser.parse_args()
    X, y = make_interactions(500, 200, mean_activity=15, counts=True, random_state=0)
    half = len(X) // 2
    tasks: list[dict[str, Callable[[], pd.DataFrame]]] = [{} for _ in range(arguments.threads + 2)]
    for cls in (WRMFRecommender, WARPRecommender, BPRRecommender):
        name = cls.__name__.removesuffix("Recommender")
        model = cls(16, max_iter=3, random_state=0).fit(X, y)
        for n in range(arguments.threads):
            tasks[n] |= {f"{name} {query}": call for query, call in queries(model, X, n).items()}

        def fit(cls: type = cls) -> pd.DataFrame:
            # WARP and BPR are reproducible with a single thread only.
            return trained(cls(16, max_iter=3, random_state=1, n_jobs=2 if cls is WRMFRecommender else 1).fit(X, y))

        def update(cls: type = cls) -> pd.DataFrame:
            model = cls(16, max_iter=3, random_state=1).fit(X[:half], y[:half])
            return trained(model.partial_fit(X[half:], y[half:]))

        tasks[-2][f"{name} fit"], tasks[-1][f"{name} fit and partial_fit"] = fit, update
    limits = blas_threads()
    expected = [{name: call() for name, call in calls.items()} for calls in tasks]
    counts: collections.Counter[str] = collections.Counter()
    wrong: collections.Counter[str] = collections.Counter()
    lock, end = threading.Lock(), time.monotonic() + arguments.seconds

    def run(n: int) -> None:
        while time.monotonic() < end:
            for name, call in tasks[n].items():
                try:
                    same = call().equals(expected[n][name])
                except Exception:
                    traceback.print_exc()
                    same = False
                with lock:
                    counts[name] += 1
                    wrong[name] += not same

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in sorted(counts):
        print(f"{name:30} {counts[name]:8} calls, {wrong[name]} wrong or failed")
    restored = blas_threads() == limits
    print(f"{'all':30} {counts.total():8} calls, {wrong.total()} wrong or failed; limits of BLAS restored: {restored}")
    return int(wrong.total() > 0 or not restored)


if __name__ == "__main__":
    sys.exit(main())
