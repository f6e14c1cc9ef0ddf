"""Numbering ids as they come, batch after batch: a hash table with open addressing.

Keys are integers. A string's key is a hash of its bytes; that two strings have the same one is found out by comparing
each with what it is taken for.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._rng import mix

__all__ = ["append_runs", "fill_slots", "hash_runs", "number_keys", "unlike_runs"]

_PRIME = np.uint64(0x100000001B3)  # of the hash of Fowler, Noll and Vo
_BASIS = np.uint64(0xCBF29CE484222325)


@inlined
def _place(key, n_slots):
    return mix(uint64(key)) & uint64(n_slots - 1)


@jit
def number_keys(keys, known, n_known, slots, codes, first):
    """codes[r] = the number of keys[r] among distinct keys, in the order in which they came.

    Parameters
    ----------
    keys : int64 array (n,)
        [in] Keys of a batch.
    known : int64 array
        [in, out] Distinct keys, n_known of them on entry; with room for n more.
    slots : int32 array
        [in, out] Numbers of keys, -1 where there is none: a power of two, at least 2 (n_known + n) of them.
    codes : int32 array (n,)
        [out]
    first : int64 array (n,)
        [out] The row of each new key.

    Returns
    -------
    n_known : int
        Number of distinct keys so far.
    """
    n_before = n_known
    for r in range(keys.shape[0]):
        key = keys[r]
        place = _place(key, slots.shape[0])
        while slots[place] >= 0 and known[slots[place]] != key:
            place = (place + uint64(1)) & uint64(slots.shape[0] - 1)
        code = slots[place]
        if code < 0:
            code = n_known
            slots[place] = code
            known[code] = key
            first[code - n_before] = r
            n_known += 1
        codes[r] = code
    return n_known


@jit
def fill_slots(known, slots):
    """Numbers of distinct keys into empty slots."""
    for code in range(known.shape[0]):
        place = _place(known[code], slots.shape[0])
        while slots[place] >= 0:
            place = (place + uint64(1)) & uint64(slots.shape[0] - 1)
        slots[place] = code


@jit
def hash_runs(offsets, data, keys):
    """keys[r] = a hash of the bytes data[offsets[r]:offsets[r + 1]]."""
    for r in range(keys.shape[0]):
        h = _BASIS  # not 0, which leading NULs would leave as it is
        for t in range(offsets[r], offsets[r + 1]):
            h = (h ^ uint64(data[t])) * _PRIME
        keys[r] = np.int64(h)


@jit
def append_runs(offsets, data, rows, n_known, known_offsets, known_data):
    """Append the bytes of some rows to those of known ids; the arrays have room for them."""
    end = known_offsets[n_known]
    for j in range(rows.shape[0]):
        for t in range(offsets[rows[j]], offsets[rows[j] + 1]):
            known_data[end] = data[t]
            end += 1
        known_offsets[n_known + j + 1] = end


@jit
def unlike_runs(offsets, data, codes, known_offsets, known_data, rows):
    """Which rows have other bytes than the id they are taken for; returns how many, and writes them to `rows`."""
    n_unlike = 0
    for r in range(codes.shape[0]):
        start, there = offsets[r], known_offsets[codes[r]]
        length = offsets[r + 1] - start
        difference = length ^ (known_offsets[codes[r] + 1] - there)
        if difference == 0:
            for t in range(length):
                difference |= np.int64(data[start + t] ^ known_data[there + t])
        if difference != 0:
            rows[n_unlike] = r
            n_unlike += 1
    return n_unlike
