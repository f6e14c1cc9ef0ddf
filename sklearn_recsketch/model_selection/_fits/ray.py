"""Ray as a backend of joblib that sends data once."""

from __future__ import annotations

from collections.abc import Sized
from pickle import PickleBuffer
from typing import Any

from joblib import register_parallel_backend

from sklearn_recsketch.utils._cluster import RayReference
from sklearn_recsketch.utils._extras import import_extra

__all__ = ["register_ray"]

LARGE = 10_000  # bytes; a reference takes some hundred


def register_ray() -> None:
    """Let ``joblib.parallel_config("ray")`` send each table once, for scikit-learn's searches, too.

    To be called in place of Ray's own function of this name, ``ray.util.joblib.register_ray``. That one
    is all that searches of this package need. But scikit-learn hands the whole table to each of its
    fits, and Ray sends it as often: the part of Ray 2.60 that keeps what is common to tasks in the
    object store looks for a name that is gone since joblib 1.3.

    Raises
    ------
    ImportError
        Where Ray is not installed.

    Examples
    --------
    >>> import joblib
    >>> from sklearn_recsketch.model_selection import register_ray
    >>> register_ray()  # doctest: +SKIP
    >>> with joblib.parallel_config("ray", n_jobs=-1):  # doctest: +SKIP
    ...     GridSearchCV(WRMFRecommender(), {"alpha": [1, 10, 40]}, cv=UserHoldoutSplit()).fit(X, y)
    """
    backend = import_extra("ray.util.joblib.ray_backend", "cluster", "register_ray needs Ray. Install it").RayBackend
    register_parallel_backend("ray", type("RayBackend", (_SendsDataOnce, backend), {}))


class _SendsDataOnce:
    """Mixin in front of Ray's backend."""

    def start_call(self) -> None:
        """Called by joblib before the first task of many."""
        # With the data themselves: while they are alive, nothing else has their id.
        self._sent: dict[int, tuple[Any, RayReference]] = {}

    def stop_call(self) -> None:
        """Called by joblib after the last one."""
        self._sent.clear()

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Called by joblib with one task, or a few of them."""
        func.items = [
            (function, [self._once(a) for a in arguments], {name: self._once(a) for name, a in options.items()})
            for function, arguments, options in func.items
        ]
        return super().submit(func, callback)  # type: ignore[misc]

    def _once(self, argument: Any) -> Any:
        if not isinstance(argument, Sized):  # no data, but an estimator, a scorer or the like
            return argument
        if id(argument) not in self._sent and _pickled_size(argument) > LARGE:
            self._sent[id(argument)] = argument, RayReference(argument)
        return self._sent.get(id(argument), (None, argument))[1]


def _pickled_size(value: Any) -> int:
    from ray import cloudpickle

    buffers: list[PickleBuffer] = []  # of arrays, which are not copied
    body = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return len(body) + sum(buffer.raw().nbytes for buffer in buffers)
