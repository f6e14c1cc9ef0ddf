"""Pool that runs the fits of a search in threads, in processes or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from typing import Any

from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config

from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits
from sklearn_recsketch.utils._cluster import broadcast, cluster_engine, received
from sklearn_recsketch.utils._threads import at_most_threads, most_threads
from sklearn_recsketch.utils._unwrap import final_step

__all__ = ["FitPool", "fit_pool"]


class FitPool:
    """Run fits that share the same data and settings.

    Parameters
    ----------
    parallel : joblib.Parallel
    call : callable
        Function that runs each task. It is called as ``call(fit, fits, *task)``.
    fits : FoldFits
        Data and settings that all fits share.
    sent : object
        Object that is sent to each task. On a cluster, it is a reference to `fits`. Otherwise, it is
        `fits` itself.
    kernel : numba kernel or None
        Kernel that is compiled in this process before other processes use it.
    """

    def __init__(self, parallel: Parallel, call: Callable[..., Any], fits: FoldFits, sent: Any, kernel: Any) -> None:
        self._parallel, self._call, self._fits, self._sent, self._kernel = parallel, call, fits, sent, kernel

    def map(self, fit: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Return the results of ``fit(fits, *task)`` in the order of the tasks."""
        # The first task compiles the kernel. The other processes then load the kernel from the cache.
        n_first = int(self._kernel is not None and not self._kernel.signatures)
        # Use an iterator, because a list of tasks would keep all models in memory until the last fit ends.
        remaining = iter(tasks)
        first = [self._call(fit, self._fits, *task) for task in islice(remaining, n_first)]
        return first + list(self._parallel(delayed(self._call)(fit, self._sent, *task) for task in remaining))


@contextmanager
def fit_pool(fits: FoldFits, n_jobs: int | None, n_fits: int, **options: Any) -> Iterator[FitPool]:
    """Open a pool for at most `n_fits` concurrent fits. `options` are parameters of joblib.Parallel.

    Fits run in threads, unless the caller has selected another backend with parallel_config. The
    cores are divided evenly among the fits. On a cluster, the shared data are sent to each worker
    only once.
    """
    backend = get_active_backend(prefer="threads")[0]
    n_jobs = min(effective_n_jobs(n_jobs), n_fits)
    # joblib does not use a cluster for a single job.
    on_cluster = cluster_engine() is not None and backend.effective_n_jobs(n_jobs) > 1
    n_threads = None if on_cluster else max(1, min(cpu_count(), most_threads()) // n_jobs)
    # Do not use scikit-learn's `delayed`, because it changes the warning filters of all threads.
    call = partial(_call_with_threads, n_threads, get_config())
    # Processes on this machine share a cache of compiled kernels. Other machines of a cluster may not share it.
    in_processes = not on_cluster and not getattr(backend, "uses_threads", False)
    kernel = getattr(final_step(fits.estimator), "_kernel", None) if in_processes else None
    with Parallel(n_jobs=n_jobs, prefer="threads", **options) as parallel:
        yield FitPool(parallel, call, fits, broadcast(fits) if on_cluster else fits, kernel)


def _call_with_threads(
    n_threads: int | None, config: dict[str, Any], fit: Callable[..., Any], sent: Any, *task: Any
) -> Any:
    with config_context(**config), nullcontext() if n_threads is None else at_most_threads(n_threads):
        return fit(received(sent), *task)
