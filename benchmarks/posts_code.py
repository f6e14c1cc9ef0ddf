"""Timing of the code in two posts by Ethan Rosenthal (2016).

"Intro to Implicit Matrix Factorization: Classic ALS with Sketchfab Models" computes metrics from dense predictions.
"Learning to Rank Sketchfab Models with LightFM" fits one trial after the other.
"""

from __future__ import annotations

import time

import lightfm.evaluation
import numpy as np
import pandas as pd
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from lightfm import LightFM
from threadpoolctl import threadpool_limits


def matrices(train: pd.DataFrame, test: pd.DataFrame) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """User-item matrices of training and test interactions."""
    users, items = np.unique(train["user"]), np.unique(train["item"])

    def matrix(X: pd.DataFrame) -> sp.csr_matrix:
        X = X[X["item"].isin(items)]
        codes = np.searchsorted(users, X["user"]), np.searchsorted(items, X["item"])
        return sp.csr_matrix((np.ones(len(X), np.float32), codes), shape=(len(users), len(items)))

    return matrix(train), matrix(test)


def mean_squared_error(users: np.ndarray, items: np.ndarray, likes: sp.csr_matrix, test_users: np.ndarray) -> float:
    """Mean squared error of all preferences of the test users, after computing the predictions of all users."""
    predicted = users @ items.T
    return float(np.mean((likes[test_users].toarray() - predicted[test_users]) ** 2))


def precision_at_k(
    users: np.ndarray, items: np.ndarray, likes: sp.csr_matrix, test_users: np.ndarray, k: int = 5
) -> float:
    """Precision at k, which sorts the full row of each test user after computing the predictions of all users."""
    predicted = users @ items.T
    precisions = []
    for user in test_users:
        top = np.argsort(-predicted[user])[:k]
        precisions.append(len(set(top) & set(likes[user].indices)) / k)
    return float(np.mean(precisions))


def grid_setting(
    train: sp.csr_matrix, test: sp.csr_matrix, parameters: dict, epochs: list[int], scored: int, n_jobs: int
) -> dict[str, float]:
    """Seconds of a setting of the first post's grid, extrapolated from scoring only some of the checkpoints."""
    test_users = np.flatnonzero(np.diff(test.indptr))
    confidence = train.copy()
    confidence.data = (1 + parameters["alpha"] * confidence.data).astype(np.float32)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=parameters["n_components"],
            regularization=parameters["regularization"],
            alpha=1,
            iterations=epochs[-1],
            num_threads=n_jobs,
            random_state=0,
        )
        start = time.perf_counter()
        model.fit(confidence, show_progress=False)
        fitting = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(scored):
        for likes in (train, test):
            mean_squared_error(model.user_factors, model.item_factors, likes, test_users)
            precision_at_k(model.user_factors, model.item_factors, likes, test_users)
    scoring = (time.perf_counter() - start) / scored
    return {"fit": fitting, "score": scoring, "total": fitting + scoring * len(epochs)}


def lightfm_trial(
    train: sp.csr_matrix,
    test: sp.csr_matrix,
    parameters: dict,
    item_features: sp.csr_matrix | None,
    n_jobs: int,
    run: int,
) -> dict[str, float]:
    """Seconds of a trial of the second post, extrapolated from `run` epochs; later epochs are not faster."""
    model = LightFM(
        no_components=parameters["n_components"],
        loss="warp",
        learning_rate=parameters["learning_rate"],
        user_alpha=parameters["user_regularization"],
        item_alpha=parameters["item_regularization"],
        random_state=2016,
    )
    start = time.perf_counter()
    model.fit(train, item_features=item_features, epochs=run, num_threads=n_jobs)
    epoch = (time.perf_counter() - start) / run
    start = time.perf_counter()
    lightfm.evaluation.precision_at_k(model, test, k=5, item_features=item_features, num_threads=n_jobs)
    scoring = time.perf_counter() - start
    return {"epoch": epoch, "score": scoring, "total": epoch * parameters["max_iter"] + scoring}
