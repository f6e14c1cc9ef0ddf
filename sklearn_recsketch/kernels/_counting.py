"""Counting sort of interactions into the rows of a CSR matrix, and sums, renumbering and transposes of such matrices.

An array of one strength applies to all entries: interactions that all have strength 1 need no array of strengths.
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
    """Add the number of rows with positive strength of each user and of each item to the counts."""
    step = 1 if strengths.shape[0] > 1 else 0
    for t in range(users.shape[0]):
        if strengths[t * step] > 0:
            per_user[users[t]] += 1
            per_item[items[t]] += 1


@jit
def scatter_by_item(users, items, strengths, ends, users_out, strengths_out):
    """Sort the users and strengths of rows with positive strength by item, keeping the order of rows within an item.

    On entry ``ends[i]`` is the position at which the entries of item i begin; on return it is their end.
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
    """Sort the output of `scatter_by_item` by user: items of a user ascend, and repeats of a pair keep their order.

    Item i has the entries [starts[i], starts[i + 1]). On entry ``ends[u]`` is the position at which the entries of user
    u begin; on return it is their end.
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
    """Merge adjacent entries of a row that have the same column, in position; returns the number of remaining entries.

    Strengths are summed in float64 and rounded to float32 in `data`, which may be `strengths` itself. Sums that are 0
    in float32 are dropped.
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
    """Renumber the rows and columns of a matrix; returns the number of remaining entries.

    Row r becomes row ``rows[r]`` and column c becomes column ``columns[c]``; those with number -1 are dropped. New
    numbers must ascend with the old ones. ``indptr[rows[r] + 1]`` is set to the end of the new row; the caller fills in
    the rows that do not occur in `rows`. `indices` and `data` may be the arrays of the old matrix.
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
    """Add two matrices; returns the number of entries of the sum.

    Row r of the sum is row r of `new` plus row ``old_row[r]`` of `old`, unless that is -1. Column c of `old` becomes
    column ``columns[c]``, and these numbers ascend. The output arrays must have room for the entries of both matrices.
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

    On entry ``ends[c]`` is the position at which the entries of column c begin; on return it is their end.
    """
    step = 1 if matrix.data.shape[0] > 1 else 0
    for r in range(matrix.indptr.shape[0] - 1):
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            position = ends[matrix.indices[t]]
            ends[matrix.indices[t]] = position + 1
            indices[position] = r
            data[position * step] = matrix.data[t * step]
