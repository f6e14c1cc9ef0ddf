"""The pool that runs kernels over ranges."""

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
def test_results_come_in_the_order_of_the_tasks(n_jobs):
    def late_at_first(task):
        time.sleep(0.002 * (task == 0))
        return task * task

    with workers(n_jobs) as pool:
        assert pool.map(late_at_first, range(20)) == [task * task for task in range(20)]


@pytest.mark.parametrize("failing", [0, 1])
def test_no_task_starts_after_one_has_failed(failing):
    started = []

    def task(number):
        started.append(number)
        if number == failing:
            raise ArithmeticError("of one task")
        time.sleep(0.01)

    with workers(2) as pool, pytest.raises(ArithmeticError, match="of one task"):
        pool.map(task, range(100))
    assert len(started) <= 4  # what the two threads had taken by then


def test_maps_of_several_threads_do_not_mix():
    def many(pool, offset, results):
        results[offset] = pool.map(lambda task: task + offset, range(200))

    results = {}
    with workers(2) as pool:
        threads = [threading.Thread(target=many, args=(pool, offset, results)) for offset in (0, 1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {offset: [task + offset for task in range(200)] for offset in (0, 1000)}


def blas_threads():
    """Threads of the BLAS libraries."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_is_held_to_one_thread_in_any_thread():
    """threadpoolctl 3.8 lets the first thread alone set the limit of OpenBLAS."""
    inside = []

    def fit():
        with workers(1):
            inside.append(blas_threads())

    fit()
    thread = threading.Thread(target=fit)
    thread.start()
    thread.join()
    assert inside[0] == inside[1] == [1] * len(inside[0])


def test_blas_has_its_threads_back_when_the_last_of_two_has_left():
    first_is_in, second_is_in, first_is_out, end = (threading.Event() for _ in range(4))

    def first():
        with workers(1):
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()
        end.wait(10)

    def second():
        first_is_in.wait(10)
        with workers(1):
            second_is_in.set()
            first_is_out.wait(10)

    before = blas_threads()
    threads = [threading.Thread(target=function) for function in (first, second)]
    for thread in threads:
        thread.start()
    threads[1].join()
    after = blas_threads()  # the first one is alive
    end.set()
    threads[0].join()
    assert after == before


def threads_of_a_pool(n_jobs=64):
    with workers(n_jobs) as pool:
        return pool.n_threads


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_pools_of_parallel_tasks_do_not_exceed_the_cores_together(backend):
    inner = Parallel(n_jobs=2, backend=backend)(delayed(threads_of_a_pool)() for _ in range(2))
    assert sum(inner) <= max(2, joblib.cpu_count())


def test_a_limit_given_to_joblib_holds_in_its_processes():
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert Parallel()(delayed(threads_of_a_pool)() for _ in range(2)) == [1, 1]


def test_outside_of_parallel_regions_the_caller_decides():
    assert threads_of_a_pool(3) == 3
    assert Parallel(n_jobs=1)(delayed(threads_of_a_pool)(n) for n in (1, 3)) == [1, 3]


def test_a_share_holds_in_its_thread_and_until_its_end():
    with at_most_threads(2):
        assert threads_of_a_pool(3) == 2
        elsewhere = []
        other = threading.Thread(target=lambda: elsewhere.append(threads_of_a_pool(3)))
        other.start()
        other.join()
    assert (elsewhere, threads_of_a_pool(3)) == ([3], 3)


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_gives_each_fit_its_share_of_the_cores(backend, n_jobs):
    X, _ = make_interactions(60, 30, random_state=0)
    search = EpochSearchCV(
        WRMFRecommender(2, n_jobs=64, random_state=0),
        {"alpha": [1, 10]},
        epochs=[1],
        scoring=lambda estimator, X, y=None: threads_of_a_pool(),
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
def test_a_search_inside_a_parallel_region_keeps_to_its_share(outer, expected):
    with parallel_config(**outer):
        found = Parallel()(delayed(threads_of_a_search)() for _ in range(2))
    assert found == [expected, expected]


def test_a_search_keeps_to_the_limit_given_to_joblib():
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert threads_of_a_search() == 1


def threads_of_a_search():
    X, _ = make_interactions(60, 30, random_state=0)
    recommender = WRMFRecommender(2, n_jobs=64, random_state=0)
    search = EpochSearchCV(recommender, {"alpha": [1, 2]}, epochs=[1], scoring=score_of_threads, refit=False)
    return search.fit(X).best_score_


def score_of_threads(estimator, X, y=None):
    return threads_of_a_pool()


def test_what_is_not_compiled_is_compiled_before_there_are_many_processes(monkeypatch):
    class NotCompiled:
        signatures = ()

    monkeypatch.setattr(WRMFRecommender, "_kernel", NotCompiled)
    X, _ = make_interactions(60, 30, random_state=0)
    search = EpochSearchCV(
        WRMFRecommender(2, random_state=0), {"alpha": [1, 2, 3]}, epochs=[1], scoring=process_number, refit=False
    )
    with parallel_config("loky", n_jobs=2):
        processes = search.fit(X).cv_results_["mean_test_score"]
    assert [number == os.getpid() for number in processes] == [True, False, False]


def process_number(estimator, X, y=None):
    return os.getpid()


COLD_SEARCH = """
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
def test_two_processes_may_compile_into_a_cold_cache_at_once(tmp_path):
    # Workers are processes of their own, which find nothing compiled and compile all of it at the same time.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    outputs = []
    for _ in range(2):  # the second search reads what the workers of the first wrote
        run = subprocess.run([sys.executable, "-c", COLD_SEARCH], env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        outputs.append(run.stdout)
    assert outputs[0] == outputs[1]
    assert any(tmp_path.rglob("*.nbc"))  # the cache was in use
