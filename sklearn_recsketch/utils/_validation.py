"""Parameter checks that several estimators and functions use."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from numbers import Integral
from typing import Any, TypeVar

__all__ = ["check_integer", "is_integer", "refuse_sample_weight"]

Method = TypeVar("Method", bound=Callable[..., Any])


def is_integer(value: Any, least: int = 1) -> bool:
    """Return whether a value is an integer and not less than `least`. Booleans do not count as integers."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def check_integer(value: Any, name: str, least: int = 1) -> int:
    """Convert a value to int. Raise a ValueError if it is not an integer or is less than `least`."""
    if not is_integer(value, least):
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")
    return int(value)


def refuse_sample_weight(method: Method) -> Method:
    """Decorate a method so that it raises a TypeError if `sample_weight` is passed. Its signature does not change."""

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
