"""Threads share a fitted model, and fits in other threads and processes give the same model."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import numpy as np
import pandas as pd
import pytest
from estimators import WITH_FACTORS, small
from sklearn.base import clone

from sklearn_recsketch import WRMFRecommender

N_THREADS = 16
RECOMMENDERS = pytest.mark.parametrize("recommender", small(), ids=lambda recommender: type(recommender).__name__)


def trained(recommender):
    """Arrays that training computes, by name."""
    names = ("user_factors_", "item_factors_", "item_biases_", "loss_curve_")
    return {name: getattr(recommender, name) for name in names if hasattr(recommender, name)}


def assert_same_model(found, expected):
    for name, array in trained(expected).items():
        np.testing.assert_array_equal(trained(found)[name], array, err_msg=name)


@RECOMMENDERS
def test_threads_query_a_model_while_others_fit_and_update(recommender, planted):
    X, y, _ = planted
    model = clone(recommender).fit(X, y)
    users, items = np.array_split(model.users_, N_THREADS), np.array_split(model.items_, N_THREADS)

    def query(n):
        of_users = X["user"].isin(users[n])
        return (
            model.recommend(users[n], k=5),
            model.recommend(history=X[of_users], k=5),
            model.similar_items(items[n], k=5),
            pd.Series(model.predict(X[of_users])),
        )

    def fitted():
        return clone(recommender).set_params(random_state=1).fit(X[::2], y[::2])

    def updated():
        return clone(recommender).fit(X[::2], y[::2]).partial_fit(X[1::2], y[1::2])

    expected, expected_fit, expected_update = [query(n) for n in range(N_THREADS)], fitted(), updated()
    start = threading.Barrier(N_THREADS + 2)

    def at_once(function, *args):
        start.wait(60)
        return [function(*args) for _ in range(2)]

    with ThreadPoolExecutor(N_THREADS + 2) as pool:
        of_fit, of_update = pool.submit(at_once, fitted), pool.submit(at_once, updated)
        of_queries = list(pool.map(lambda n: at_once(query, n), range(N_THREADS)))
    for n, repeated in enumerate(of_queries):
        for results in repeated:
            for found, table in zip(results, expected[n]):
                assert found.equals(table)
    for found, model in ((of_fit, expected_fit), (of_update, expected_update)):
        for result in found.result():
            assert_same_model(result, model)


@RECOMMENDERS
def test_fits_in_a_thread_pool_give_the_same_model(recommender, planted):
    X, y, _ = planted
    expected = clone(recommender).fit(X, y)
    with ThreadPool(3) as pool:
        models = pool.map(lambda _: clone(recommender).fit(X, y), range(6))
    for model in models:
        assert_same_model(model, expected)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=[] if method == "fork" else pytest.mark.slow)
        for method in multiprocessing.get_all_start_methods()
    ],
)
def test_fits_in_processes_give_the_same_models_after_a_fit_with_threads(method, planted):
    X, y, _ = planted
    WRMFRecommender(4, max_iter=2, n_jobs=3, random_state=0).fit(X, y)
    expected = [clone(recommender).fit(X, y) for recommender in small()]
    with multiprocessing.get_context(method).Pool(1) as pool:
        models = [pool.apply_async(clone(recommender).fit, (X, y)).get(120) for recommender in small()]
    assert len(models) == len(WITH_FACTORS)
    for found, model in zip(models, expected):
        assert_same_model(found, model)
