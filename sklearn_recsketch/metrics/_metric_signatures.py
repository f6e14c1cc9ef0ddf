"""Signature of the metrics with a cutoff, as type checkers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MetricAtK"]


class MetricAtK(Protocol):
    """Metric of recommendation tables: the mean over users, or a Series if `per_user` is True."""

    __name__: str

    @overload
    def __call__(self, X_true: Any, recommended: Any, *, k: int = 5, per_user: Literal[False] = False) -> float: ...
    @overload
    def __call__(self, X_true: Any, recommended: Any, *, k: int = 5, per_user: Literal[True]) -> pd.Series: ...
    @overload
    def __call__(self, X_true: Any, recommended: Any, *, k: int = 5, per_user: bool) -> float | pd.Series: ...
