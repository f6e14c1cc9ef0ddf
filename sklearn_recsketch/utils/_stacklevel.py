"""Let warnings refer to the line of the user's code."""

from __future__ import annotations

import sys

__all__ = ["levels_inside"]

INSIDE = ("sklearn_recsketch.", "sklearn.base")  # a decorator in sklearn.base wraps fit


def levels_inside() -> int:
    """The `stacklevel` with which a warning refers to the line that called this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    return level
