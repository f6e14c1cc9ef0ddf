"""User and item ids: one hash per column, then integer codes everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import as_column
from sklearn_recsketch._data.id_values import clean_ids, hashable_ids, missing_id, show_id, value_dtype

__all__ = [
    "IdColumn",
    "check_same_kind",
    "encode_ids",
    "lookup",
    "lookup_unsorted",
    "places_of",
    "ranks",
    "show_id",
    "union",
]

FEW = 4  # one in so many ids is found by bisection, more by hashing


@dataclass(frozen=True)
class IdColumn:
    """A column of ids as codes into its distinct values.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), of integers
        Position of each row's id in `ids`; int32 where a column of a table was encoded.
    ids : ndarray of shape (n_ids,)
        Distinct ids, sorted, as integers or as an object array of strings.
    """

    codes: np.ndarray
    ids: np.ndarray


def encode_ids(column: Any, name: str, label: Any = None) -> IdColumn:
    """Turn a column of ids into codes; only the distinct values are ever looked at one by one.

    Parameters
    ----------
    column : one-dimensional array, or column of a pandas, polars or pyarrow table
    name : str
        What to call the ids in errors: "user", "item".
    label : str, default=None
        Name of the column in its frame, where the column does not have it itself.

    Raises
    ------
    ValueError
        For missing and blank ids, floats that are not integers or beyond what their type holds exactly, and values
        of other types; the text names the first offending row.
    """
    column = as_column(column)
    dtype = value_dtype(column)  # before pandas makes another one of it
    hashable = hashable_ids(column, dtype, name, label)
    codes, uniques = pd.factorize(hashable, sort=False, use_na_sentinel=True)
    if len(codes) and codes.min() < 0:
        row = int(np.argmin(codes))
        advice = "drop the rows without one, for example with X.dropna()"
        raise ValueError(missing_id(name, f"row {row}", "NaN or None", advice))
    ids = clean_ids(np.asarray(uniques, dtype=dtype), codes, name)
    order = np.argsort(ids, kind="stable")
    return IdColumn(codes=ranks(order)[codes], ids=ids[order])


def ranks(order: np.ndarray) -> np.ndarray:
    """The place of each element in an order, int32: there is room for fewer ids than that can count."""
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def lookup(ids: np.ndarray, column: IdColumn, name: str, whose: str = "the model was fitted on") -> np.ndarray:
    """Codes of a column's rows in sorted `ids`, -1 where unknown; `whose` they are is for the error about two kinds."""
    if len(column.ids) * FEW > len(ids):
        return lookup_unsorted(ids, column, name, whose)
    # By bisection: a single query must not wait for a hash of all ids.
    if not len(column.ids):
        return np.empty(0, dtype=np.intp)
    check_same_kind(column.ids, ids, f"The {name} ids", whose)
    place = np.minimum(np.searchsorted(ids, column.ids), len(ids) - 1)
    return np.where(ids[place] == column.ids, place, -1)[column.codes]


def lookup_unsorted(ids: np.ndarray, column: IdColumn, name: str, whose: str = "the model was fitted on") -> np.ndarray:
    """`lookup` in ids of any order."""
    if not len(column.ids):
        return np.empty(0, dtype=np.intp)
    check_same_kind(column.ids, ids, f"The {name} ids", whose)
    return np.asarray(pd.Index(ids).get_indexer(pd.Index(column.ids)))[column.codes]


def places_of(ids: np.ndarray, among: np.ndarray, name: str, whose: str = "the model was fitted on") -> np.ndarray:
    """Position of each of distinct ids in sorted ones, -1 where it is not among them."""
    everyone = np.arange(len(ids))
    return everyone if ids is among else lookup(among, IdColumn(everyone, ids), name, whose)


def union(ids: np.ndarray, others: np.ndarray, name: str) -> np.ndarray:
    """Distinct ids of both, all sorted; one of the two arrays itself where it has all."""
    some, most = sorted((ids, others), key=len)
    new = some[places_of(some, most, name) < 0]
    return np.insert(most, np.searchsorted(most, new), new) if len(new) else most


def check_same_kind(ids: np.ndarray, others: np.ndarray, what: str, whose: str) -> None:
    """Raise where integers meet strings: 7 and "7" would silently be two ids."""
    if len(ids) and len(others) and (ids.dtype.kind == "O") != (others.dtype.kind == "O"):
        raise ValueError(
            f"{what} are {_kind(ids)} (first: {show_id(ids[0])}), but {whose} {_kind(others)} "
            f"(first: {show_id(others[0])}). Convert them to one type."
        )


def _kind(ids: np.ndarray) -> str:
    return "strings" if ids.dtype.kind == "O" else "integers"
