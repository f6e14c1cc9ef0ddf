"""Scores of the users and items of a query, from which rankings are computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.entries import entries_before, top_entries
from sklearn_recsketch._linalg.squared_errors import entry_squared_errors, squared_errors
from sklearn_recsketch._ranking.eligible import Eligible
from sklearn_recsketch._ranking.ranks import count_before_in_blocks, count_items_before
from sklearn_recsketch._ranking.top_k import top_items, top_of_blocks, users_per_block
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["InnerProducts", "ScoreBlocks", "Scores"]


class Scores(Protocol):
    """Scores of each item of a query for each user of the query."""

    def top(self, eligible: Eligible, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        """Return the k best eligible items of each user.

        The result has the same format as the result of :func:`~sklearn_recsketch._ranking.top_k.top_items`.
        """
        ...

    def before(self, eligible: Eligible, wanted: sp.csr_array, pool: Workers) -> np.ndarray:
        """Count the eligible items that are ranked before each queried item.

        The stored entries of `wanted` mark the queried items, which must be eligible.
        """
        ...

    def squared_errors(self, eligible: Eligible, preferred: sp.csr_array, pool: Workers) -> np.ndarray:
        """Return the sum of (p - score)^2 over the eligible items of each user.

        The preference p is 1 for the entries of `preferred` and 0 for all other items. The entries of `preferred` must
        be eligible.
        """
        ...


@dataclass(frozen=True)
class InnerProducts:
    """Scores that are inner products of user vectors and item vectors. See `Scores` for the methods.

    Attributes
    ----------
    users, items : ndarray of shape (n_users or n_items, n_components)
    """

    users: np.ndarray
    items: np.ndarray

    def top(self, eligible: Eligible, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        if eligible.candidates is not None:
            return top_entries(self.users, self.items, eligible.candidates, k, pool)
        return top_items(self.users, self.items, eligible.excluded, k, pool)

    def before(self, eligible: Eligible, wanted: sp.csr_array, pool: Workers) -> np.ndarray:
        if eligible.candidates is not None:
            return entries_before(self.users, self.items, wanted, eligible.candidates, pool)
        return count_items_before(self.users, self.items, wanted, eligible.excluded, pool)

    def squared_errors(self, eligible: Eligible, preferred: sp.csr_array, pool: Workers) -> np.ndarray:
        if eligible.candidates is not None:
            return entry_squared_errors(self.users, self.items, preferred, eligible.candidates, pool)
        return squared_errors(self.users, self.items, preferred, eligible.excluded, pool)


@dataclass(frozen=True)
class ScoreBlocks:
    """Scores that any function computes for a block of users. See `Scores` for the methods.

    Attributes
    ----------
    block : callable
        Function that returns the scores of all items for a slice of the users, as an array of shape (n_rows, n_items)
        and dtype float32. The array may be overwritten.
    n_users, n_items : int
    width : int or None
        Number of scores per user that `block` computes, if it computes more than it returns.
    """

    block: Callable[[slice], np.ndarray]
    n_users: int
    n_items: int
    width: int | None = None

    def top(self, eligible: Eligible, k: int, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        shape = self.n_users, self.n_items
        return top_of_blocks(self._block_of(eligible), shape, eligible.excluded, k, pool, self.width)

    def before(self, eligible: Eligible, wanted: sp.csr_array, pool: Workers) -> np.ndarray:
        return count_before_in_blocks(self._block_of(eligible), wanted, eligible.excluded, pool, self.width)

    def squared_errors(self, eligible: Eligible, preferred: sp.csr_array, pool: Workers) -> np.ndarray:
        total = np.empty(self.n_users)

        def part(task: tuple[int, int]) -> None:
            rows = slice(*task)
            errors = self.block(rows).astype(np.float64) - preferred[rows].toarray()
            if eligible.candidates is not None:
                errors *= eligible.candidates[rows].toarray() != 0
            elif eligible.excluded is not None:
                errors *= eligible.excluded[rows].toarray() == 0
            total[rows] = (errors**2).sum(axis=1)

        pool.map(part, even_ranges(self.n_users, users_per_block(self.width or self.n_items)))
        return total

    def _block_of(self, eligible: Eligible) -> Callable[[slice], np.ndarray]:
        """Return a function like `block` that returns -inf for all items that are not candidates of a user."""
        candidates = eligible.candidates
        if candidates is None:
            return self.block

        def block(rows: slice) -> np.ndarray:
            chosen = sp.coo_array(candidates[rows]).coords
            scores = self.block(rows)
            among = np.full_like(scores, -np.inf)
            among[chosen] = scores[chosen]
            return among

        return block
