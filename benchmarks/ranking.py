"""Speed of ranking and evaluation compared to other libraries, and memory of ranking for a million users.

python benchmarks/ranking.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import contestants
import numpy as np
import pandas as pd
from common import Likes, PeakMemory, alternate, compare_seconds, gowalla, machine, markdown, publish, timed
from implicit.cpu.als import AlternatingLeastSquares
from lightfm import LightFM
from lightfm.evaluation import precision_at_k
from skrecsys.recommendation import BayesianPersonalizedRanking
from threadpoolctl import threadpool_limits

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.kernels._topk import BLOCK, TILE
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.preprocessing import to_matrix
from sklearn_recsketch.utils._threads import Workers, even_ranges, workers

N_JOBS = 2


def bare_gemm(users: np.ndarray, items: np.ndarray, pool: Workers) -> None:
    """Compute all scores in blocks of the size that the ranking kernel uses, and discard them."""
    tiles = [np.ascontiguousarray(items[a:b].T) for a, b in even_ranges(len(items), TILE)]

    def part(task: tuple[int, int]) -> None:
        scores = np.empty((BLOCK, TILE), np.float32)
        for a, b in even_ranges(task[1] - task[0], BLOCK):
            block = users[task[0] + a : task[0] + b]
            for tile in tiles:
                np.dot(block, tile, out=scores if len(block) == BLOCK and tile.shape[1] == TILE else None)

    pool.map(part, even_ranges(len(users), 4 * BLOCK))


def check(users, items, seen, best, scores) -> None:
    """Compare the lists of some users to a brute-force search."""
    chosen = np.random.default_rng(0).choice(len(users), 500, replace=False)
    full = users[chosen] @ items.T
    full[seen[chosen].toarray() > 0] = -np.inf
    expected = -np.sort(-full, axis=1)[:, : best.shape[1]]
    np.testing.assert_allclose(scores[chosen], expected, rtol=1e-4)
    same = np.argsort(-full, axis=1, kind="stable")[:, : best.shape[1]] == best[chosen]
    assert same.mean() > 0.999, same.mean()  # rounding decides the order of scores that differ by one ulp


def compare_top(data: Likes, K: int, rounds: int) -> pd.DataFrame:
    matrix = contestants.plain_csr(to_matrix(data.train)[0])
    model = WRMFRecommender(K, alpha=20, regularization=0.1, n_jobs=N_JOBS, random_state=0).fit(data.train)
    users, items, seen = model.user_factors_, model.item_factors_, model.interactions_
    equal_norms = items / np.maximum(np.linalg.norm(items, axis=1, keepdims=True), 1e-12)
    with threadpool_limits(1, "blas"):
        peer = AlternatingLeastSquares(factors=K, num_threads=N_JOBS)
    peer.user_factors, peer.item_factors = users, items
    other = BayesianPersonalizedRanking(n_factors=K, max_iter=0, n_jobs=N_JOBS).fit(data.train.to_numpy())
    rows = np.searchsorted(model.users_, other.user_ids_), np.searchsorted(model.items_, other.item_ids_)
    other.user_factors_, other.item_factors_ = users[rows[0]].astype(float), items[rows[1]].astype(float)
    all_users, few = np.arange(len(users)), np.arange(100)
    peer_lists = (
        peer.recommend(few, matrix[few], N=20, filter_already_liked_items=True)[1],
        other.recommend(model.users_[few], n_recommendations=20)[1],
    )
    with workers(N_JOBS) as pool:
        top_items(users[:10], items, seen[:10], 20, pool)  # compiles the kernels
        best, scores = top_items(users, items, seen, 20, pool)
        check(users, items, seen, best, scores)
        for lists in peer_lists:  # the same factors must result in the same lists
            np.testing.assert_allclose(lists, scores[few], rtol=1e-3)
        runs = {
            "top_items": lambda: top_items(users, items, seen, 20, pool),
            "implicit": lambda: peer.recommend(all_users, matrix, N=20, filter_already_liked_items=True),
            "skrecsys": lambda: other.recommend(other.user_ids_, n_recommendations=20),
            "bare GEMM": lambda: bare_gemm(users, items, pool),
            "top_items, items of equal norm": lambda: top_items(users, equal_norms, seen, 20, pool),
        }
        seconds = alternate({name: partial(timed, run) for name, run in runs.items()}, rounds)
    pairs = [("top_items", name) for name in ("implicit", "skrecsys", "bare GEMM")]
    table = compare_seconds(seconds, [*pairs, ("top_items, items of equal norm", "bare GEMM")])
    table.insert(2, "components", K)
    return table


def compare_scorers(data: Likes, rounds: int) -> str:
    model = WARPRecommender(64, max_iter=5, n_jobs=N_JOBS, random_state=0).fit(data.train)
    train = contestants.plain_csr(model.interactions_)
    peer = LightFM(no_components=64, loss="warp", random_state=0).fit(train, epochs=5, num_threads=N_JOBS)
    test = to_matrix(data.test[data.test.iloc[:, 1].isin(model.items_)], users=model.users_, items=model.items_)[0]
    test = contestants.plain_csr(test)
    scorer = make_ranking_scorer("precision@5")
    seconds = alternate(
        {
            'make_ranking_scorer("precision@5")': lambda: timed(lambda: scorer(model, data.test)),
            "LightFM precision_at_k": lambda: timed(
                lambda: precision_at_k(peer, test, train_interactions=train, k=5, num_threads=N_JOBS)
            ),
        },
        rounds,
    )
    table = compare_seconds(seconds, [('make_ranking_scorer("precision@5")', "LightFM precision_at_k")])
    return f"Evaluation of all users with held-out items, {rounds} rounds.\n\n{markdown(table)}"


def peak_memory() -> None:
    """Print the MiB of a model of a million users and 100,000 items, and the peak while ranking for all users."""
    rng = np.random.default_rng(0)
    n_users, n_items = 1_000_000, 100_000
    X = pd.DataFrame({"user": np.arange(2 * n_users) % n_users, "item": rng.integers(0, n_items, 2 * n_users)})
    model = WRMFRecommender(32, max_iter=2, n_jobs=N_JOBS, random_state=0).fit(X)
    with PeakMemory() as memory:
        start = time.perf_counter()
        for a, b in even_ranges(n_users, 50_000):
            model.recommend(model.users_[a:b], k=20)
    print(memory.before, memory.peak, time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="only measure memory")
    arguments = parser.parse_args()
    if arguments.memory:
        peak_memory()
        return
    warnings.simplefilter("ignore")  # raised by the other libraries
    data = gowalla()
    top = pd.concat([compare_top(data, K, arguments.rounds) for K in (64, 128)])
    head = f"{data.name}. Top 20 of all items for all users, seen items left out, {arguments.rounds} rounds."
    tables = [f"{head}\n\n{markdown(top)}", compare_scorers(data, arguments.rounds)]
    output = subprocess.run(
        [sys.executable, Path(__file__), "--memory"], check=True, capture_output=True, text=True
    ).stdout
    before, after, seconds = map(float, output.split())
    tables.append(
        f"`recommend(k=20)` for 1,000,000 users x 100,000 items, 32 components, 50,000 users a call: "
        f"{after - before:.0f} MiB above the {before:.0f} MiB of process, data and model, {seconds:.0f} s."
    )
    publish("ranking", "\n\n".join([machine("implicit", "lightfm-next", "skrecsys"), *tables]))


if __name__ == "__main__":
    main()
