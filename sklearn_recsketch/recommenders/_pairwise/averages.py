"""Averages of the WARP and BPR embeddings over the epochs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sklearn_recsketch.kernels._embedding_rows import move_towards
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["EpochAverage"]

# The weight of epoch t grows like t**POWER, so most of the weight is on the last fifth of the epochs. Unlike the mean
# of the last half, the average after t epochs does not depend on max_iter: it is the result of a fit with max_iter=t.
POWER = 3
ROWS = 4096  # rows per task


class EpochAverage:
    """Polynomial-decay average of arrays that change from epoch to epoch (Shamir and Zhang, ICML 2013).

    Parameters
    ----------
    pool : Workers

    Attributes
    ----------
    arrays : list of ndarray
        Averages of the arrays. The list is empty before the first epoch.
    """

    def __init__(self, pool: Workers) -> None:
        self._pool, self._n = pool, 0
        self.arrays: list[np.ndarray] = []

    def restart(self, arrays: Iterable[np.ndarray]) -> None:
        """Start a new average from these arrays."""
        self.arrays, self._n = [array.copy() for array in arrays], 1

    def add(self, arrays: Iterable[np.ndarray]) -> None:
        """Add the arrays of the next epoch to the average."""
        if not self._n:
            self.restart(arrays)
            return
        self._n += 1
        share = np.float32((POWER + 1) / (self._n + POWER))
        for mean, array in zip(self.arrays, arrays, strict=True):
            self._pool.map(
                lambda task, mean=mean, array=array: move_towards(task[0], task[1], mean, array, share),
                even_ranges(len(mean), ROWS),
            )
