"""The pool that runs kernels over ranges."""

from __future__ import annotations

import threading
import time

import pytest

from sklearn_recsketch.utils._threads import workers


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
