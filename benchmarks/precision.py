"""Precision@5 of WRMF and WARP beside implicit and LightFM at equal settings, over several splits.

    python benchmarks/quality.py ../shared/data/citeulike-a/likes.psv --splits 5

Likes after 5/5 thresholding, 5 items held out for 20 % of the users. Every model is judged by the same
code: the peers' factors are put into a fitted recommender of ours. Needs the extra [engines].
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # implicit warns otherwise

import numpy as np
import pandas as pd
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from lightfm import LightFM

from sklearn_recsketch import PopularityRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import load_likes
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions

THREADS = 2


def peer_matrix(matrix: sp.csr_array) -> sp.csr_matrix:
    """The form that both peers take: int32 indices, the old matrix class."""
    arrays = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    return sp.csr_matrix(arrays, shape=matrix.shape)


def with_factors(recommender, user_factors, item_factors, item_biases=None):
    """A fitted recommender with somebody else's factors."""
    recommender.user_factors_ = np.ascontiguousarray(user_factors, dtype=np.float32)
    recommender.item_factors_ = np.ascontiguousarray(item_factors, dtype=np.float32)
    if item_biases is not None:
        recommender.item_biases_ = np.asarray(item_biases, dtype=np.float32)
    return recommender


def run(train: pd.DataFrame, seed: int) -> dict[str, tuple[object, float]]:
    """Fit all models; returns them with the seconds of the fit alone."""
    models: dict[str, tuple[object, float]] = {}

    def timed(name, fit, wrap=lambda model: model):
        start = time.perf_counter()
        model = fit()
        seconds = time.perf_counter() - start
        models[name] = (wrap(model), seconds)

    wrmf = WRMFRecommender(128, alpha=50, regularization=10, max_iter=15, n_jobs=THREADS, random_state=seed)
    warp = WARPRecommender(128, learning_rate=0.05, regularization=1e-4, max_iter=60, n_jobs=THREADS, random_state=seed)
    timed("popularity", lambda: PopularityRecommender().fit(train))
    timed("WRMF", lambda: wrmf.fit(train))
    timed("WARP", lambda: warp.fit(train))
    matrix = peer_matrix(wrmf.interactions_)
    confidence = matrix.copy()
    confidence.data = 1 + 50 * confidence.data

    shells = WRMFRecommender(128, max_iter=1).fit(train), WARPRecommender(128, max_iter=1).fit(train)
    als = AlternatingLeastSquares(
        factors=128, regularization=10, alpha=1, iterations=15, num_threads=THREADS, random_state=seed
    )

    def fit_implicit():
        als.fit(confidence, show_progress=False)
        return als

    timed("implicit", fit_implicit, lambda peer: with_factors(shells[0], peer.user_factors, peer.item_factors))
    lightfm = LightFM(
        no_components=128, loss="warp", learning_rate=0.05, user_alpha=1e-4, item_alpha=1e-4, random_state=seed
    )
    timed(
        "LightFM",
        lambda: lightfm.fit(matrix, epochs=60, num_threads=THREADS),
        lambda peer: with_factors(shells[1], peer.user_embeddings, peer.item_embeddings, peer.item_biases),
    )
    return models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("likes")
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    X = threshold_interactions(load_likes(arguments.likes).data)
    for recommender in (WRMFRecommender, WARPRecommender):
        recommender(2, max_iter=1).fit(X.iloc[:100])  # compiles
    print(describe_interactions(X).to_string())
    rows = []
    for seed in range(arguments.splits):
        train, test = next(UserHoldoutSplit(random_state=seed).split(X))
        for name, (model, seconds) in run(X.iloc[train], seed).items():
            rows.append(
                {
                    "model": name,
                    "seed": seed,
                    "precision@5": make_ranking_scorer("precision@5")(model, X.iloc[test]),
                    "seen included": make_ranking_scorer("precision@5", exclude_seen=False)(model, X.iloc[test]),
                    "seconds": seconds,
                }
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).groupby("model", sort=False).agg(["mean", "sem"]).drop(columns="seed")
    print(table.round(4).to_string())


if __name__ == "__main__":
    main()
