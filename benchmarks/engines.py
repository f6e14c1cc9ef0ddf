"""Comparison of our kernels and the engines implicit and LightFM in the same estimators, on citeulike-a.

    python benchmarks/engines.py [--only objective] [--only ranking] [--only negatives]

Interactions after 5/5 thresholding. The time of a fit with an engine includes our computation of the loss. Requires the
extra [bench] and the data.
"""

from __future__ import annotations

import time

import pandas as pd
from common import citeulike, gowalla, machine, markdown, publish, run_parts
from sklearn.base import clone

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions

THREADS, K, SEEDS = 2, 64, 5
CONVERGENCE = {"max_iter": 1000, "tol": 1e-6}
RANKERS = {
    "WARP, regularization 0": WARPRecommender(K, learning_rate=0.05, regularization=0.0, max_iter=30),
    "WARP": WARPRecommender(K),
    "BPR, 30 epochs": BPRRecommender(K, negative_sampling="popularity", learning_rate=0.1, max_iter=30),
    "BPR, 60 epochs": BPRRecommender(K, negative_sampling="popularity", learning_rate=0.05, max_iter=60),
}


def overlap(one, other, k: int = 10) -> float:
    """Mean fraction of a user's k recommended items that both models recommend."""
    pairs = [set(map(tuple, rec.recommend(k=k)[["user", "item"]].to_numpy())) for rec in (one, other)]
    return len(pairs[0] & pairs[1]) / len(pairs[0])


def objective() -> None:
    """Compare losses and lists of WRMF, trained until an iteration reduces L by less than a millionth."""
    X = threshold_interactions(citeulike())
    rows = []
    for solver in ("cholesky", "cg"):
        rec = WRMFRecommender(
            K, alpha=40, regularization=10, solver=solver, random_state=0, n_jobs=THREADS, **CONVERGENCE
        )
        ours, peer = (clone(rec).set_params(engine=engine).fit(X) for engine in ("native", "implicit"))
        losses = ours.loss_curve_[-1], peer.loss_curve_[-1]
        rows.append(
            {
                "solver": solver,
                "sweeps, ours": ours.n_iter_,
                "sweeps, implicit": peer.n_iter_,
                "L, ours": f"{losses[0]:.7g}",
                "L, implicit": f"{losses[1]:.7g}",
                "relative difference": f"{abs(losses[0] / losses[1] - 1):.1e}",
                "overlap@10": f"{overlap(ours, peer):.3f}",
            }
        )
        print(rows[-1], flush=True)
    publish(
        "engines objective",
        f"{K} components, alpha 40, regularization 10, from the same initial vectors. "
        f"{machine('implicit')}\n\n{markdown(pd.DataFrame(rows))}",
    )


def ranking() -> None:
    """Compare precision@5 and the time of a fit for WARP and BPR, over several splits and seeds."""
    X = threshold_interactions(citeulike())
    scorer = make_ranking_scorer("precision@5")
    rows = []
    for seed in range(SEEDS):
        train, test = next(UserHoldoutSplit(random_state=seed).split(X))
        for name, ranker in RANKERS.items():
            scores = {}
            for engine in ("native", "lightfm"):
                rec = clone(ranker).set_params(engine=engine, random_state=seed, n_jobs=THREADS)
                start = time.perf_counter()
                rec.fit(X.iloc[train])
                scores[f"s {engine}"] = time.perf_counter() - start
                scores[engine] = scorer(rec, X.iloc[test])
            rows.append({"model": name, **scores})
            print(rows[-1], flush=True)
    table = []
    for name, seeds in pd.DataFrame(rows).groupby("model", sort=False):
        difference = seeds["native"] - seeds["lightfm"]  # on the same split
        table.append(
            {
                "model": name,
                **{
                    engine: f"{seeds[engine].mean():.4f} +- {seeds[engine].sem():.4f}"
                    for engine in ("native", "lightfm")
                },
                "difference": f"{difference.mean():+.4f} +- {difference.sem():.4f}",
                "s, native": f"{seeds['s native'].median():.2f}",
                "s, lightfm": f"{seeds['s lightfm'].median():.1f}",
            }
        )
    publish(
        "engines ranking",
        f"{K} components, {THREADS} threads, means and standard errors of {SEEDS} splits and seeds. "
        f"{machine('lightfm-next')}\n\n{markdown(pd.DataFrame(table))}",
    )


def negatives() -> None:
    """Compare uniform and popularity-based negative sampling in BPR with our kernels."""
    X = threshold_interactions(citeulike())
    train, test = next(UserHoldoutSplit(random_state=0).split(X))
    sets = {"citeulike-a": (X.iloc[train], X.iloc[test])}
    if (likes := gowalla()).name == "Gowalla":
        sets["Gowalla"] = likes.train, likes.test
    scorer = make_ranking_scorer(["precision@5", "ndcg@20"])
    rows = []
    for name, (known, held_out) in sets.items():
        for max_iter, learning_rate in ((30, 0.1), (60, 0.05)):
            for sampling in ("uniform", "popularity"):
                model = BPRRecommender(
                    K, negative_sampling=sampling, learning_rate=learning_rate, max_iter=max_iter, random_state=0
                )
                scores = scorer(model.fit(known), held_out)
                row = {"data": name, "epochs": max_iter, "learning_rate": learning_rate, "negative_sampling": sampling}
                rows.append(row | {metric: f"{value:.4f}" for metric, value in scores.items()})
                print(rows[-1], flush=True)
    publish("engines negatives", f"{K} components, one seed. {machine()}\n\n{markdown(pd.DataFrame(rows))}")


if __name__ == "__main__":
    run_parts(__doc__, {"objective": objective, "ranking": ranking, "negatives": negatives})
