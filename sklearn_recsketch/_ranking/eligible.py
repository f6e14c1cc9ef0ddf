"""Eligible items of each user: all items except the excluded ones, or only the user's own candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["Eligible", "eligible", "pair_matrix", "select_rows"]


@dataclass(frozen=True)
class Eligible:
    """Items that may be recommended to each user.

    Either the excluded items or the candidates are stored. The memory use is proportional to the number of stored
    items. If `excluded` and `candidates` are both None, all items are eligible.

    Attributes
    ----------
    excluded : csr_array of shape (n_users, n_items) or None
        The stored entries mark items that are not eligible. They are ignored if `candidates` is not None.
    candidates : csr_array of shape (n_users, n_items) or None
        The stored entries mark the only eligible items.
    """

    excluded: sp.csr_array | None = None
    candidates: sp.csr_array | None = None

    def among(self, matrix: sp.csr_array) -> sp.csr_array:
        """Remove the matrix entries of items that are not among the user's candidates."""
        return matrix if self.candidates is None else sp.csr_array(matrix.multiply(self.candidates))

    def counts(self, n_users: int, n_items: int) -> np.ndarray:
        """Return the number of eligible items of each user."""
        if self.candidates is not None:
            return np.diff(self.candidates.indptr)
        n_excluded = np.zeros(n_users, dtype=np.intp) if self.excluded is None else np.diff(self.excluded.indptr)
        return np.asarray(n_items - n_excluded)


def eligible(excluded: sp.csr_array | None, candidates: sp.csr_array | None) -> Eligible:
    """Combine exclusions and candidates.

    All stored values of `candidates` must be 1. If `candidates` is None, all items are candidates.
    """
    if candidates is None or excluded is None:
        return Eligible(excluded, candidates)
    both = candidates.multiply(_pattern(excluded))
    remaining = sp.csr_array(candidates - both)
    remaining.eliminate_zeros()
    remaining.sort_indices()
    return Eligible(None, remaining)


def pair_matrix(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], dtype: Any = np.float32) -> sp.csr_array:
    """Return a sparse matrix with a value of 1 at each given (row, column) pair.

    Pairs with a negative row or column are skipped, and repeated pairs count only once. The column indices are sorted
    within each row.
    """
    keep = (rows >= 0) & (columns >= 0)
    ones = np.ones(np.count_nonzero(keep), dtype=dtype)
    matrix = sp.csr_array((ones, (rows[keep], columns[keep])), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _pattern(matrix: sp.csr_array) -> sp.csr_array:
    """Return a copy of a matrix in which all stored values are 1."""
    ones = sp.csr_array((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
    ones.sum_duplicates()
    ones.data[:] = 1
    return ones


def select_rows(matrix: sp.csr_array, rows: np.ndarray) -> sp.csr_array:
    """Select rows of a sparse matrix. Row index -1 stands for an empty row."""
    known = rows >= 0
    selected: sp.csr_array = matrix[rows[known]]
    if known.all():
        return selected
    lengths = np.zeros(len(rows), dtype=selected.indptr.dtype)
    lengths[known] = np.diff(selected.indptr)
    indptr = np.append(np.zeros(1, dtype=lengths.dtype), np.cumsum(lengths, dtype=lengths.dtype))
    return sp.csr_array((selected.data, selected.indices, indptr), shape=(len(rows), matrix.shape[1]))
