"""Build the user x item matrix of strengths from a checked table of interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import IdColumn, find_positions, show_id
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.pair_sums import renumber, sum_pairs
from sklearn_recsketch.kernels._counting import count
from sklearn_recsketch.kernels._jit import read_only

__all__ = ["build_matrix", "check_distinct_ids", "column_counts", "pair_keys", "present_ids", "reindex_matrix"]


def present_ids(column: IdColumn, rows: np.ndarray) -> np.ndarray:
    """Return the sorted ids of `column` that occur in the rows selected by the mask `rows`."""
    counts = np.bincount(column.codes[rows], minlength=len(column.ids))
    return column.ids[counts > 0]


def build_matrix(interactions: Interactions, users: np.ndarray, items: np.ndarray) -> sp.csr_array:
    """Build the matrix of summed strengths for the given users and items, which must be sorted.

    Zeros are not stored, and all other users and items are left out.
    """
    return reindex_matrix(sum_pairs(interactions).matrix, interactions, users, items)


def reindex_matrix(matrix: sp.csr_array, table: Interactions, users: np.ndarray, items: np.ndarray) -> sp.csr_array:
    """Convert a matrix that is indexed by the ids of `table` to a matrix for the given users and items.

    The given users and items must be sorted.

    All other users and items are left out.
    """
    rows = find_positions(table.users.ids, users, "user")
    columns = find_positions(table.items.ids, items, "item")
    return renumber(matrix, rows, columns, (len(users), len(items)))


def column_counts(matrix: sp.csr_array) -> np.ndarray:
    """Return the number of stored entries in each column."""
    counts = np.zeros(matrix.shape[1], dtype=np.intp)
    count(read_only(matrix.indices), counts)
    return counts


def pair_keys(interactions: Interactions) -> np.ndarray:
    """Return one int64 key per row, which identifies the user-item pair of the row."""
    n_items = len(interactions.items.ids)
    return interactions.users.codes.astype(np.int64) * n_items + interactions.items.codes


def check_distinct_ids(ids: Any, name: str) -> np.ndarray:
    """Return the row ids or column ids of a matrix in their original order.

    A ValueError is raised if an id is repeated.
    """
    column = check_id_list(ids, name)
    if len(column.ids) != len(column.codes):
        position = int(np.argmax(pd.Series(column.codes).duplicated()))
        raise ValueError(
            f"The {name} ids of a matrix must be distinct, but {show_id(column.ids[column.codes[position]])} at "
            f"position {position} is repeated. Sum the {name}s with the same id first."
        )
    return column.ids[column.codes]
