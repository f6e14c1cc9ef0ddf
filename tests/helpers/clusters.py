"""Local clusters of Dask and Ray with two workers, and the sizes of their tasks."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager

import pandas as pd
import pytest

from sklearn_recsketch.utils._threads import workers


@contextmanager
def dask_cluster():
    """Run a Dask cluster with two workers."""
    distributed = pytest.importorskip("distributed", reason="Dask is an optional dependency")
    with (
        tempfile.TemporaryDirectory() as folder,
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=folder,
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield


@contextmanager
def ray_cluster():
    """Run a Ray cluster with two workers."""
    ray = pytest.importorskip("ray", reason="Ray is an optional dependency")
    # The paths of sockets must be short.
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Send no usage statistics, and write nothing to the home directory.
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100 * 2**20,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def assert_processes_end():
    """Assert that all processes started in the block end soon after it."""
    before = children()
    yield
    deadline = time.monotonic() + 20
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children() - before


def children():
    """Return the descendants of this process, except for the resource tracker that Python keeps running."""
    psutil = pytest.importorskip("psutil", reason="psutil comes with Dask")

    def is_kept(process):
        try:
            return "resource_tracker" in " ".join(process.cmdline())
        except psutil.Error:  # a zombie, or it has ended
            return False

    return {process for process in psutil.Process().children(recursive=True) if not is_kept(process)}


@contextmanager
def task_sizes(engine):
    """Collect the size in bytes of each pickled joblib task that is sent to a cluster."""
    sizes = []
    with pytest.MonkeyPatch.context() as patch:
        if engine == "dask":
            from distributed.protocol.pickle import dumps
            from joblib._dask import DaskDistributedBackend

            to_func_args = DaskDistributedBackend._to_func_args

            async def measured(self, batch):
                call, tasks = await to_func_args(self, batch)
                sizes.extend(len(dumps(task)) for task in tasks)
                return call, tasks

            patch.setattr(DaskDistributedBackend, "_to_func_args", measured)
        else:
            from ray.cloudpickle import dumps
            from ray.util.multiprocessing.pool import Pool

            run_batch = Pool._run_batch

            def measured(self, actor_index, function, batch):
                sizes.append(len(dumps((function, batch))))
                return run_batch(self, actor_index, function, batch)

            patch.setattr(Pool, "_run_batch", measured)
        yield sizes


class PickleCountingFrame(pd.DataFrame):
    """Data frame that counts how often instances of its class are pickled."""

    count = 0

    def __reduce__(self):
        PickleCountingFrame.count += 1
        return pd.DataFrame, ({name: self[name].to_numpy() for name in self},)


def thread_scorer():
    """Return a scorer whose score is the number of threads available to the estimator."""

    def n_threads(estimator, X, y=None):  # not at module level, because workers cannot import this module
        with workers(estimator.n_jobs) as pool:
            return pool.n_threads

    return n_threads
