"""The matrix of strengths, users x items, of a checked table of interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import IdColumn, places_of, show_id
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.pair_sums import renumbered, sum_pairs
from sklearn_recsketch.kernels._counting import count
from sklearn_recsketch.kernels._jit import read_only

__all__ = ["build_matrix", "column_counts", "ids_in_order", "pair_keys", "place_pairs", "present_ids"]


def present_ids(column: IdColumn, rows: np.ndarray) -> np.ndarray:
    """Sorted ids of `column` that occur in the rows where `rows` is True."""
    counts = np.bincount(column.codes[rows], minlength=len(column.ids))
    return column.ids[counts > 0]


def build_matrix(interactions: Interactions, users: np.ndarray, items: np.ndarray) -> sp.csr_array:
    """Strengths as a matrix of sorted users x sorted items; duplicates summed, zeros and unknown ids left out."""
    return place_pairs(sum_pairs(interactions).matrix, interactions, users, items)


def place_pairs(matrix: sp.csr_array, own: Interactions, users: np.ndarray, items: np.ndarray) -> sp.csr_array:
    """A matrix of the ids of a table as one of sorted users x sorted items; ids that are not among them left out."""
    rows = places_of(own.users.ids, users, "user")
    columns = places_of(own.items.ids, items, "item")
    return renumbered(matrix, rows, columns, (len(users), len(items)))


def column_counts(matrix: sp.csr_array) -> np.ndarray:
    """Number of entries of each column."""
    counts = np.zeros(matrix.shape[1], dtype=np.intp)
    count(read_only(matrix.indices), counts)
    return counts


def pair_keys(interactions: Interactions) -> np.ndarray:
    """One int64 per row, equal for equal (user, item) pairs."""
    n_items = len(interactions.items.ids)
    return interactions.users.codes.astype(np.int64) * n_items + interactions.items.codes


def ids_in_order(given: Any, name: str) -> np.ndarray:
    column = check_id_list(given, name)
    if len(column.ids) != len(column.codes):
        place = int(np.argmax(pd.Series(column.codes).duplicated()))
        raise ValueError(
            f"The {name} ids given for a matrix must be distinct, but {show_id(column.ids[column.codes[place]])} in "
            f"place {place} is repeated. Sum the {name}s of one id first."
        )
    return column.ids[column.codes]
