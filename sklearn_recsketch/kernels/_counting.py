"""Interactions into the rows of a matrix, sorted by counting: a few passes, each of which writes everything once.

A single number stands for as many equal ones: of strengths that are all 1 there is no array to move about.
"""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import jit

__all__ = [
    "add_rows",
    "count",
    "count_positive",
    "number_columns",
    "scatter_by_item",
    "scatter_by_user",
    "sum_repeats",
    "transpose",
]

F = np.float32


@jit
def count(codes, counts):
    """counts[c] += the number of times that c is among the codes."""
    for t in range(codes.shape[0]):
        counts[codes[t]] += 1


@jit
def count_positive(users, items, strengths, per_user, per_item):
    """Rows of positive strength of each user and of each item, added to the counts."""
    step = 1 if strengths.shape[0] > 1 else 0
    for t in range(users.shape[0]):
        if strengths[t * step] > 0:
            per_user[users[t]] += 1
            per_item[items[t]] += 1


@jit
def scatter_by_item(users, items, strengths, ends, users_out, strengths_out):
    """Users and strengths of the rows of positive strength, item after item, in the order of the rows.

    ends[i] is where those of item i begin; on return, where they end.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    for t in range(users.shape[0]):
        s = strengths[t * step]
        if s > 0:
            place = ends[items[t]]
            ends[items[t]] = place + 1
            users_out[place] = users[t]
            strengths_out[place * step] = s


@jit
def scatter_by_user(starts, users, strengths, ends, items_out, strengths_out):
    """What `scatter_by_item` sorted, user after user: items ascend, and repeats of a pair stay in their order.

    Item i has the places [starts[i], starts[i + 1]); `ends` as there, of users.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    for i in range(starts.shape[0] - 1):
        for t in range(starts[i], starts[i + 1]):
            place = ends[users[t]]
            ends[users[t]] = place + 1
            items_out[place] = i
            strengths_out[place * step] = strengths[t * step]


@jit
def sum_repeats(indptr, indices, strengths, data):
    """Merge entries of a row with equal columns, next to each other, in place; returns how many are left.

    Strengths are summed in float64 and rounded to the float32 of `data`, which may be `strengths` itself; sums that
    float32 takes for 0 are left out.
    """
    step = 1 if strengths.shape[0] > 1 else 0
    n_left = 0
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
                indices[n_left] = c
                data[n_left] = F(total)
                n_left += 1
        indptr[r + 1] = n_left
    return n_left


@jit
def number_columns(matrix, rows, columns, indptr, indices, data):
    """Entries of a matrix under other numbers, which ascend with the old ones; those of number -1 are left out.

    indptr[rows[r] + 1] becomes the end of row r in the new matrix, whose other rows are the caller's to fill in;
    `indices` and `data` may be those of the old matrix. Returns the number of entries left.
    """
    n_left = 0
    for r in range(rows.shape[0]):
        if rows[r] < 0:
            continue
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            c = columns[matrix.indices[t]]
            if c >= 0:
                indices[n_left] = c
                data[n_left] = matrix.data[t]
                n_left += 1
        indptr[rows[r] + 1] = n_left
    return n_left


@jit
def add_rows(old, old_row, columns, new, indptr, indices, data):
    """Sums of two matrices; returns the number of their entries.

    Row r is that of `new` and row old_row[r] of `old`, if that is not -1, whose column c counts as columns[c]. Numbers
    ascend with the old ones. The arrays of the sum have room for the entries of both.
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
    """Entries of a matrix, column after column; ends[c] is where those of column c begin, on return where they end."""
    step = 1 if matrix.data.shape[0] > 1 else 0
    for r in range(matrix.indptr.shape[0] - 1):
        for t in range(matrix.indptr[r], matrix.indptr[r + 1]):
            place = ends[matrix.indices[t]]
            ends[matrix.indices[t]] = place + 1
            indices[place] = r
            data[place * step] = matrix.data[t * step]
