"""Dask and Ray as joblib's backends: which one is in use, and how data get to its workers once."""

from __future__ import annotations

import pickle
import sys
from typing import Any

from joblib.parallel import get_active_backend

__all__ = ["InObjectStore", "ScatteredValue", "cluster_engine", "in_dask_task", "receive", "send_to_workers"]

# By module, so that nothing has to be imported to ask.
ENGINES = {"joblib._dask": "dask", "ray.util.joblib.ray_backend": "ray"}


def cluster_engine() -> str | None:
    """ "dask" or "ray", where the caller's parallel_config names one of them."""
    modules = [base.__module__ for base in type(get_active_backend()[0]).__mro__]
    return next((ENGINES[module] for module in modules if module in ENGINES), None)


def in_dask_task() -> bool:
    """Whether this thread runs a task of Dask."""
    distributed = sys.modules.get("distributed")
    try:
        return distributed is not None and distributed.get_worker() is not None
    except ValueError:
        return False


def send_to_workers(value: Any) -> Any:
    """Send a value to the workers of the cluster once and return a reference to it.

    The workers keep the value as long as the reference exists. A task that receives the reference as an argument gets
    the value with `receive`.
    """
    if cluster_engine() == "ray":
        return InObjectStore(value)
    # joblib's backend does so itself for large arguments, but again for each call of Parallel, and to one worker only.
    return get_active_backend()[0].client.scatter(ScatteredValue(value), broadcast=True, hash=False)


def receive(value: Any) -> Any:
    """Return the value that `send_to_workers` sent, in a task. Return any other value unchanged."""
    return value.open() if isinstance(value, ScatteredValue) else value


class InObjectStore:
    """Is unpickled as the value, which Ray's object store keeps as long as this lives."""

    def __init__(self, value: Any) -> None:
        import ray

        self._reference = ray.put(value)

    def __reduce__(self) -> tuple[Any, ...]:
        import ray

        return ray.get, (self._reference,)


class ScatteredValue:
    """A value scattered to the workers of Dask, which pass it on to each other.

    Each task opens its own copy, so that no task sees, or passes on, the changes of another one.
    """

    def __init__(self, value: Any) -> None:
        self._value = value

    def open(self) -> Any:
        """The value itself, in the process it comes from."""
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        from distributed.protocol.pickle import dumps

        buffers: list[pickle.PickleBuffer] = []  # of arrays, which are not copied
        return _Packed, (dumps(self._value, buffer_callback=buffers.append), buffers)


class _Packed(ScatteredValue):
    """A scattered value in another process."""

    def __init__(self, packed: bytes, buffers: list[Any]) -> None:
        self._packed, self._buffers = packed, buffers

    def open(self) -> Any:
        """A copy of the value, but of its arrays, which are read-only."""
        return pickle.loads(self._packed, buffers=[memoryview(buffer).toreadonly() for buffer in self._buffers])

    def __reduce__(self) -> tuple[Any, ...]:
        return _Packed, (self._packed, [pickle.PickleBuffer(buffer) for buffer in self._buffers])
