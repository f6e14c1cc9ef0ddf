"""Detect Dask and Ray as backends of joblib, and send data to their workers once."""

from __future__ import annotations

import pickle
import sys
from typing import Any

from joblib.parallel import get_active_backend

__all__ = ["BroadcastValue", "RayReference", "broadcast", "cluster_engine", "in_dask_task", "received"]

# Identified by the names of modules, so that neither library has to be imported.
ENGINES = {"joblib._dask": "dask", "ray.util.joblib.ray_backend": "ray"}


def cluster_engine() -> str | None:
    """ "dask" or "ray" if it is the active backend of joblib, else None."""
    modules = [base.__module__ for base in type(get_active_backend()[0]).__mro__]
    return next((ENGINES[module] for module in modules if module in ENGINES), None)


def in_dask_task() -> bool:
    """Whether the current thread runs a Dask task."""
    distributed = sys.modules.get("distributed")
    try:
        return distributed is not None and distributed.get_worker() is not None
    except ValueError:
        return False


def broadcast(value: Any) -> Any:
    """Send a value to the workers of the cluster, where it stays as long as the returned reference is alive.

    Pass the reference to a joblib task as an argument of its own, and get the value with `received` in the task.
    """
    if cluster_engine() == "ray":
        return RayReference(value)
    # joblib scatters large arguments itself, but once per call of Parallel, and to a single worker only.
    return get_active_backend()[0].client.scatter(BroadcastValue(value), broadcast=True, hash=False)


def received(value: Any) -> Any:
    """The value that was sent by `broadcast`. Any other value is returned unchanged."""
    return value.get() if isinstance(value, BroadcastValue) else value


class RayReference:
    """A reference to a value in the object store of Ray, which is unpickled as the value.

    The object store keeps the value as long as the reference is alive.
    """

    def __init__(self, value: Any) -> None:
        import ray

        self._reference = ray.put(value)

    def __reduce__(self) -> tuple[Any, ...]:
        import ray

        return ray.get, (self._reference,)


class BroadcastValue:
    """A value to send to the workers of Dask, which may forward it to other workers.

    Each task unpickles its own copy, so that changes by one task affect neither other tasks nor other workers.
    """

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        """The value itself."""
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        from distributed.protocol.pickle import dumps

        buffers: list[pickle.PickleBuffer] = []  # memory of arrays, which is not copied
        return _PickledValue, (dumps(self._value, buffer_callback=buffers.append), buffers)


class _PickledValue(BroadcastValue):
    """A broadcast value in the process of a worker."""

    def __init__(self, pickled: bytes, buffers: list[Any]) -> None:
        self._pickled, self._buffers = pickled, buffers

    def get(self) -> Any:
        """A copy of the value, except that its arrays share memory and are read-only."""
        return pickle.loads(self._pickled, buffers=[memoryview(buffer).toreadonly() for buffer in self._buffers])

    def __reduce__(self) -> tuple[Any, ...]:
        return _PickledValue, (self._pickled, [pickle.PickleBuffer(buffer) for buffer in self._buffers])
