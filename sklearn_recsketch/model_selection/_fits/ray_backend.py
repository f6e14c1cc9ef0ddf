"""Ray backend for joblib that sends each table to the cluster only once."""

from __future__ import annotations

from collections.abc import Sized
from pickle import PickleBuffer
from typing import Any

from joblib import register_parallel_backend

from sklearn_recsketch.utils._cluster import RayReference
from sklearn_recsketch.utils._extras import import_extra

__all__ = ["register_ray"]

LARGE = 10_000  # in bytes; a reference takes a few hundred bytes


def register_ray() -> None:
    """Register a joblib backend named "ray" that sends each table to the cluster only once.

    To run scikit-learn's searches on Ray, call this function instead of
    ``ray.util.joblib.register_ray``. Either function can be used for the searches in this package.

    scikit-learn passes the whole table to each fit, and Ray's own backend sends the table each time.
    Ray 2.60 contains code that keeps shared arguments in the object store, but this code relies on a name
    that was removed in joblib 1.3.

    Raises
    ------
    ImportError
        If Ray is not installed.

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
    """Mixin for Ray's joblib backend that replaces large arguments with references to the object store."""

    def start_call(self) -> None:
        """Prepare for a call of joblib.Parallel. This method is called by joblib."""
        # Keep the data alive, so that no other object can get the same id.
        self._sent: dict[int, tuple[Any, RayReference]] = {}

    def stop_call(self) -> None:
        """Delete the references. This method is called by joblib after the last task."""
        self._sent.clear()

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Submit a batch of tasks. This method is called by joblib."""
        func.items = [
            (
                function,
                [self._send_once(a) for a in arguments],
                {name: self._send_once(a) for name, a in options.items()},
            )
            for function, arguments, options in func.items
        ]
        return super().submit(func, callback)  # type: ignore[misc]

    def _send_once(self, argument: Any) -> Any:
        if not isinstance(argument, Sized):  # not data, but for instance an estimator or a scorer
            return argument
        if id(argument) not in self._sent and _pickled_size(argument) > LARGE:
            self._sent[id(argument)] = argument, RayReference(argument)
        return self._sent.get(id(argument), (None, argument))[1]


def _pickled_size(value: Any) -> int:
    from ray import cloudpickle

    buffers: list[PickleBuffer] = []  # memory of the arrays; it is not copied
    body = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return len(body) + sum(buffer.raw().nbytes for buffer in buffers)
