"""A running average of rows."""

from __future__ import annotations

from sklearn_recsketch.kernels._jit import jit

__all__ = ["move_towards"]


@jit
def move_towards(start, stop, mean, values, share):
    """mean[r] += share * (values[r] - mean[r]) for rows [start, stop)."""
    for r in range(start, stop):
        for k in range(mean.shape[1]):
            mean[r, k] += share * (values[r, k] - mean[r, k])
