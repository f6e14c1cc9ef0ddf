"""Ids that a query names: one, or a list of them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch.utils._frames import columns_of, frame_library
from sklearn_recsketch.utils._ids import IdColumn, encode_ids

__all__ = ["BYTES", "check_id_list", "id_array"]

BYTES = (bytes, bytearray, memoryview)  # their elements are integers: as lists of ids they would be misread


def check_id_list(ids: Any, name: str) -> IdColumn:
    """Encode a one-dimensional list of ids given to a query; a single id is a list of one.

    Ids of a set, which has no order, are sorted.
    """
    if hasattr(ids, "as_py"):  # a scalar of Arrow
        ids = ids.as_py()
    if isinstance(ids, np.ndarray) and ids.ndim == 0:
        ids = ids.item()
    # A float, too: table.iloc[0]["item"] makes one of an integer.
    if isinstance(ids, (str, int, float, np.integer, np.floating)) and not isinstance(ids, bool):
        ids = [ids]
    column = encode_ids(id_array(ids, name), name)
    return IdColumn(np.arange(len(column.ids)), column.ids) if isinstance(ids, set | frozenset) else column


def id_array(ids: Any, name: str) -> Any:
    """A one-dimensional list of ids as an array, or as the pandas object it is."""
    if isinstance(ids, BYTES):
        raise TypeError(
            f"{name} ids must be ints or strings, got {reprlib.repr(ids)} of type {type(ids).__name__}. "
            f"Decode it: id.decode()."
        )
    if isinstance(ids, pd.Series | pd.Index):
        return ids
    if frame_library(ids) is not None:
        first = (columns_of(ids)[1] or ["id"])[0]
        raise ValueError(
            f"{name} ids must be a one-dimensional list, got a frame of shape {tuple(ids.shape)}. "
            f"Pass one column of it, for example frame[{first!r}]."
        )
    if isinstance(ids, Mapping) or sp.issparse(ids) or not isinstance(ids, Iterable):
        raise TypeError(
            f"{name} ids must be a list of ints or strings, got {reprlib.repr(ids)} of type {type(ids).__name__}."
        )
    if isinstance(ids, np.ma.MaskedArray):
        mask, ids = np.ma.getmaskarray(ids), np.asarray(ids).astype(object)
        ids[mask] = None
    if hasattr(ids, "to_pylist"):  # Arrow gives arrays of strings or with nulls in no other way
        ids = ids.to_pylist()
    array = ids.to_numpy() if hasattr(ids, "to_numpy") else ids
    if not isinstance(array, np.ndarray):
        array = np.array(list(array), dtype=object)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim != 1:
        raise ValueError(
            f"{name} ids must be a one-dimensional list, got an array of shape {array.shape}. "
            f"Pass one column, for example X[:, 0]."
        )
    return array
