"""Norms of vectors, and what they tell of training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["all_finite", "largest_norm", "norms"]


def norms(vectors: np.ndarray) -> np.ndarray:
    """Norms in float64: squares of small float32 values vanish."""
    return np.sqrt(np.einsum("ik,ik->i", vectors, vectors, dtype=np.float64))


def largest_norm(arrays: Iterable[np.ndarray]) -> float:
    """Largest norm of a row of any of them."""
    with np.errstate(over="ignore", invalid="ignore"):
        return max(float(norms(rows).max(initial=0)) for rows in arrays)


def all_finite(arrays: Iterable[np.ndarray]) -> bool:
    """Whether every entry is finite: only then a dot product with itself is. One beyond float32 counts as not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return all(bool(np.isfinite(np.vdot(array, array))) for array in arrays)
