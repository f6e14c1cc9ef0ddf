"""Search by looking at all that norms do not rule out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.top_k import RankedItems
from sklearn_recsketch.utils._threads import Workers

__all__ = ["Exact"]


class Exact:
    """The search of `recommend`, with the items made ready once.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_components), dtype float32
    """

    kind = "exact"

    def __init__(self, vectors: np.ndarray) -> None:
        self._items = RankedItems(vectors)

    def top(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers) -> np.ndarray:
        """Rows of the k best of each query; -1 where too few are left."""
        return self._items.top(queries, excluded, k, pool)[0]

    def settings(self) -> dict[str, Any]:
        """What `load` has to be told again."""
        return {}

    def save(self, folder: Path) -> None:
        """Nothing: the vectors are all it needs."""

    @classmethod
    def load(cls, folder: Path, vectors: np.ndarray) -> Exact:
        """From vectors alone."""
        return cls(vectors)
