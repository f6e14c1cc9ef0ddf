"""Which items each user may get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.entries import entries_before, top_entries
from sklearn_recsketch._linalg.squared_errors import entry_squared_errors, squared_errors
from sklearn_recsketch._ranking.ranks import count_items_before
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.utils._threads import Workers

__all__ = ["Eligible", "eligible"]


@dataclass(frozen=True)
class Eligible:
    """All items but some, or some only: what is stored is few pairs, never all of them.

    Attributes
    ----------
    excluded : csr_array of shape (n_users, n_items) or None
        Stored entries are items a user must not get; None: she may get all. Not used where `allowed` is given.
    allowed : csr_array of shape (n_users, n_items) or None
        Stored entries are the only items a user may get.
    """

    excluded: sp.csr_array | None = None
    allowed: sp.csr_array | None = None

    def top(self, users: np.ndarray, items: np.ndarray, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        """The k best items of each user, as of :func:`~sklearn_recsketch._ranking.top_k.top_items`."""
        if self.allowed is not None:
            return top_entries(users, items, self.allowed, k, pool)
        return top_items(users, items, self.excluded, k, pool)

    def before(self, users: np.ndarray, items: np.ndarray, wanted: sp.csr_array, pool: Workers) -> np.ndarray:
        """How many items are ranked before each entry of `wanted`, all of which are eligible."""
        if self.allowed is not None:
            return entries_before(users, items, wanted, self.allowed, pool)
        return count_items_before(users, items, wanted, self.excluded, pool)

    def squared_errors(
        self, users: np.ndarray, items: np.ndarray, preferred: sp.csr_array, pool: Workers
    ) -> np.ndarray:
        """Sum of (p - x.y)^2 over the items of each user; p is 1 for entries of `preferred`, all eligible."""
        if self.allowed is not None:
            return entry_squared_errors(users, items, preferred, self.allowed, pool)
        return squared_errors(users, items, preferred, self.excluded, pool)

    def among(self, matrix: sp.csr_array) -> sp.csr_array:
        """A matrix without the entries that a user of own items may not get."""
        return matrix if self.allowed is None else sp.csr_array(matrix.multiply(self.allowed))

    def counts(self, n_users: int, n_items: int) -> np.ndarray:
        """Number of items of each user."""
        if self.allowed is not None:
            return np.diff(self.allowed.indptr)
        left_out = np.zeros(n_users, dtype=np.intp) if self.excluded is None else np.diff(self.excluded.indptr)
        return np.asarray(n_items - left_out)


def eligible(excluded: sp.csr_array | None, allowed: sp.csr_array | None) -> Eligible:
    """All but the excluded items, or the allowed ones but for the excluded."""
    if allowed is None or excluded is None:
        return Eligible(excluded, allowed)
    both = allowed.multiply(_ones(excluded))
    left = sp.csr_array(allowed - both)
    left.eliminate_zeros()
    left.sort_indices()
    return Eligible(None, left)


def _ones(matrix: sp.csr_array) -> sp.csr_array:
    ones = sp.csr_array((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
    ones.sum_duplicates()
    ones.data[:] = 1
    return ones
