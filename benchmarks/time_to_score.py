"""Seconds of training until WARP reaches a score, compared to LightFM.

    python benchmarks/time_to_score.py [--search] [--rounds 5]

Both libraries train until nDCG@20 on Gowalla's test split is 0.125, with 64 components. The parameters below were
chosen by --search, which holds out a tenth of the training rows and does not use the test split. Requires the extra
[bench].
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import contestants
import numpy as np
import pandas as pd
from common import Likes, evaluate, gowalla, machine, markdown, publish, with_factors
from contestants import EpochTimes
from lightfm import LightFM

from sklearn_recsketch import WARPRecommender
from sklearn_recsketch.model_selection import EpochCurveMonitor
from sklearn_recsketch.preprocessing import to_matrix

K, THREADS, TARGET, MOST_EPOCHS = 64, 2, 0.125, 30
# On held-out training rows, all scores are lower, because the users have fewer held-out items.
SEARCH_TARGET = 0.0955
CHOSEN = {
    "WARP": {"max_sampled": 128, "learning_rate": 0.05, "regularization": 0.2},
    "LightFM": {"max_sampled": 120, "learning_rate": 0.05},
}
SEARCHED = {
    "WARP": [
        {"max_sampled": 128, "learning_rate": rate, "regularization": regularization}
        for rate, regularization in ((0.05, 0.2), (0.1, 0.2), (0.2, 0.2), (0.2, 0))
    ],
    "LightFM": [{"max_sampled": draws, "learning_rate": rate} for draws, rate in ((60, 0.05), (120, 0.05), (120, 0.1))],
}


def ours(data: Likes, target: float, seed: int, **parameters) -> tuple[float, int] | None:
    """Return the seconds and epochs until the target, or None. Scores are computed in a fit that is not timed."""
    model = WARPRecommender(K, max_iter=MOST_EPOCHS, n_jobs=THREADS, random_state=seed, **parameters)
    monitor = EpochCurveMonitor("ndcg@20", data.test)
    model.set_callbacks(monitor).fit(data.train)
    reached = np.flatnonzero(monitor.curves()["validation_ndcg@20"] >= target)
    if not len(reached):
        return None
    n_epochs, times = int(reached[0]) + 1, EpochTimes()
    model.set_params(max_iter=n_epochs).set_callbacks(times).fit(data.train)
    return sum(times.seconds), n_epochs


def lightfm(data: Likes, target: float, seed: int, **parameters) -> tuple[float, int] | None:
    """Return the seconds and epochs until the target, or None. Scores are computed between the timed epochs."""
    matrix = contestants.plain_csr(to_matrix(data.train)[0])
    shell = WARPRecommender(K, max_iter=1, n_jobs=THREADS).fit(data.train)
    model, seconds = LightFM(no_components=K, loss="warp", random_state=seed, **parameters), 0.0
    for epoch in range(1, MOST_EPOCHS + 1):
        start = time.perf_counter()
        model.fit_partial(matrix, epochs=1, num_threads=THREADS)
        seconds += time.perf_counter() - start
        factors = contestants.Trained([], model.user_embeddings, model.item_embeddings, model.item_biases)
        if evaluate(with_factors(shell, factors), data.test)["ndcg@20"] >= target:
            return seconds, epoch
    return None


RUNS: dict[str, Callable[..., tuple[float, int] | None]] = {"WARP": ours, "LightFM": lightfm}


def search(train: pd.DataFrame) -> None:
    held_out = np.random.default_rng(0).random(len(train)) < 0.1
    part = Likes("a tenth held out", train[~held_out], train[held_out])
    for name, candidates in SEARCHED.items():
        for parameters in candidates:
            print(name, parameters, RUNS[name](part, SEARCH_TARGET, 0, **parameters), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    data = gowalla(or_made_up=False)
    WARPRecommender(K, max_iter=1, n_jobs=THREADS).fit(data.train)  # compiles the kernels
    if arguments.search:
        search(data.train)
        return
    found = {name: [] for name in RUNS}
    for seed in range(arguments.rounds):
        for name, run in RUNS.items():
            found[name].append(run(data, TARGET, seed, **CHOSEN[name]))
            print(seed, name, found[name][-1], flush=True)
    rows = []
    for name, results in found.items():
        seconds, epochs = np.transpose([result or (np.nan, np.nan) for result in results])
        text = ", ".join(f"{key}={value}" for key, value in CHOSEN[name].items())
        rows.append(
            {"model": name, "parameters": text, "s": f"{np.median(seconds):.2f}", "epochs": f"{np.median(epochs):g}"}
        )
    ratio = np.median([b[0] / a[0] for a, b in zip(found["WARP"], found["LightFM"], strict=True) if a and b])
    text = (
        f"{data.name}, {K} components, {THREADS} threads, medians over {arguments.rounds} seed(s): seconds of the "
        f"epochs until nDCG@20 is {TARGET}. Ours are counted in one fit and timed in another. LightFM takes "
        f"{ratio:.1f} times as long. "
    )
    publish("time to score", f"{text}{machine('lightfm-next')}\n\n{markdown(pd.DataFrame(rows))}")


if __name__ == "__main__":
    main()
