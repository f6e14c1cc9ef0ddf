"""Encode user and item ids as integer codes, and find the positions of ids in an array of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import as_column
from sklearn_recsketch._data.id_validation import clean_ids, hashable_ids, missing_id, show_id, value_dtype

__all__ = [
    "IdColumn",
    "are_all",
    "check_same_kind",
    "encode_ids",
    "find_positions",
    "inverse_permutation",
    "lookup",
    "show_id",
    "union",
]

FEW = 4  # bisection is used if there are at least this many known ids per id to find, and hashing otherwise
MODEL = "the model was fitted on"


@dataclass(frozen=True)
class IdColumn:
    """A column of ids that are encoded as positions among the sorted distinct ids.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), of integers
        Position of each row's id in `ids`. The dtype is int32 if the column is from a table.
    ids : ndarray of shape (n_ids,)
        Sorted distinct ids, as integers or as an object array of strings.
    """

    codes: np.ndarray
    ids: np.ndarray


def encode_ids(column: Any, name: str, label: Any = None) -> IdColumn:
    """Encode a column of ids as integer codes.

    Python code runs once per distinct id, not once per row.

    Parameters
    ----------
    column : one-dimensional array, or column of a pandas, polars or pyarrow table
    name : str
        Name of the ids in error messages, such as "user" or "item".
    label : str, default=None
        Name of the column in its frame. If None, `column.name` is used if the attribute exists.

    Raises
    ------
    ValueError
        If an id is missing or blank, is neither an integer nor a string, or is a float that has a fractional part or is
        too large to represent integers exactly. The message names the first invalid row.
    """
    column = as_column(column)
    dtype = value_dtype(column)  # the type is read here because pandas changes it below
    hashable = hashable_ids(column, dtype, name, label)
    codes, uniques = pd.factorize(hashable, sort=False, use_na_sentinel=True)
    if len(codes) and codes.min() < 0:
        row = int(np.argmin(codes))
        advice = "drop the rows without one, for example with dropna()"
        raise ValueError(missing_id(name, f"row {row}", "NaN or None", advice))
    ids = clean_ids(np.asarray(uniques, dtype=dtype), codes, name)
    order = np.argsort(ids, kind="stable")
    return IdColumn(codes=inverse_permutation(order)[codes], ids=ids[order])


def are_all(codes: np.ndarray, n: int) -> bool:
    """Return whether the codes are the numbers 0 to n - 1 in ascending order."""
    return len(codes) == n and bool(np.all(codes == np.arange(n)))


def inverse_permutation(order: np.ndarray) -> np.ndarray:
    """Return the inverse of a permutation.

    The dtype of the result is int32, which suffices for all ids that fit in memory.
    """
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def lookup(ids: np.ndarray, column: IdColumn, name: str, reference: str = MODEL) -> np.ndarray:
    """Return the position of each row's id in the sorted array `ids`, or -1 if the id is missing.

    An error is raised if `ids` contains integers and `column` contains strings, or vice versa. The argument `reference`
    describes `ids` in the error message, for example "those of X_train are".
    """
    if not len(column.ids):
        return np.empty(0, dtype=np.intp)
    check_same_kind(column.ids, ids, f"The {name} ids", reference)
    if len(column.ids) * FEW > len(ids):
        return np.asarray(pd.Index(ids).get_indexer(pd.Index(column.ids)))[column.codes]
    # With bisection, a query for a single user does not build a hash table of all ids.
    position = np.minimum(np.searchsorted(ids, column.ids), len(ids) - 1)
    return np.where(ids[position] == column.ids, position, -1)[column.codes]


def find_positions(ids: np.ndarray, among: np.ndarray, name: str, reference: str = MODEL) -> np.ndarray:
    """Return the position of each of the distinct `ids` in the sorted array `among`, or -1 if the id is missing."""
    codes = np.arange(len(ids))
    return codes if ids is among else lookup(among, IdColumn(codes, ids), name, reference)


def union(ids: np.ndarray, others: np.ndarray, name: str) -> np.ndarray:
    """Return the sorted union of two sorted id arrays.

    If one array contains all ids of the other array, this array is returned without a copy.
    """
    few, many = sorted((ids, others), key=len)
    new = few[find_positions(few, many, name) < 0]
    return np.insert(many, np.searchsorted(many, new), new) if len(new) else many


def check_same_kind(ids: np.ndarray, others: np.ndarray, what: str, reference: str) -> None:
    """Raise a ValueError if one array contains integers and the other contains strings.

    Without this check, 7 and "7" would silently be treated as two different ids.
    """
    if len(ids) and len(others) and (ids.dtype.kind == "O") != (others.dtype.kind == "O"):
        raise ValueError(
            f"{what} are {_kind(ids)} (first: {show_id(ids[0])}), but {reference} {_kind(others)} "
            f"(first: {show_id(others[0])}). Convert them to one type."
        )


def _kind(ids: np.ndarray) -> str:
    return "strings" if ids.dtype.kind == "O" else "integers"
