"""Train models of several libraries on the same matrix, and time their epochs."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from cmfrec import CMF_implicit
from common import Trained
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from irspack.recommenders.ials import IALSRecommender
from lightfm import LightFM
from skrecsys.recommendation import BayesianPersonalizedRanking as SkrecsysBPR
from threadpoolctl import threadpool_limits


class EpochTimes:
    """Callback that records the seconds of each epoch, without evaluation."""

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


def plain_csr(matrix: sp.csr_array) -> sp.csr_matrix:
    """Convert to a sparse matrix (not array) with int32 indices, which all libraries accept."""
    arrays = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    return sp.csr_matrix(arrays, shape=matrix.shape)


def ours(model, X: pd.DataFrame) -> Trained:
    """Train a recommender of this package."""
    times = EpochTimes()
    model.set_callbacks(times).fit(X)
    return Trained(times.seconds, model.user_factors_, model.item_factors_, getattr(model, "item_biases_", None))


def implicit_als(
    matrix: sp.csr_matrix, K: int, n_jobs: int, epochs: int, alpha, regularization, seed: int = 0, **options
) -> Trained:
    """Train implicit's ALS on the confidences 1 + alpha d, which it expects as its input."""
    confidence = matrix.copy()
    confidence.data = (1 + alpha * confidence.data).astype(np.float32)
    seconds: list[float] = []
    with threadpool_limits(1, "blas"):  # as implicit recommends
        model = AlternatingLeastSquares(
            factors=K,
            regularization=regularization,
            alpha=1,
            iterations=epochs,
            num_threads=n_jobs,
            random_state=seed,
            **options,
        )
        model.fit(confidence, show_progress=False, callback=lambda _, elapsed, loss: seconds.append(elapsed))
    return Trained(seconds, model.user_factors, model.item_factors)


def irspack_als(matrix: sp.csr_matrix, K: int, n_jobs: int, epochs: int, alpha, regularization, solver) -> Trained:
    """Train irspack's iALS on the same objective divided by alpha, without frequency scaling."""
    recommender = IALSRecommender(
        matrix,
        n_components=K,
        alpha0=1 / alpha,
        reg=regularization / alpha,
        nu=0,
        loss_type="ORIGINAL",
        solver_type=solver,
        n_threads=n_jobs,
        train_epochs=epochs,
    )
    trainer = recommender._create_trainer()
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        trainer.run_epoch()
        seconds.append(time.perf_counter() - start)
    return Trained(seconds, trainer.core_trainer.user, trainer.core_trainer.item)


def lightfm(
    matrix: sp.csr_matrix, K: int, n_jobs: int, epochs: int, loss: str, seed: int = 0, item_features=None, **options
) -> Trained:
    """Train LightFM with `options` and otherwise default parameters."""
    model = LightFM(no_components=K, loss=loss, random_state=seed, **options)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        model.fit_partial(matrix, item_features=item_features, epochs=1, num_threads=n_jobs)
        seconds.append(time.perf_counter() - start)
    biases, items = model.get_item_representations(item_features)
    return Trained(seconds, model.user_embeddings, items, biases)


def cmfrec_implicit(matrix: sp.csr_matrix, tags: sp.csr_matrix, K: int, n_jobs: int, epochs: int, **options) -> Trained:
    """Train cmfrec's collective factorization of interactions and tags; tags represent items without interactions."""
    model = CMF_implicit(k=K, niter=epochs, use_cg=True, nthreads=n_jobs, verbose=False, center_I=False, **options)
    likes, features = (sp.coo_matrix(part, dtype=np.float64) for part in (matrix, tags))
    start = time.perf_counter()
    model.fit(X=likes, I=features)
    return Trained([(time.perf_counter() - start) / epochs] * epochs, model.A_, model.B_)


def implicit_bpr(matrix: sp.csr_matrix, K: int, n_jobs: int, epochs: int) -> Trained:
    """Train implicit's BPR with default parameters. The last component is the bias of items, and 1 for users."""
    seconds: list[float] = []
    model = BayesianPersonalizedRanking(factors=K, iterations=epochs, num_threads=n_jobs, random_state=0)
    model.fit(matrix, show_progress=False, callback=lambda _, elapsed, *rest: seconds.append(elapsed))
    users, items = model.user_factors, model.item_factors
    assert (users[:, -1] == 1).all()
    return Trained(seconds, users[:, :-1], items[:, :-1], items[:, -1])


def skrecsys_bpr(X: pd.DataFrame, K: int, n_jobs: int, epochs: int) -> Trained:
    """Train skrecsys' BPR with default parameters. It has no callbacks, so the times of two fits are subtracted."""
    seconds = []
    for n in (1, 1 + epochs):
        model = SkrecsysBPR(n_factors=K, max_iter=n, n_jobs=n_jobs, random_state=0)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X.to_numpy())
        seconds.append(time.perf_counter() - start)
    per_epoch = (seconds[1] - seconds[0]) / epochs
    # The rows of our recommenders are sorted by id.
    users, items = np.argsort(model.user_ids_), np.argsort(model.item_ids_)
    vectors = model.user_factors_[users], model.item_factors_[items]
    return Trained([per_epoch] * epochs, *vectors, model.item_bias_[items])
