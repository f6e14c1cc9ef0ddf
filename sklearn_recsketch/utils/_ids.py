"""User and item ids: one hash per column, then integer codes everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "IdColumn",
    "are_inexact",
    "check_same_kind",
    "encode_ids",
    "lookup",
    "lookup_unsorted",
    "places_of",
    "ranks",
    "show_id",
    "union",
]

# Above 2**53 neighbouring integers share one float64, so a float can no longer tell two ids apart.
LARGEST_EXACT_FLOAT = 2**53
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


def encode_ids(column: Any, name: str) -> IdColumn:
    """Turn a column of ids into codes; only the distinct values are ever looked at one by one.

    Raises
    ------
    ValueError
        For missing ids, non-integral or inexact floats, and kinds of values that are no ids;
        the text names the first offending row.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind in "UT":
        column = column.astype(object)
    if column.dtype == object:
        _refuse_bools(np.asarray(column), name)
    codes, uniques = pd.factorize(column, sort=False, use_na_sentinel=True)
    if len(codes) and codes.min() < 0:
        row = int(np.argmin(codes))
        raise ValueError(
            f"The {name} id in row {row} is missing (NaN or None). Ids must be ints or strings: "
            f"drop the rows without one, for example with X.dropna()."
        )
    ids = _clean_ids(np.asarray(uniques, dtype=_numpy_dtype(uniques)), codes, name)
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


def show_id(value: Any) -> str:
    """An id as its owner would write it: 7, not np.int64(7)."""
    if isinstance(value, np.datetime64):  # whose item is a number where it counts nanoseconds
        return str(value)
    return repr(value.item() if isinstance(value, np.generic) else value)


def _kind(ids: np.ndarray) -> str:
    return "strings" if ids.dtype.kind == "O" else "integers"


def _numpy_dtype(uniques: Any) -> Any:
    dtype = getattr(uniques, "dtype", None)
    if isinstance(uniques, pd.Index) and isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return dtype if isinstance(dtype, np.dtype) else object


def _clean_ids(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    kind = ids.dtype.kind
    if kind == "O":
        inferred = pd.api.types.infer_dtype(ids, skipna=False)
        if inferred == "string":
            # numpy's own str scalars would survive in an object array: store plain str only.
            return np.array([str(value) for value in ids], dtype=object) if len(ids) else ids
        if inferred == "integer":
            return _integers(ids, codes, name)
        if inferred in ("floating", "mixed-integer-float"):
            return _integral_floats(ids.astype(np.float64), codes, name)
        if len(ids):
            _refuse(ids, codes, name)
        return ids
    if kind in "iu":
        return _integers(ids.astype(object), codes, name) if ids.dtype == np.uint64 else ids.astype(np.int64)
    if kind == "f":
        return _integral_floats(ids, codes, name)
    _refuse(ids, codes, name)
    raise AssertionError("unreachable")


def _refuse_bools(column: np.ndarray, name: str) -> None:
    """A bool among ints has to be found before hashing, which takes True for 1."""
    if pd.api.types.infer_dtype(column, skipna=True) in ("string", "integer", "floating", "mixed-integer-float"):
        return
    row = next((r for r, value in enumerate(column) if isinstance(value, bool | np.bool_)), None)
    if row is not None:
        raise ValueError(
            f"Ids must be ints or strings; the {name} id in row {row} is {show_id(column[row])} of type bool. "
            f"Convert the column, for example with .astype(str)."
        )


def _integers(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    try:
        return ids.astype(np.int64)
    except OverflowError:
        too_large = np.array([not -(2**63) <= int(value) < 2**63 for value in ids])
        bad = int(np.argmax(too_large))
        raise ValueError(
            f"The {name} id in row {_first_row(codes, bad)} does not fit 64 bits: {ids[bad]!r}. "
            f"Pass such ids as strings."
        ) from None


def are_inexact(ids: np.ndarray) -> np.ndarray:
    """Which floats are no integers, or such that float64 cannot tell from their neighbours."""
    return np.asarray(~np.isfinite(ids) | (ids != np.floor(ids)) | (np.abs(ids) >= LARGEST_EXACT_FLOAT))


def _integral_floats(ids: np.ndarray, codes: np.ndarray, name: str) -> np.ndarray:
    bad = are_inexact(ids)
    if bad.any():
        position = int(np.argmax(bad))
        raise ValueError(
            f"The {name} ids are floats, and {show_id(ids[position])} in row {_first_row(codes, position)} is not an "
            f"integer below 2**53. Pass ids as ints or strings, for example X.astype('int64')."
        )
    return ids.astype(np.int64)


def _refuse(ids: np.ndarray, codes: np.ndarray, name: str) -> None:
    """Raise for the first row whose id is of another kind than the rest, or of no usable kind."""
    accepted = (str, int, np.integer)
    position = next(
        (
            p
            for p, value in enumerate(ids)
            if not isinstance(value, accepted)
            or isinstance(value, bool)
            or isinstance(value, str) != isinstance(ids[0], str)
        ),
        0,
    )
    value = ids[position]
    mixed = isinstance(value, accepted) and not isinstance(value, bool)
    rule = "Ids of one column must be all ints or all strings" if mixed else "Ids must be ints or strings"
    raise ValueError(
        f"{rule}; the {name} id in row {_first_row(codes, position)} is {show_id(value)} "
        f"of type {type(value).__name__}. Convert the column, for example with .astype(str)."
    )


def _first_row(codes: np.ndarray, position: int) -> int:
    return int(np.argmax(codes == position))
