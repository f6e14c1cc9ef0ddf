"""Reject sample_weight, because weights of interactions are passed as their strengths."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

__all__ = ["refuse_sample_weight"]

Method = TypeVar("Method", bound=Callable[..., Any])


def refuse_sample_weight(method: Method) -> Method:
    """Decorate a method to raise an error about sample_weight that names the alternative.

    The signature of the method does not change.
    """

    @wraps(method)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.pop("sample_weight", None) is not None:
            raise TypeError(
                f"{type(self).__name__}.{method.__name__} does not take sample_weight: the weight of an interaction "
                f"is its strength. Pass the weights as y, or as a third column of X that multiplies y, for example "
                f"X.assign(weight=sample_weight)."
            )
        return method(self, *args, **kwargs)

    return wrapped  # type: ignore[return-value]
