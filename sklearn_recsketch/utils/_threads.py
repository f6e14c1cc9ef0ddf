"""Thread pools that run kernels. Results do not depend on the number of threads, and BLAS uses a single thread."""

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
from threadpoolctl import LibController, OpenBLASController, ThreadpoolController

from sklearn_recsketch.utils._cluster import cluster_engine, in_dask_task

__all__ = ["Workers", "at_most_threads", "balanced_ranges", "even_ranges", "most_threads", "workers"]

T = TypeVar("T")

ROW_COST = 8  # work for a row, in units of the work for an entry
RANGES = 64
# An interruption takes effect between two ranges. A range of this many entries takes a tenth of a second in a kernel
# that passes over the entries five times with 256 components.
MOST_WORK = 2**16


class Workers:
    """A thread pool for kernels, which release the GIL.

    Parameters
    ----------
    pool : ThreadPoolExecutor or None
        Thread pool. If None, tasks run one after another in the calling thread.
    n_threads : int
        Number of threads in the pool.
    """

    def __init__(self, pool: ThreadPoolExecutor | None, n_threads: int) -> None:
        self._pool = pool
        self.n_threads = n_threads

    def map(self, function: Callable[..., T], tasks: Sequence[Any]) -> list[T]:
        """Call `function` for each task, and return the results in the order of the tasks.

        If a task raises an exception, or if the user interrupts the program, no further tasks are started.
        """
        if self._pool is None or len(tasks) < 2:
            return [function(task) for task in tasks]
        # Each thread takes the next task when it has finished a task. A future per task would take ten times as long.
        waiting = deque(enumerate(tasks))
        results: list[Any] = [None] * len(tasks)

        def work() -> None:
            while waiting:
                try:
                    place, task = waiting.popleft()
                except IndexError:  # another thread took the last task
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
    """Context manager that limits BLAS to a single thread.

    The limit applies to the whole process while at least one thread is inside the context. Only the last thread that
    leaves the context restores the original limit. If each thread saved and restored the limit independently, a thread
    could save the limit that another thread has set, and restore this limit at the end.

    An interruption can occur at any time in the main thread, also while the limit is set or restored. Both steps can
    therefore be repeated, and are completed before the interruption takes effect.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: list[int] = []  # identifiers of the threads inside the context
        self._libraries: list[LibController] | None = None
        self._limits: list[int] | None = None  # the limits to restore

    def __enter__(self) -> None:
        n_before = self.times_inside()
        try:
            self._limit()
        except BaseException:
            self.leave_to(n_before)
            raise

    def __exit__(self, *exception: object) -> None:
        n_before = self.times_inside()
        try:
            self._leave()
            self._restore_if_empty()
        except BaseException:
            self.leave_to(n_before - 1)
            raise

    def times_inside(self) -> int:
        """Return how many contexts the current thread is in, one inside the other."""
        return self._inside.count(threading.get_ident())

    def leave_to(self, n: int) -> None:
        """Leave contexts of the current thread until it is in `n` of them.

        An interruption can occur as soon as Python calls `__exit__`, before its first line.
        """
        while self.times_inside() > n:
            self._leave()
        self._restore_if_empty()

    def _limit(self) -> None:
        with self._lock:
            if self._libraries is None:
                # Listing the loaded libraries takes milliseconds, so it is done once, after numpy and scipy are loaded.
                libraries = ThreadpoolController().lib_controllers
                self._libraries = [library for library in libraries if library.user_api == "blas"]
            self._inside.append(threading.get_ident())
            if self._limits is None:
                self._limits = [library.get_num_threads() for library in self._libraries]
                self._set([1] * len(self._limits))

    def _leave(self) -> None:
        with self._lock:
            self._inside.remove(threading.get_ident())

    def _restore_if_empty(self) -> None:
        with self._lock:
            if not self._inside and self._limits is not None:
                self._set(self._limits)
                self._limits = None

    def _set(self, limits: list[int]) -> None:
        """Set the limit of each library.

        Since version 3.8, threadpoolctl only accepts limits for OpenBLAS from the first thread that sets a limit. This
        protection is not necessary here, because a lock prevents two threads from setting limits at the same time.
        """
        release = getattr(OpenBLASController, "clear_controlling_thread", lambda force: None)
        release(force=True)
        for library, limit in zip(self._libraries or [], limits, strict=True):
            library.set_num_threads(limit)
        release(force=True)

    def after_fork(self) -> None:
        """Forget the other threads in a process that was created by fork, where only the current thread exists.

        Another thread may have held the lock, or have been inside the context.
        """
        self._lock = threading.Lock()
        self._inside = [thread for thread in self._inside if thread == threading.get_ident()]
        self._restore_if_empty()


_single_threaded_blas = _SingleThreadedBLAS()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_single_threaded_blas.after_fork)


_share: ContextVar[int | None] = ContextVar("share of the cores", default=None)


@contextmanager
def at_most_threads(n: int) -> Iterator[None]:
    """Limit the size of the thread pools that the current thread creates within the context.

    Parallel fits use this limit to share the cores. If a lower limit is already active, it stays active.
    """
    token = _share.set(min(n, _share.get() or n, _limit_of_process()))
    try:
        yield
    finally:
        _share.reset(token)


def most_threads() -> int:
    """Return the maximum number of threads that a task in the active parallel region may use."""
    share, process = _share.get(), _limit_of_process()
    if share is not None:
        return min(share, process)
    if process < sys.maxsize:
        return process
    # An unknown number of other threads is assumed to use all cores, and Dask assigns one core to each task.
    return 1 if get_active_backend()[0].nesting_level or in_dask_task() else sys.maxsize


def _limit_of_process() -> int:
    """Return the maximum number of threads in this process.

    joblib sets this limit for its worker processes with the environment variable NUMBA_NUM_THREADS.
    """
    return max(1, int(os.environ.get("NUMBA_NUM_THREADS", sys.maxsize)))


@contextmanager
def workers(n_jobs: int | None) -> Iterator[Workers]:
    """Create a pool of `n_jobs` threads, and limit BLAS to a single thread while the pool is open.

    `n_jobs` has the same meaning as in joblib. Within a parallel region of joblib, the number of threads is limited to
    the number of threads that the region allows per task.
    """
    # With a cluster as the backend, joblib would count the cores of all its machines.
    requested = ThreadingBackend().effective_n_jobs(n_jobs) if cluster_engine() else effective_n_jobs(n_jobs)
    n_threads = min(requested, most_threads())
    n_before = _single_threaded_blas.times_inside()
    try:
        with _single_threaded_blas:
            if n_threads == 1:
                yield Workers(None, 1)
                return
            with ThreadPoolExecutor(n_threads, thread_name_prefix="recsketch") as pool:
                yield Workers(pool, n_threads)
    except BaseException:
        _single_threaded_blas.leave_to(n_before)
        raise


def even_ranges(n: int, size: int) -> list[tuple[int, int]]:
    """Split the interval [0, n) into ranges of length `size`. The last range may be shorter.

    The ranges do not depend on the number of threads.
    """
    return [(start, min(n, start + size)) for start in range(0, n, size)]


def balanced_ranges(indptr: np.ndarray, n_least: int = RANGES, most_work: int = MOST_WORK) -> list[tuple[int, int]]:
    """Split rows into ranges that require about the same amount of work.

    The work for a row is estimated as its number of entries plus ROW_COST. If there are enough rows, there are at least
    `n_least` ranges, and so many that the work in a range hardly exceeds `most_work`. The ranges only depend on the
    data. If results are reduced range by range, they are therefore the same for any number of threads.
    """
    n_rows = len(indptr) - 1
    work = indptr[1:] + ROW_COST * np.arange(1, n_rows + 1)
    total = int(work[-1]) if n_rows else 0
    n_ranges = max(n_least, -(-total // most_work))
    marks = np.linspace(0, total, min(n_ranges, max(n_rows, 1)) + 1)[1:-1]
    bounds = np.unique(np.concatenate([[0], np.searchsorted(work, marks), [n_rows]]))
    return [(int(a), int(b)) for a, b in itertools.pairwise(bounds)]
