"""Warnings that point to the caller's line."""

from __future__ import annotations

import sys

__all__ = ["levels_inside"]

INSIDE = ("sklearn_recsketch.", "sklearn.base")  # scikit-learn's wraps fit to check its parameters


def levels_inside() -> int:
    """`stacklevel` of a warning given by the caller, for the line that called into this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    return level
