"""Test pools of threads: order of results, failures, and limits on the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.model_selection import EpochSearchCV
from sklearn_recsketch.utils._threads import (
    _SingleThreadedBLAS,
    at_most_threads,
    balanced_ranges,
    workers,
)


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


@pytest.mark.parametrize("n_least", [1, 8])
def test_balanced_ranges_cover_all_rows_and_bound_the_work(n_least):
    lengths = np.random.default_rng(0).integers(0, 50, 1000)
    indptr = np.append(0, np.cumsum(lengths))
    ranges = balanced_ranges(indptr, n_least, most_work=500)
    assert [row for start, stop in ranges for row in range(start, stop)] == list(range(1000))
    # A range exceeds the bound by less than the work for its first row.
    assert max(lengths[start + 1 : stop].sum() + 8 * (stop - start - 1) for start, stop in ranges) <= 500
    assert len(balanced_ranges(indptr, n_least)) == n_least


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


@pytest.fixture
def two_threads():
    """Limit BLAS to two threads, so that a limit of one can be told from the limit before."""
    with threadpool_limits(2, user_api="blas"):
        yield blas_threads()


@pytest.mark.parametrize("call", [0, 1], ids=["on entry", "on exit"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interruption_while_limits_are_changed_restores_them(call, when, two_threads, monkeypatch):
    change, calls = _SingleThreadedBLAS._set, []

    def interrupted(self, limits):
        calls.append(limits)
        interrupts = len(calls) == call + 1
        if interrupts and when == "before":
            raise KeyboardInterrupt
        change(self, limits)
        if interrupts:
            raise KeyboardInterrupt

    monkeypatch.setattr(_SingleThreadedBLAS, "_set", interrupted)
    with pytest.raises(KeyboardInterrupt), workers(1):
        assert call == 1
    assert blas_threads() == two_threads
    with workers(1):  # the count of threads is right, too
        assert blas_threads() == [1] * len(two_threads)
    assert blas_threads() == two_threads


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")
def test_a_process_forked_during_a_fit_of_another_thread_has_no_limit(two_threads):
    entered, end = threading.Event(), threading.Event()

    def fit():
        with workers(1):
            entered.set()
            end.wait(60)

    thread = threading.Thread(target=fit)
    thread.start()
    entered.wait(60)
    child = os.fork()
    if not child:
        before = blas_threads()
        with workers(1):
            inside = blas_threads()
        os._exit(0 if before == blas_threads() == two_threads and inside == [1] * len(before) else 1)
    end.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert blas_threads() == two_threads


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


FIT = """
import sys
import numpy as np
from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions

X, y = make_interactions(60, 30, counts=True, random_state=0)
y = y / 3 if sys.argv[1] == "0" else y  # kernels get float64 or float32 strengths
print(WRMFRecommender(4, max_iter=2, random_state=0).fit(X, y).predict(X[:20]).tolist())
"""


@pytest.mark.slow
def test_four_processes_can_compile_into_an_empty_cache_at_once(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def start(kind):
        command = [sys.executable, "-W", "error", "-c", FIT, kind]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    # The last two processes read the cache that the others have written.
    processes = [start(kind) for kind in "0101"]
    outputs = [process.communicate() for process in processes]
    outputs += [start(kind).communicate() for kind in "01"]
    notices = [errors for _, errors in outputs if errors]  # of the processes that found no kernels
    assert notices
    assert all(notice.startswith("Compiling numerical kernels") and notice.count("\n") == 1 for notice in notices)
    assert [errors for _, errors in outputs[4:]] == ["", ""]
    assert {output for output, _ in outputs[::2]} == {outputs[0][0]}
    assert {output for output, _ in outputs[1::2]} == {outputs[1][0]}
    assert any(tmp_path.rglob("*.nbc"))  # the cache was used
