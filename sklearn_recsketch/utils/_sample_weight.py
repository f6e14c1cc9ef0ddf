"""What fits say of sample_weight, which they have under another name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

__all__ = ["refuse_sample_weight"]

Method = TypeVar("Method", bound=Callable[..., Any])


def refuse_sample_weight(method: Method) -> Method:
    """Raise for sample_weight with what to write instead. The signature stays as it is."""

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
