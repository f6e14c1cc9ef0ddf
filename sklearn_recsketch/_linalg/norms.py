"""Vector norms, and checks for divergence during training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["all_finite", "largest_norm", "norms"]


def norms(vectors: np.ndarray) -> np.ndarray:
    """Return the norm of each row.

    The norms are computed in float64 because the squares of small float32 values underflow.
    """
    return np.sqrt(np.einsum("ik,ik->i", vectors, vectors, dtype=np.float64))


def largest_norm(arrays: Iterable[np.ndarray]) -> float:
    """Return the largest row norm over all arrays."""
    with np.errstate(over="ignore", invalid="ignore"):
        return max(float(norms(rows).max(initial=0)) for rows in arrays)


def all_finite(arrays: Iterable[np.ndarray]) -> bool:
    """Return whether all entries of all arrays are finite.

    The function tests the squared norm of each array, so it also returns False if a squared norm overflows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return all(bool(np.isfinite(np.vdot(array, array))) for array in arrays)
