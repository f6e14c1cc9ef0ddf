"""Test pools of threads: order of results, failures, and limits on the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import joblib
import pytest
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_info

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.model_selection import EpochSearchCV
from sklearn_recsketch.utils._threads import at_most_threads, workers


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_results_are_in_the_order_of_the_tasks(n_jobs):
    def first_task_is_slow(task):
        time.sleep(0.002 * (task == 0))
        return task * task

    with workers(n_jobs) as pool:
        assert pool.map(first_task_is_slow, range(20)) == [task * task for task in range(20)]


@pytest.mark.parametrize("failing", [0, 1])
def test_no_task_starts_after_one_has_failed(failing):
    started = []

    def task(number):
        started.append(number)
        if number == failing:
            raise ArithmeticError("one task failed")
        time.sleep(0.01)

    with workers(2) as pool, pytest.raises(ArithmeticError, match="one task failed"):
        pool.map(task, range(100))
    assert len(started) <= 4  # tasks that the two threads may have started before


def test_several_threads_can_map_at_once():
    def map_many(pool, offset, results):
        results[offset] = pool.map(lambda task: task + offset, range(200))

    results = {}
    with workers(2) as pool:
        threads = [threading.Thread(target=map_many, args=(pool, offset, results)) for offset in (0, 1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {offset: [task + offset for task in range(200)] for offset in (0, 1000)}


def blas_threads():
    """Numbers of threads of the BLAS libraries."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_is_limited_to_one_thread_in_any_thread():
    """threadpoolctl 3.8 only lets the first thread set the limit of OpenBLAS."""
    inside = []

    def fit():
        with workers(1):
            inside.append(blas_threads())

    fit()
    thread = threading.Thread(target=fit)
    thread.start()
    thread.join()
    assert inside[0] == inside[1] == [1] * len(inside[0])


def test_the_limit_of_blas_is_restored_after_the_last_of_two_overlapping_pools():
    first_entered, second_entered, first_left, end = (threading.Event() for _ in range(4))

    def first():
        with workers(1):
            first_entered.set()
            second_entered.wait(10)
        first_left.set()
        end.wait(10)

    def second():
        first_entered.wait(10)
        with workers(1):
            second_entered.set()
            first_left.wait(10)

    before = blas_threads()
    threads = [threading.Thread(target=function) for function in (first, second)]
    for thread in threads:
        thread.start()
    threads[1].join()
    after = blas_threads()  # while the first thread is alive
    end.set()
    threads[0].join()
    assert after == before


def pool_size(n_jobs=64):
    with workers(n_jobs) as pool:
        return pool.n_threads


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_pools_of_parallel_tasks_together_do_not_exceed_the_number_of_cores(backend):
    sizes = Parallel(n_jobs=2, backend=backend)(delayed(pool_size)() for _ in range(2))
    assert sum(sizes) <= max(2, joblib.cpu_count())


def test_inner_max_num_threads_limits_pools_in_processes():
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert Parallel()(delayed(pool_size)() for _ in range(2)) == [1, 1]


def test_n_jobs_is_not_limited_outside_parallel_regions():
    assert pool_size(3) == 3
    assert Parallel(n_jobs=1)(delayed(pool_size)(n) for n in (1, 3)) == [1, 3]


def test_at_most_threads_only_affects_its_thread_and_context():
    with at_most_threads(2):
        assert pool_size(3) == 2
        sizes = []
        thread = threading.Thread(target=lambda: sizes.append(pool_size(3)))
        thread.start()
        thread.join()
    assert (sizes, pool_size(3)) == ([3], 3)


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_divides_the_cores_among_its_fits(backend, n_jobs):
    X, _ = make_interactions(60, 30, random_state=0)
    search = EpochSearchCV(
        WRMFRecommender(2, n_jobs=64, random_state=0),
        {"alpha": [1, 10]},
        epochs=[1],
        scoring=lambda estimator, X, y=None: pool_size(),
        n_jobs=n_jobs,
        refit=False,
    )
    with parallel_config(backend):
        threads = search.fit(X).cv_results_["mean_test_score"]
    assert threads.tolist() == [max(1, joblib.cpu_count() // n_jobs)] * 2


@pytest.mark.parametrize(
    ("outer", "expected"),
    [
        ({"backend": "threading", "n_jobs": 2}, 1),
        ({"backend": "loky", "n_jobs": 2, "inner_max_num_threads": 1}, 1),
    ],
)
def test_a_search_in_a_parallel_region_respects_its_limit(outer, expected):
    with parallel_config(**outer):
        sizes = Parallel()(delayed(pool_size_in_a_search)() for _ in range(2))
    assert sizes == [expected, expected]


def test_a_search_respects_inner_max_num_threads():
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert pool_size_in_a_search() == 1


def pool_size_in_a_search():
    X, _ = make_interactions(60, 30, random_state=0)
    recommender = WRMFRecommender(2, n_jobs=64, random_state=0)
    search = EpochSearchCV(recommender, {"alpha": [1, 2]}, epochs=[1], scoring=pool_size_as_score, refit=False)
    return search.fit(X).best_score_


def pool_size_as_score(estimator, X, y=None):
    return pool_size()


def test_kernels_are_compiled_before_processes_start(monkeypatch):
    class NotCompiled:
        signatures = ()

    monkeypatch.setattr(WRMFRecommender, "_kernel", NotCompiled)
    X, _ = make_interactions(60, 30, random_state=0)
    search = EpochSearchCV(
        WRMFRecommender(2, random_state=0), {"alpha": [1, 2, 3]}, epochs=[1], scoring=process_id, refit=False
    )
    with parallel_config("loky", n_jobs=2):
        processes = search.fit(X).cv_results_["mean_test_score"]
    assert [process == os.getpid() for process in processes] == [True, False, False]


def process_id(estimator, X, y=None):
    return os.getpid()


SEARCH = """
from sklearn.model_selection import GridSearchCV
from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit

X, y = make_interactions(60, 30, random_state=0)
search = GridSearchCV(
    WRMFRecommender(4, max_iter=2, random_state=0),
    {"alpha": [1, 5, 10, 40]},
    scoring=make_ranking_scorer("precision@5"),
    cv=UserHoldoutSplit(random_state=0),
    n_jobs=2,
    error_score="raise",
)
print(search.fit(X, y).cv_results_["mean_test_score"].tolist())
"""


@pytest.mark.slow
def test_two_processes_can_compile_into_an_empty_cache_at_once(tmp_path):
    # The workers are separate processes, which compile all kernels at the same time.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    outputs = []
    for _ in range(2):  # the second search reads the cache written by the workers of the first
        run = subprocess.run([sys.executable, "-c", SEARCH], env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        outputs.append(run.stdout)
    assert outputs[0] == outputs[1]
    assert any(tmp_path.rglob("*.nbc"))  # the cache was used
