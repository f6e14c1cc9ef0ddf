"""Sum the strengths of repeated user-item pairs in sparse matrices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch.kernels._counting import (
    add_rows,
    count_positive,
    renumber_entries,
    scatter_by_item,
    scatter_by_user,
    sum_repeats,
)
from sklearn_recsketch.kernels._jit import read_only, rows_of

__all__ = ["PairSums", "add_matrices", "renumber", "sum_pairs"]


class PairSums(NamedTuple):
    """Summed strengths of user-item pairs, and the ids with positive strengths.

    Attributes
    ----------
    matrix : csr_array of shape (n_user_ids, n_item_ids), dtype float32
        Strengths, with sorted indices and without stored zeros. Row indices are user codes, and column indices are item
        codes.
    has_users, has_items : ndarray of bool
        Whether each user or item has a row with positive strength. The sum of its strengths may still be rounded to 0
        in float32.
    """

    matrix: sp.csr_array
    has_users: np.ndarray
    has_items: np.ndarray

    def present(self, users: IdColumn, items: IdColumn) -> tuple[np.ndarray, np.ndarray]:
        """Return the user ids and item ids with positive strengths.

        An array is not copied if all its ids have positive strengths.
        """
        pairs = ((users.ids, self.has_users), (items.ids, self.has_items))
        first, second = (ids if has.all() else ids[has] for ids, has in pairs)
        return first, second


def sum_pairs(interactions: Interactions) -> PairSums:
    """Sum the strengths of repeated pairs in float64 and store them in float32.

    The items of each user are sorted by two passes of counting sort, first by item and then by user. The
    temporary memory is 4 bytes per row, plus the size of the strengths if they are not all equal.
    """
    users, items = (read_only(column.codes) for column in (interactions.users, interactions.items))
    shape = len(interactions.users.ids), len(interactions.items.ids)
    strengths = _for_kernels(interactions.strength)
    starts = [np.zeros(n + 1, dtype=np.int64) for n in shape]
    count_positive(users, items, strengths, starts[0][1:], starts[1][1:])
    has = [counts[1:] > 0 for counts in starts]
    for counts in starts:
        np.cumsum(counts, out=counts)
    n = int(starts[0][-1])
    n_strengths = n if len(strengths) > 1 else 1
    by_item, of_item = np.empty(n, dtype=np.int32), np.empty(n_strengths, dtype=strengths.dtype)
    scatter_by_item(users, items, strengths, starts[1][:-1].copy(), by_item, of_item)
    indices, of_pair = np.empty(n, dtype=np.int32), np.empty(n_strengths, dtype=strengths.dtype)
    of_pair[:] = strengths[0]  # the kernel does not write a single strength that all pairs share
    scatter_by_user(starts[1], read_only(by_item), read_only(of_item), starts[0][:-1].copy(), indices, of_pair)
    del by_item, of_item
    in_place = n_strengths == n and of_pair.dtype == np.float32
    data = of_pair if in_place else np.empty(n, dtype=np.float32)
    n_left = sum_repeats(starts[0], indices, of_pair, data)
    if np.isinf(data[:n_left].max(initial=0)):
        raise ValueError(
            "The strengths of a repeated pair add up to more than float32 can represent. Scale the strengths."
        )
    for array in (data, indices):
        array.resize(n_left, refcheck=False)  # frees the unused end of the array without a copy
    return PairSums(_canonical(data, indices, starts[0], shape), has[0], has[1])


def renumber(matrix: sp.csr_array, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sp.csr_array:
    """Move row r of a matrix to row ``rows[r]``, and column c to column ``columns[c]``.

    Rows and columns whose new index is -1 are left out. All other new indices must be ascending. If no index changes,
    the matrix is returned without a copy.
    """
    if matrix.shape == shape and all(np.array_equal(new, np.arange(len(new))) for new in (rows, columns)):
        return matrix
    indptr = np.zeros(shape[0] + 1, dtype=np.int64)
    indices, data = np.empty(matrix.nnz, dtype=np.int32), np.empty(matrix.nnz, dtype=np.float32)
    numbers = [read_only(new.astype(np.int32)) for new in (rows, columns)]
    n_left = renumber_entries(rows_of(matrix), numbers[0], numbers[1], indptr, indices, data)
    for array in (data, indices):
        array.resize(n_left, refcheck=False)
    return _canonical(data, indices, np.maximum.accumulate(indptr), shape)


def add_matrices(old: sp.csr_array, rows: np.ndarray, columns: np.ndarray, new: sp.csr_array) -> sp.csr_array:
    """Add two matrices whose rows and columns are in different positions.

    Row r of `old` is added to row ``rows[r]`` of `new`, and column c of `old` to column ``columns[c]`` of `new`. `rows`
    and `columns` must be ascending.
    """
    old_row = np.full(new.shape[0], -1, dtype=np.int32)
    old_row[rows] = np.arange(len(rows), dtype=np.int32)
    n_most = old.nnz + new.nnz
    indptr = np.zeros(new.shape[0] + 1, dtype=np.int64)
    indices, data = np.empty(n_most, dtype=np.int32), np.empty(n_most, dtype=np.float32)
    numbers = read_only(old_row), read_only(columns.astype(np.int32))
    n = add_rows(rows_of(old), *numbers, rows_of(new), indptr, indices, data)
    for array in (data, indices):
        array.resize(n, refcheck=False)
    return _canonical(data, indices, indptr, new.shape)


def _canonical(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]) -> sp.csr_array:
    """Build a sparse matrix that is marked as canonical, so that scipy does not check it for duplicates again."""
    if len(data) <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)  # otherwise, scipy would convert the indices to int64
    matrix = sp.csr_array((data, indices, indptr), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def _for_kernels(strength: np.ndarray) -> np.ndarray:
    """Return an array with a single strength if all strengths are equal, and with all strengths otherwise.

    The dtype is float32 if float32 represents all strengths exactly.
    """
    if strength.strides == (0,) or strength.min() == strength.max():
        return read_only(strength[:1].copy())
    narrow = strength.astype(np.float32, copy=False)
    exact = narrow is strength or np.array_equal(narrow, strength)
    return read_only(np.ascontiguousarray(narrow if exact else strength))
