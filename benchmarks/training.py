"""Seconds per WRMF iteration and per WARP epoch beside implicit's and LightFM's, in one run.

    python benchmarks/training.py --likes ../shared/data/gowalla/train.psv --user uid --item mid

Iterations of ours and of the peer alternate: machines drift, and only ratios within a run mean anything.
Needs the extra [engines]. Without a file it runs on make_interactions of about Gowalla's shape.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # implicit warns otherwise

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from lightfm import LightFM
from quality import peer_matrix
from threadpoolctl import threadpool_limits

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import load_likes, make_interactions
from sklearn_recsketch.preprocessing import to_matrix

GOWALLA = Path(__file__).parents[2] / "shared/data/gowalla/train.psv"


class EpochTimes:
    """A scikit-learn callback that notes when each epoch begins and ends, evaluation left out."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def setup(self, estimator, context) -> None:
        self.seconds.clear()

    def on_fit_task_begin(self, estimator, context) -> None:
        self._start = time.perf_counter()

    def on_fit_task_end(self, estimator, context) -> None:
        if context.task_name == "epoch":
            self.seconds.append(time.perf_counter() - self._start)

    def teardown(self, estimator, context) -> None:
        pass


def our_epochs(model, X) -> list[float]:
    """Seconds of each epoch of a fit."""
    times = EpochTimes()
    model.set_callbacks(times).fit(X)
    return times.seconds


def implicit_epochs(matrix, n_components: int, n_jobs: int, n_epochs: int) -> list[float]:
    """Seconds of each iteration but the first, whose start is not reported."""
    ends: list[float] = []
    model = AlternatingLeastSquares(
        factors=n_components, regularization=0.1, alpha=20, iterations=n_epochs, num_threads=n_jobs, random_state=0
    )
    model.fit(matrix, show_progress=False, callback=lambda *_: ends.append(time.perf_counter()))
    return np.diff(ends).tolist()


def lightfm_epochs(matrix, n_components: int, n_jobs: int, n_epochs: int) -> list[float]:
    """Seconds of each epoch."""
    model = LightFM(no_components=n_components, loss="warp", random_state=0)
    seconds = []
    for _ in range(n_epochs):
        start = time.perf_counter()
        model.fit_partial(matrix, epochs=1, num_threads=n_jobs)
        seconds.append(time.perf_counter() - start)
    return seconds


def compare(ours: Callable[[], list[float]], peer: Callable[[], list[float]], rounds: int) -> dict[str, float]:
    """Medians over alternating rounds, and the spread of the ratio between them."""
    pairs = [(np.median(ours()), np.median(peer())) for _ in range(rounds)]
    mine, theirs = (np.array(column) for column in zip(*pairs, strict=True))
    ratios = theirs / mine
    return {
        "ours, s": np.median(mine),
        "peer, s": np.median(theirs),
        "ratio": np.median(ratios),
        "lowest": ratios.min(),
        "highest": ratios.max(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--likes", default=str(GOWALLA) if GOWALLA.exists() else None)
    parser.add_argument("--user", default="uid")
    parser.add_argument("--item", default="mid")
    parser.add_argument("--n-components", type=int, default=64)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.likes is None:
        X, _ = make_interactions(30_000, 40_000, mean_activity=27, random_state=0)
    else:
        X = load_likes(arguments.likes, user=arguments.user, item=arguments.item).data
    matrix = peer_matrix(to_matrix(X)[0])
    K, n_jobs = arguments.n_components, arguments.n_jobs
    common = {"n_components": K, "n_jobs": n_jobs, "random_state": 0}
    WRMFRecommender(max_iter=1, **common).fit(X.iloc[:1000])  # compiles
    WARPRecommender(max_iter=1, regularization=1e-9, **common).fit(X.iloc[:1000])
    with threadpool_limits(1, "blas"):
        rows = {
            "WRMF iteration, implicit's CG": compare(
                lambda: our_epochs(WRMFRecommender(alpha=20, regularization=0.1, max_iter=8, **common), X),
                lambda: implicit_epochs(matrix, K, n_jobs, 9),
                arguments.rounds,
            ),
            "WRMF exact iteration, implicit's CG": compare(
                lambda: our_epochs(
                    WRMFRecommender(alpha=20, regularization=0.1, max_iter=8, solver="cholesky", **common), X
                ),
                lambda: implicit_epochs(matrix, K, n_jobs, 9),
                arguments.rounds,
            ),
            "WARP epoch (of 20), LightFM's": compare(
                lambda: our_epochs(WARPRecommender(max_iter=20, **common), X),
                lambda: lightfm_epochs(matrix, K, n_jobs, 20),
                arguments.rounds,
            ),
        }
    peers = ", ".join(f"{name} {version(name)}" for name in ("implicit", "rectools-lightfm", "numba", "numpy"))
    print(f"{matrix.nnz} interactions, {matrix.shape[0]} x {matrix.shape[1]}, K={K}, {n_jobs} threads")
    print(f"{peers}; Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    print(pd.DataFrame(rows).T.round(3).to_string())


if __name__ == "__main__":
    main()
