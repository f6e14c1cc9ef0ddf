"""Validate a single id or a list of ids in a query."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.frames import as_column, columns_of, frame_library
from sklearn_recsketch._data.ids import IdColumn, encode_ids

__all__ = ["BYTES", "check_id_list", "id_array"]

BYTES = (bytes, bytearray, memoryview)  # iterating over them gives integers, which would be taken for ids


def check_id_list(ids: Any, name: str) -> IdColumn:
    """Encode a single id or a one-dimensional list of ids in a query.

    If the ids are passed as a set, they are sorted, because a set has no order.
    """
    if hasattr(ids, "as_py"):  # an Arrow scalar, which would lose its type if converted by as_py alone
        import pyarrow as pa

        ids = pa.array([ids.as_py()], ids.type)
    if isinstance(ids, np.ndarray) and ids.ndim == 0:
        ids = ids[()]  # keeps the type: float32 is less precise than float
    # Floats are accepted, too, because table.iloc[0]["item"] converts an integer to float.
    if isinstance(ids, (str, int, float, np.generic)) and not isinstance(ids, bool | bytes):
        ids = [ids]
    column = encode_ids(id_array(ids, name), name)
    return IdColumn(np.arange(len(column.ids)), column.ids) if isinstance(ids, set | frozenset) else column


def id_array(ids: Any, name: str) -> Any:
    """Convert a one-dimensional list of ids to an array, unless it is a pandas object."""
    if isinstance(ids, BYTES):
        raise TypeError(
            f"{name} ids must be ints or strings, got {reprlib.repr(ids)} of type {type(ids).__name__}. "
            f"Decode it: id.decode()."
        )
    if frame_library(ids) is not None:
        first = (columns_of(ids)[1] or ["id"])[0]
        raise ValueError(
            f"{name} ids must be a one-dimensional list, got a frame of shape {tuple(ids.shape)}. "
            f"Pass one column of it, for example frame[{first!r}]."
        )
    if isinstance(ids, Mapping) or sp.issparse(ids) or not (isinstance(ids, Iterable) or hasattr(ids, "__array__")):
        raise TypeError(
            f"{name} ids must be a list of ints or strings, got {reprlib.repr(ids)} of type {type(ids).__name__}."
        )
    if not hasattr(ids, "dtype") and not hasattr(ids, "to_pandas"):
        # Without dtype=object, numpy would convert the integer in ["u", 1] to a string.
        ids = np.array(list(ids), dtype=object)
    column = as_column(ids)
    if column.ndim != 1:
        raise ValueError(
            f"{name} ids must be a one-dimensional list, got an array of shape {column.shape}. "
            f"Pass one column, for example X[:, 0]."
        )
    return column
