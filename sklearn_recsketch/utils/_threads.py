"""Threads: one pool per call, BLAS held to one thread meanwhile, results independent of the pool's size."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
from joblib import effective_n_jobs
from joblib.parallel import ThreadingBackend, get_active_backend
from threadpoolctl import ThreadpoolController

from sklearn_recsketch.utils._cluster import cluster_engine, in_dask_task

__all__ = ["Workers", "at_most_threads", "balanced_ranges", "even_ranges", "most_threads", "workers"]

T = TypeVar("T")


class Workers:
    """Runs kernels over ranges; a kernel releases the GIL, so threads are enough.

    Parameters
    ----------
    pool : ThreadPoolExecutor or None
        None runs the ranges one after another in the calling thread.
    n_threads : int
        Number of threads of the pool.
    """

    def __init__(self, pool: ThreadPoolExecutor | None, n_threads: int) -> None:
        self._pool = pool
        self.n_threads = n_threads

    def map(self, function: Callable[..., T], tasks: Sequence[Any]) -> list[T]:
        """Results of `function` over `tasks`, in the order of the tasks.

        After an exception, Ctrl-C included, no other task is started.
        """
        if self._pool is None or len(tasks) < 2:
            return [function(task) for task in tasks]
        # Each thread takes the next task when it is done with one: a future per task costs ten times as much.
        waiting = deque(enumerate(tasks))
        results: list[Any] = [None] * len(tasks)

        def work() -> None:
            while waiting:
                try:
                    place, task = waiting.popleft()
                except IndexError:  # another thread took the last one
                    return
                try:
                    results[place] = function(task)
                except BaseException:
                    waiting.clear()
                    raise

        try:
            for future in [self._pool.submit(work) for _ in range(min(self.n_threads, len(tasks)))]:
                future.result()
        finally:
            waiting.clear()
        return results


class _SingleThreadedBLAS:
    """Holds BLAS to one thread while at least one caller, of any thread, is inside.

    The limit is the process's: were every caller to save and restore it alone, the last of two that
    overlap would restore the other's limit instead of the original one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._controller: ThreadpoolController | None = None
        self._limiter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._controller is None:
                # Listing the loaded libraries costs milliseconds; numpy's and scipy's are loaded by now.
                self._controller = ThreadpoolController()
            if self._inside == 0:
                self._limiter = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limiter.restore_original_limits()


_single_threaded_blas = _SingleThreadedBLAS()


_share: ContextVar[int | None] = ContextVar("share of the cores", default=None)


@contextmanager
def at_most_threads(n: int) -> Iterator[None]:
    """Bounds the pools made inside, in this thread: one of several fits at once has its share of the cores.

    A narrower bound that holds already stays.
    """
    token = _share.set(min(n, _share.get() or n, _limit_of_process()))
    try:
        yield
    finally:
        _share.reset(token)


def most_threads() -> int:
    """What the surrounding parallel region leaves to each of its tasks."""
    share, process = _share.get(), _limit_of_process()
    if share is not None:
        return min(share, process)
    if process < sys.maxsize:
        return process
    # In somebody's threads, of unknown number, which are taken to fill the cores; to Dask a task is one core.
    return 1 if get_active_backend()[0].nesting_level or in_dask_task() else sys.maxsize


def _limit_of_process() -> int:
    """joblib tells its processes their share of the cores by this variable."""
    return max(1, int(os.environ.get("NUMBA_NUM_THREADS", sys.maxsize)))


@contextmanager
def workers(n_jobs: int | None) -> Iterator[Workers]:
    """A pool of `n_jobs` threads in joblib's convention, with BLAS at one thread until it closes.

    Inside a parallel region of joblib it has no more threads than that leaves to each task.
    """
    # Of a cluster joblib counts all cores, wherever they are: that says nothing of threads here.
    wanted = ThreadingBackend().effective_n_jobs(n_jobs) if cluster_engine() else effective_n_jobs(n_jobs)
    n_threads = min(wanted, most_threads())
    with _single_threaded_blas:
        if n_threads == 1:
            yield Workers(None, 1)
            return
        with ThreadPoolExecutor(n_threads, thread_name_prefix="recsketch") as pool:
            yield Workers(pool, n_threads)


def even_ranges(n: int, size: int) -> list[tuple[int, int]]:
    """[0, n) cut into ranges of `size`; never a function of the number of threads."""
    return [(start, min(n, start + size)) for start in range(0, n, size)]


def balanced_ranges(indptr: np.ndarray, n_ranges: int = 64, row_cost: int = 8) -> list[tuple[int, int]]:
    """Rows cut into at most `n_ranges` ranges of about equal work.

    The work of a row is its number of entries plus `row_cost`. The cut depends on the data only,
    so results that are reduced range by range are the same for any number of threads.
    """
    n_rows = len(indptr) - 1
    work = indptr[1:] + row_cost * np.arange(1, n_rows + 1)
    total = int(work[-1]) if n_rows else 0
    marks = np.linspace(0, total, min(n_ranges, max(n_rows, 1)) + 1)[1:-1]
    bounds = np.unique(np.concatenate([[0], np.searchsorted(work, marks), [n_rows]]))
    return [(int(a), int(b)) for a, b in itertools.pairwise(bounds)]
