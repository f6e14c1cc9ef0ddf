"""Build CSR matrices from interactions by counting sort, and renumber, add and transpose CSR matrices.

If an array of strengths has a single element, this strength applies to all entries. Interactions that all have the same
strength therefore need only one value.
"""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import jit

__all__ = [
    "add_rows",
    "count",
    "count_positive",
    "renumber_entries",
    "scatter_by_item",
    "scatter_by_user",
    "sum_repeats",
    "transpose",
]

F = np.float32


@jit
def count(codes, counts):
    """Add the number of occurrences of each code c to ``counts[c]``."""
    for t in range(codes.shape[0]):
        counts[codes[t]] += 1


@jit
def count_positive(users, items, strengths, per_user, per_item):
    """Count the rows with positive strength for each user and for each item.

    The counts are added to `per_user` and `per_item`.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    for t in range(users.shape[0]):
        if strengths[t * step] > 0:
            per_user[users[t]] += 1
            per_item[items[t]] += 1


@jit
def scatter_by_item(users, items, strengths, ends, users_out, strengths_out):
    """Sort the users and strengths of interactions by item.

    Only rows with a positive strength are kept. Rows with the same item remain in their original order. On entry,
    ``ends[i]`` is the position of the first entry of item i. On return, it is the position after the last entry of this
    item.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    for t in range(users.shape[0]):
        s = strengths[t * step]
        if s > 0:
            position = ends[items[t]]
            ends[items[t]] = position + 1
            users_out[position] = users[t]
            strengths_out[position * step] = s


@jit
def scatter_by_user(starts, users, strengths, ends, items_out, strengths_out):
    """Sort the output of `scatter_by_item` by user.

    The items of a user are sorted in ascending order, and repeated pairs remain in their original order. The entries of
    item i are in the range ``[starts[i], starts[i + 1])``. On entry, ``ends[u]`` is the position of the first entry of
    user u. On return, it is the position after the last entry of this user.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    for i in range(starts.shape[0] - 1):
        for t in range(starts[i], starts[i + 1]):
            position = ends[users[t]]
            ends[users[t]] = position + 1
            items_out[position] = i
            strengths_out[position * step] = strengths[t * step]


@jit
def sum_repeats(indptr, indices, strengths, data):
    """Merge adjacent entries that have the same row and column, and return the number of remaining entries.

    The strengths of merged entries are summed in float64. The sums are written to `data` in float32. The array `data`
    may be the same array as `strengths`. Sums that are 0 in float32 are dropped.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    n_kept = 0
    t = indptr[0]
    for r in range(indptr.shape[0] - 1):
        stop = indptr[r + 1]
        while t < stop:
            c = indices[t]
            total = 0.0
            while t < stop and indices[t] == c:
                total += np.float64(strengths[t * step])
                t += 1
            if F(total) != 0:
                indices[n_kept] = c
                data[n_kept] = F(total)
                n_kept += 1
        indptr[r + 1] = n_kept
    return n_kept


@jit
def renumber_entries(matrix, rows, columns, indptr, indices, data):
    """Renumber the rows and columns of a matrix, and return the number of remaining entries.

    Row r becomes row ``rows[r]``, and column c becomes column ``columns[c]``. Rows and columns with a new index of -1
    are dropped. The order of the remaining rows and columns must not change. The function sets ``indptr[rows[r] + 1]``
    to the end of the new row. The caller must set the elements of `indptr` for all new rows that do not occur in
    `rows`. The arrays `indices` and `data` may be the arrays of the old matrix.
    """
    n_kept = 0
    for r in range(rows.shape[0]):
        if rows[r] < 0:
            continue
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            c = columns[matrix.indices[t]]
            if c >= 0:
                indices[n_kept] = c
                data[n_kept] = matrix.data[t]
                n_kept += 1
        indptr[rows[r] + 1] = n_kept
    return n_kept


@jit
def add_rows(old, old_row, columns, new, indptr, indices, data):
    """Add two matrices, and return the number of entries in the sum.

    Row r of the sum is row r of `new` plus row ``old_row[r]`` of `old`. If ``old_row[r]`` is -1, only row r of `new` is
    used. Column c of `old` becomes column ``columns[c]``. The array `columns` must be in ascending order. The output
    arrays must have room for the entries of both matrices.
    """
    n = 0
    for r in range(old_row.shape[0]):
        t = stop = 0
        if old_row[r] >= 0:
            t, stop = old.indptr[old_row[r]], old.indptr[old_row[r] + 1]
        for s in range(new.indptr[r], new.indptr[r + 1]):
            c = new.indices[s]
            total = new.data[s]
            while t < stop and columns[old.indices[t]] < c:
                indices[n] = columns[old.indices[t]]
                data[n] = old.data[t]
                n += 1
                t += 1
            if t < stop and columns[old.indices[t]] == c:
                total += old.data[t]
                t += 1
            indices[n] = c
            data[n] = total
            n += 1
        while t < stop:
            indices[n] = columns[old.indices[t]]
            data[n] = old.data[t]
            n += 1
            t += 1
        indptr[r + 1] = n
    return n


@jit
def transpose(matrix, ends, indices, data):
    """Write the entries of a matrix column by column.

    On entry, ``ends[c]`` is the position of the first entry of column c. On return, it is the position after the last
    entry of this column.
    """
    step = 1 if matrix.data.shape[0] > 1 else 0
    for r in range(matrix.indptr.shape[0] - 1):
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            position = ends[matrix.indices[t]]
            ends[matrix.indices[t]] = position + 1
            indices[position] = r
            data[position * step] = matrix.data[t * step]
