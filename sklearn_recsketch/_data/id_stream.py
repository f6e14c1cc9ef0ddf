"""Encode a column of ids that is read in batches.

The ids are stored in one growing hash table, without creating Python objects.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from sklearn_recsketch._data.ids import IdColumn, inverse_permutation
from sklearn_recsketch.kernels._id_hash import append_strings, fill_slots, find_collisions, hash_strings, number_keys
from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.utils._threads import even_ranges

__all__ = ["IdStream", "IntegerStream", "StringStream", "stream_of"]

ROWS = 2**20  # number of rows whose codes are replaced at once


class _Keys:
    """Hash table that numbers distinct integer keys in order of first appearance."""

    def __init__(self) -> None:
        self.n_known = 0
        self._known = np.empty(0, dtype=np.int64)
        self._slots = np.empty(0, dtype=np.int32)

    @property
    def known(self) -> np.ndarray:
        """The distinct keys in order of first appearance."""
        return self._known[: self.n_known]

    def number(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number assigned to each key, and the index of the first row that contains each new key."""
        self._make_room(len(keys))
        codes, first = np.empty(len(keys), dtype=np.int32), np.empty(len(keys), dtype=np.int64)
        n_before = self.n_known
        self.n_known = number_keys(read_only(keys), self._known, n_before, self._slots, codes, first)
        return codes, first[: self.n_known - n_before]

    def _make_room(self, n: int) -> None:
        n_slots = 1 << (2 * (self.n_known + n) - 1).bit_length()
        if n_slots > len(self._slots):
            self._known = _grown(self._known, self.n_known, n_slots // 2)
            self._slots = np.full(n_slots, -1, dtype=np.int32)
            fill_slots(read_only(self.known), self._slots)


class IdStream(ABC):
    """Base class of encoders for a column of ids that is read in batches.

    While batches are added, ids are numbered in order of first appearance. Finally, :meth:`column` replaces each of
    these codes with the position of the id among the sorted ids.

    Parameters
    ----------
    n_rows : int
        Total number of rows in all batches.
    """

    def __init__(self, n_rows: int) -> None:
        self._keys, self._n_read = _Keys(), 0
        self._codes = np.empty(n_rows, dtype=np.int32)  # one large array does not fragment the memory

    def add(self, batch: Any) -> None:
        """Add the next batch of ids, which is a pyarrow array without nulls."""
        start, self._n_read = self._n_read, self._n_read + len(batch)
        self._codes[start : self._n_read] = self._numbers(batch)

    def column(self) -> IdColumn:
        """Return the encoded column of all rows.

        This method overwrites the codes of the stream. No batches can be added afterwards.
        """
        ids, order = self._sorted_ids()
        position = inverse_permutation(order)
        for start, stop in even_ranges(len(self._codes), ROWS):
            self._codes[start:stop] = position[self._codes[start:stop]]
        return IdColumn(self._codes, ids)

    @abstractmethod
    def _numbers(self, batch: Any) -> np.ndarray:
        """Return the code of each id in a batch, and assign codes to new ids."""

    @abstractmethod
    def _sorted_ids(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sorted ids, and the permutation that sorts them."""


class IntegerStream(IdStream):
    """Encoder for batches of integer ids, of type int64."""

    def _numbers(self, batch: Any) -> np.ndarray:
        return self._keys.number(batch.to_numpy())[0]

    def _sorted_ids(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self._keys.known, kind="stable")
        return self._keys.known[order], order


class StringStream(IdStream):
    """Encoder for batches of string ids, of type large_string."""

    def __init__(self, n_rows: int) -> None:
        super().__init__(n_rows)
        self._offsets, self._data = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8)

    def _numbers(self, batch: Any) -> np.ndarray:
        n = len(batch)
        _, offsets, data = batch.buffers()
        offsets = read_only(np.frombuffer(offsets, dtype=np.int64)[batch.offset : batch.offset + n + 1])
        data = read_only(np.frombuffer(b"" if data is None else data, dtype=np.uint8))
        keys = np.empty(n, dtype=np.int64)
        hash_strings(offsets, data, keys)
        codes, rows = np.empty(n, dtype=np.int32), np.arange(n)
        while len(rows):
            codes[rows] = self._number(offsets, data, rows, keys[rows])
            # Linear probing: if two ids share a hash, the later one takes the next free hash.
            unlike = np.empty(n, dtype=np.int64)
            rows = unlike[: find_collisions(offsets, data, codes, self._offsets, self._data, unlike)]
            keys[rows] += 1
        return codes

    def _number(self, offsets: np.ndarray, data: np.ndarray, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        n_before = self._keys.n_known
        codes, first = self._keys.number(keys)
        new = rows[first]
        n_bytes = int(self._offsets[n_before] + (offsets[new + 1] - offsets[new]).sum())
        if n_bytes > len(self._data) or self._keys.n_known >= len(self._offsets):
            self._data = _grown(self._data, int(self._offsets[n_before]), 2 * n_bytes)
            self._offsets = _grown(self._offsets, n_before + 1, 2 * self._keys.n_known + 1)
        append_strings(offsets, data, new, n_before, self._offsets, self._data)
        return codes

    def _sorted_ids(self) -> tuple[np.ndarray, np.ndarray]:
        import pyarrow as pa
        import pyarrow.compute as pc

        n = self._keys.n_known
        buffers = [None, pa.py_buffer(self._offsets), pa.py_buffer(self._data)]
        ids = pa.Array.from_buffers(pa.large_string(), n, buffers)
        order = pc.sort_indices(ids)  # compares UTF-8 bytes, which gives the same order as comparing Python strings
        return ids.take(order).to_numpy(zero_copy_only=False), order.to_numpy()


def stream_of(kind: str, n_rows: int) -> IdStream:
    """Create an encoder for integer ids or string ids, depending on `kind`."""
    return {"integers": IntegerStream, "strings": StringStream}[kind](n_rows)


def _grown(array: np.ndarray, n_kept: int, size: int) -> np.ndarray:
    """Copy the first `n_kept` elements of an array to a new, larger array."""
    larger = np.empty(size, dtype=array.dtype)
    larger[:n_kept] = array[:n_kept]
    return larger
