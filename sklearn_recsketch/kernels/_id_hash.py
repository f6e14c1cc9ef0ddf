"""Hash table with open addressing that assigns consecutive codes to ids in order of first occurrence.

Ids are added in batches, and each id has an integer key. The key of a string is a hash of its bytes. Hash collisions
are detected by comparing each string with the known string that has the same key.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._rng import mix

__all__ = ["append_strings", "fill_slots", "find_collisions", "hash_strings", "number_keys"]

_PRIME = np.uint64(0x100000001B3)  # of the FNV-1a hash (Fowler, Noll and Vo)
_BASIS = np.uint64(0xCBF29CE484222325)


@inlined
def _slot_of(key, n_slots):
    return mix(uint64(key)) & uint64(n_slots - 1)


@jit
def number_keys(keys, known, n_known, slots, codes, first):
    """Assign consecutive codes to distinct keys in order of first occurrence.

    The code of ``keys[r]`` is written to ``codes[r]``.

    Parameters
    ----------
    keys : int64 array (n,)
        [in] Keys of the batch.
    known : int64 array
        [in, out] Distinct keys. The array must have room for n additional keys.
    n_known : int
        [in] Number of distinct keys on entry.
    slots : int32 array
        [in, out] The hash table. It contains the codes of the keys, and -1 in empty slots. Its size is a power of two
        and at least ``2 * (n_known + n)``.
    codes : int32 array (n,)
        [out] Code of each key.
    first : int64 array (n,)
        [out] Row of the first occurrence of each new key.

    Returns
    -------
    n_known : int
        Number of distinct keys on return.
    """
    n_before = n_known
    for r in range(keys.shape[0]):
        key = keys[r]
        slot = _slot_of(key, slots.shape[0])
        while slots[slot] >= 0 and known[slots[slot]] != key:
            slot = (slot + uint64(1)) & uint64(slots.shape[0] - 1)
        code = slots[slot]
        if code < 0:
            code = n_known
            slots[slot] = code
            known[code] = key
            first[code - n_before] = r
            n_known += 1
        codes[r] = code
    return n_known


@jit
def fill_slots(known, slots):
    """Insert the index of each distinct key into an empty hash table."""
    for code in range(known.shape[0]):
        slot = _slot_of(known[code], slots.shape[0])
        while slots[slot] >= 0:
            slot = (slot + uint64(1)) & uint64(slots.shape[0] - 1)
        slots[slot] = code


@jit
def hash_strings(offsets, data, keys):
    """Set ``keys[r]`` to a hash of the bytes ``data[offsets[r]:offsets[r + 1]]``."""
    for r in range(keys.shape[0]):
        h = _BASIS  # with 0, leading NUL bytes would not change the hash
        for t in range(offsets[r], offsets[r + 1]):
            h = (h ^ uint64(data[t])) * _PRIME
        keys[r] = np.int64(h)


@jit
def append_strings(offsets, data, rows, n_known, known_offsets, known_data):
    """Append the strings in the given rows to the known strings.

    The arrays of known strings must have room for the new strings.
    """
    end = known_offsets[n_known]
    for j in range(rows.shape[0]):
        for t in range(offsets[rows[j]], offsets[rows[j] + 1]):
            known_data[end] = data[t]
            end += 1
        known_offsets[n_known + j + 1] = end


@jit
def find_collisions(offsets, data, codes, known_offsets, known_data, rows):
    """Find the rows whose string differs from the known string with the same code.

    The function writes the row indices to `rows` and returns the number of rows found.
    """
    n_collisions = 0
    for r in range(codes.shape[0]):
        start, known_start = offsets[r], known_offsets[codes[r]]
        length = offsets[r + 1] - start
        difference = length ^ (known_offsets[codes[r] + 1] - known_start)
        if difference == 0:
            for t in range(length):
                difference |= np.int64(data[start + t] ^ known_data[known_start + t])
        if difference != 0:
            rows[n_collisions] = r
            n_collisions += 1
    return n_collisions
