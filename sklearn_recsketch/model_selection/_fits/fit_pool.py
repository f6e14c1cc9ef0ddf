"""Where the fits of a search run."""

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
from sklearn_recsketch.utils._cluster import arrived, cluster_engine, shipped
from sklearn_recsketch.utils._threads import at_most_threads, most_threads
from sklearn_recsketch.utils._unwrap import final_step

__all__ = ["FitPool", "fit_pool"]


class FitPool:
    """Runs fits that have much in common.

    Parameters
    ----------
    parallel : Parallel
        Of joblib.
    call : callable
        What each task calls: ``call(fit, fits, *task)``.
    fits : FoldFits
        What the fits have in common.
    common : object
        What tasks carry of it.
    kernel : numba kernel or None
        What is compiled here, before tasks that would each compile it.
    """

    def __init__(self, parallel: Parallel, call: Callable[..., Any], fits: FoldFits, common: Any, kernel: Any) -> None:
        self._parallel, self._call, self._fits, self._common, self._kernel = parallel, call, fits, common, kernel

    def map(self, fit: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Results of ``fit(fits, *task)``, in the order of the tasks."""
        ahead = int(self._kernel is not None and not self._kernel.signatures)
        # One after the other: a list of them would hold all the models until the last one is fitted.
        remaining = iter(tasks)
        first = [self._call(fit, self._fits, *task) for task in islice(remaining, ahead)]
        return first + list(self._parallel(delayed(self._call)(fit, self._common, *task) for task in remaining))


@contextmanager
def fit_pool(fits: FoldFits, n_jobs: int | None, n_fits: int, **options: Any) -> Iterator[FitPool]:
    """A pool for at most `n_fits` fits at once, with parameters of joblib's Parallel.

    They run in threads, unless the caller's parallel_config says otherwise, and each has its share of
    the cores. Workers of a cluster are sent once what the fits have in common.
    """
    backend = get_active_backend(prefer="threads")[0]
    n_jobs = min(effective_n_jobs(n_jobs), n_fits)
    # Of a single core on a cluster joblib makes no use, and works here.
    away = cluster_engine() is not None and backend.effective_n_jobs(n_jobs) > 1
    share = None if away else max(1, min(cpu_count(), most_threads()) // n_jobs)
    # Not scikit-learn's `delayed`: the warning filters it sets are those of all threads.
    call = partial(_call_with_share, share, get_config())
    # Processes find in the cache what is compiled here. The machines of a cluster may have caches of their own.
    in_processes = not away and not getattr(backend, "uses_threads", False)
    kernel = getattr(final_step(fits.estimator), "_kernel", None) if in_processes else None
    with Parallel(n_jobs=n_jobs, prefer="threads", **options) as parallel:
        yield FitPool(parallel, call, fits, shipped(fits) if away else fits, kernel)


def _call_with_share(
    n_threads: int | None, config: dict[str, Any], fit: Callable[..., Any], common: Any, *task: Any
) -> Any:
    with config_context(**config), nullcontext() if n_threads is None else at_most_threads(n_threads):
        return fit(arrived(common), *task)
