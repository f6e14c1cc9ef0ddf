"""Seconds of an iteration or epoch, compared to other libraries.

    python benchmarks/training.py [--rounds 5] [--only WRMF]

All libraries run alternately: the speed of a machine varies over time, so only ratios within a run are meaningful.
Requires the extra [bench].
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import contestants
import numpy as np
import pandas as pd
from common import (
    Likes,
    Trained,
    alternate,
    compare_seconds,
    evaluate,
    gowalla,
    machine,
    markdown,
    publish,
    with_factors,
)

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.preprocessing import to_matrix

ALPHA, REGULARIZATION = 20, 0.1
CG, EXACT = 'WRMF(solver="auto")', 'WRMF(solver="cholesky")'
# Numbers of components, of iterations with conjugate gradient, and of iterations with exact solvers.
SIZES = ((64, 15, 8), (128, 12, 5), (512, 5, 0))


def objective(matrix, trained: Trained) -> float:
    """Objective L of WRMF, in float64."""
    users, items = trained.users.astype(np.float64), trained.items.astype(np.float64)
    rows, columns = matrix.nonzero()
    scores = np.concatenate(
        [
            np.einsum("ik,ik->i", users[rows[a : a + 100_000]], items[columns[a : a + 100_000]])
            for a in range(0, len(rows), 100_000)
        ]
    )
    return float(
        np.vdot(users.T @ users, items.T @ items)
        + ((1 + ALPHA) * (1 - scores) ** 2 - scores**2).sum()
        + REGULARIZATION * (np.vdot(users, users) + np.vdot(items, items))
    )


class Contestant:
    """Contestant that keeps the result of its last training."""

    def __init__(self, train: Callable[[], Trained], skip: int = 1) -> None:
        self._train, self._skip = train, skip
        self.trained: Trained | None = None

    def __call__(self) -> float:
        """Train, and return the median seconds of an epoch without the first ones."""
        self.trained = self._train()
        return float(np.median(self.trained.seconds[self._skip :]))


def compare_wrmf(data: Likes, n_jobs: int, rounds: int) -> str:
    matrix = contestants.plain_csr(to_matrix(data.train)[0])
    parts = []
    for K, steps, exact_steps in SIZES:
        setting = {"alpha": ALPHA, "regularization": REGULARIZATION}
        common = {**setting, "n_jobs": n_jobs, "random_state": 0}

        def native(solver, n, K=K, common=common):
            return Contestant(
                lambda: contestants.ours(WRMFRecommender(K, solver=solver, max_iter=n, **common), data.train)
            )

        def implicit(n, K=K, setting=setting, **options):
            return Contestant(lambda: contestants.implicit_als(matrix, K, n_jobs, n, **setting, **options))

        def irspack(solver, n, K=K, setting=setting):
            return Contestant(lambda: contestants.irspack_als(matrix, K, n_jobs, n, **setting, solver=solver))

        runs = {CG: native("auto", steps), "implicit, CG": implicit(steps), "irspack, CG": irspack("CG", steps)}
        pairs = [(CG, "implicit, CG"), (CG, "irspack, CG")]
        if exact_steps:
            runs |= {
                EXACT: native("cholesky", exact_steps),
                "implicit, Cholesky": implicit(exact_steps, use_cg=False),
                "irspack, Cholesky": irspack("CHOLESKY", exact_steps),
            }
            pairs += [(EXACT, "implicit, Cholesky"), (EXACT, "irspack, Cholesky")]
        seconds = alternate(runs, rounds)
        shell = WRMFRecommender(K, max_iter=1, n_jobs=n_jobs).fit(data.train)
        quality = pd.DataFrame(
            [
                {
                    "": name,
                    "iterations": len(run.trained.seconds),
                    "L": f"{objective(matrix, run.trained):.6g}",
                    "ndcg@20": f"{evaluate(with_factors(shell, run.trained), data.test)['ndcg@20']:.4f}",
                }
                for name, run in runs.items()
            ]
        )
        parts.append(f"{K} components:\n\n{markdown(compare_seconds(seconds, pairs))}\n\n{markdown(quality)}")
        print(parts[-1], flush=True)
    setting = f"alpha={ALPHA}, regularization={REGULARIZATION}, {n_jobs} threads, {rounds} rounds"
    head = f"{data.name}. Seconds per iteration, {setting}. {machine('implicit', 'irspack')}"
    return "\n\n".join([head, *parts])


def compare_warp(data: Likes, rounds: int) -> str:
    matrix = contestants.plain_csr(to_matrix(data.train)[0])
    shell = WARPRecommender(64, max_iter=1, n_jobs=2).fit(data.train)
    parts = []
    for draws, n_jobs in ((10, 2), (10, 1), (60, 2), (60, 1)):
        epochs = 20 if draws == 10 else 10
        common = {"n_jobs": n_jobs, "max_iter": epochs, "max_sampled": draws, "regularization": 0}
        quality: dict[str, list[float]] = {"WARP": [], "LightFM": []}
        seeds = iter(range(2 * rounds))  # both contestants of a round use the same seed

        def run(name, train, n_jobs=n_jobs, quality=quality, seeds=seeds):
            def timed() -> float:
                trained = train(next(seeds) // 2)
                quality[name].append(evaluate(with_factors(shell, trained), data.test)["ndcg@20"])
                return float(np.median(trained.seconds))

            return timed

        seconds = alternate(
            {
                "WARP": run(
                    "WARP",
                    lambda seed, common=common: contestants.ours(
                        WARPRecommender(64, random_state=seed, **common), data.train
                    ),
                ),
                "LightFM": run(
                    "LightFM",
                    lambda seed, n_jobs=n_jobs, draws=draws, epochs=epochs: contestants.lightfm(
                        matrix, 64, n_jobs, epochs, "warp", seed, max_sampled=draws
                    ),
                ),
            },
            rounds,
        )
        table = compare_seconds(seconds, [("WARP", "LightFM")])
        for name, scores in quality.items():
            table[f"ndcg@20, {name}"] = f"{np.mean(scores):.4f} +- {np.std(scores, ddof=1) / np.sqrt(rounds):.4f}"
        table.insert(2, "draws", draws)
        table.insert(3, "epochs", epochs)
        table.insert(4, "threads", n_jobs)
        parts.append(table)
    text = (
        f"{data.name}. Seconds per WARP epoch, medians over the epochs, 64 components, learning rate 0.05, no "
        f"regularization; {rounds} rounds, one seed each."
    )
    return text + "\n\n" + markdown(pd.concat(parts))


def compare_bpr(data: Likes, n_jobs: int, rounds: int) -> str:
    matrix = contestants.plain_csr(to_matrix(data.train)[0])
    runs = {
        "BPR": Contestant(
            lambda: contestants.ours(BPRRecommender(64, max_iter=10, n_jobs=n_jobs, random_state=0), data.train)
        ),
        "implicit": Contestant(lambda: contestants.implicit_bpr(matrix, 64, n_jobs, 10)),
        "LightFM": Contestant(lambda: contestants.lightfm(matrix, 64, n_jobs, 10, "bpr")),
        "skrecsys": Contestant(lambda: contestants.skrecsys_bpr(data.train, 64, n_jobs, 10)),
    }
    seconds = alternate(runs, rounds)
    table = compare_seconds(seconds, [("BPR", peer) for peer in list(runs)[1:]])
    shell = BPRRecommender(64, max_iter=1, n_jobs=n_jobs).fit(data.train)
    quality = [
        {"": name, "ndcg@20": f"{evaluate(with_factors(shell, run.trained), data.test)['ndcg@20']:.4f}"}
        for name, run in runs.items()
    ]
    head = (
        f"{data.name}. Seconds per BPR epoch, 64 components, 10 epochs, {n_jobs} threads, {rounds} rounds, each with "
        f"its default learning rate, regularization and negative sampling, so epochs are not equivalent."
    )
    return f"{head}\n\n{markdown(table)}\n\n{markdown(pd.DataFrame(quality))}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["WRMF", "WARP", "BPR"])
    arguments = parser.parse_args()
    data = gowalla()
    few = data.train.iloc[:1000]
    for recommender in (WRMFRecommender, WARPRecommender, BPRRecommender):
        recommender(64, max_iter=1, n_jobs=arguments.n_jobs).fit(few)  # compiles the kernels
    print(f"{len(data.train)} interactions. {machine('implicit', 'irspack', 'lightfm-next', 'skrecsys')}")
    comparisons = {
        "WRMF": lambda: compare_wrmf(data, arguments.n_jobs, arguments.rounds),
        "WARP": lambda: compare_warp(data, arguments.rounds),
        "BPR": lambda: compare_bpr(data, arguments.n_jobs, arguments.rounds),
    }
    for name, compare in comparisons.items():
        if arguments.only in (None, name):
            publish(name, compare())


if __name__ == "__main__":
    main()
