"""Make warnings refer to the line in the user's code that caused them."""

from __future__ import annotations

import sys

__all__ = ["levels_inside"]

INSIDE = ("sklearn_recsketch.", "sklearn.base", "numba.")  # a decorator in sklearn.base wraps fit; numba saves kernels


def levels_inside() -> int:
    """Return the `stacklevel` that makes a warning point to the line that called this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    return level
