"""Detect whether joblib uses Dask or Ray, and send data to the workers only once."""

from __future__ import annotations

import pickle
import sys
from typing import Any

from joblib.parallel import get_active_backend

__all__ = ["BroadcastValue", "RayReference", "broadcast", "cluster_engine", "in_dask_task", "received"]

# Backends are identified by module names, so that neither library has to be imported.
ENGINES = {"joblib._dask": "dask", "ray.util.joblib.ray_backend": "ray"}


def cluster_engine() -> str | None:
    """Return the active joblib backend if it is "dask" or "ray", and None otherwise."""
    modules = [base.__module__ for base in type(get_active_backend()[0]).__mro__]
    return next((ENGINES[module] for module in modules if module in ENGINES), None)


def in_dask_task() -> bool:
    """Return whether the current thread is running a Dask task."""
    distributed = sys.modules.get("distributed")
    try:
        return distributed is not None and distributed.get_worker() is not None
    except ValueError:
        return False


def broadcast(value: Any) -> Any:
    """Send a value to all workers of the cluster, and return a reference to it.

    The workers keep the value as long as the reference exists. Pass the reference to a joblib task as a separate
    argument, and call `received` in the task to get the value.
    """
    if cluster_engine() == "ray":
        return RayReference(value)
    # joblib also scatters large arguments, but it does so on every call of Parallel, and only to a single worker.
    return get_active_backend()[0].client.scatter(BroadcastValue(value), broadcast=True, hash=False)


def received(value: Any) -> Any:
    """Return the value that was sent by `broadcast`. Return any other value unchanged."""
    return value.get() if isinstance(value, BroadcastValue) else value


class RayReference:
    """A reference to a value in the Ray object store.

    Unpickling the reference returns the value. The object store keeps the value as long as the reference exists.
    """

    def __init__(self, value: Any) -> None:
        import ray

        self._reference = ray.put(value)

    def __reduce__(self) -> tuple[Any, ...]:
        import ray

        return ray.get, (self._reference,)


class BroadcastValue:
    """A value that is sent to Dask workers.

    Dask workers may forward the value to other workers. Each task unpickles its own copy of the value. If a task
    changes its copy, this affects neither other tasks nor other workers.
    """

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        """Return the value itself, without copying it."""
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        from distributed.protocol.pickle import dumps

        buffers: list[pickle.PickleBuffer] = []  # array memory, which is not copied
        return _PickledValue, (dumps(self._value, buffer_callback=buffers.append), buffers)


class _PickledValue(BroadcastValue):
    """A broadcast value in a worker process."""

    def __init__(self, pickled: bytes, buffers: list[Any]) -> None:
        self._pickled, self._buffers = pickled, buffers

    def get(self) -> Any:
        """Return a copy of the value. The arrays in it are read-only and share the memory of the original arrays."""
        return pickle.loads(self._pickled, buffers=[memoryview(buffer).toreadonly() for buffer in self._buffers])

    def __reduce__(self) -> tuple[Any, ...]:
        return _PickledValue, (self._pickled, [pickle.PickleBuffer(buffer) for buffer in self._buffers])
