"""Dask and Ray as joblib's backends: which one is in use, and how data get to its workers once."""

from __future__ import annotations

import sys
from typing import Any

from joblib.parallel import get_active_backend

__all__ = ["InObjectStore", "cluster_engine", "in_dask_task", "shipped"]

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


def shipped(value: Any) -> Any:
    """Send a value to the workers of the cluster, for as long as the result is kept.

    Given to a task of joblib as an argument of its own, the result arrives there as the value.
    """
    if cluster_engine() == "ray":
        return InObjectStore(value)
    # joblib's backend does so itself for large arguments, but again for each call of Parallel, and to one worker only.
    return get_active_backend()[0].client.scatter(value, broadcast=True, hash=False)


class InObjectStore:
    """Is unpickled as the value, which Ray's object store keeps as long as this lives."""

    def __init__(self, value: Any) -> None:
        import ray

        self._reference = ray.put(value)

    def __reduce__(self) -> tuple[Any, ...]:
        import ray

        return ray.get, (self._reference,)
