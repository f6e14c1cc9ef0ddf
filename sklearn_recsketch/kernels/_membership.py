"""Where a sparse matrix holds a pair, if it does: a table of bits answers nearly always, a search the rest."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit

__all__ = ["BITS_PER_PAIR", "mark_pairs", "position_of"]

BITS_PER_PAIR = 16  # of 16 pairs that are not held one is searched for: a search costs five times a look at a bit

# Multiply-shift hashing of a pair (Dietzfelbinger et al., 1997): odd multipliers, the highest bits count.
_A = np.uint64(0x9E3779B97F4A7C15)
_B = np.uint64(0xC2B2AE3D27D4EB4F)


@inlined
def _hashed(row, column):
    return uint64(row) * _A + uint64(column) * _B


@inlined
def _search(indptr, indices, row, column):
    """Position of a column in a sorted row, or -1: a binary search without a branch to mispredict."""
    low = indptr[row]
    end = indptr[row + 1]
    length = end - low
    while length > 1:
        half = length >> 1
        low += half * (indices[low + half - 1] < column)
        length -= half
    return low if low < end and indices[low] == column else np.int64(-1)


@inlined
def position_of(bits, shift, indptr, indices, row, column):
    """Where a sorted CSR matrix stores (row, column), or -1; `mark_pairs` sets the 2**(58 - shift) words of bits."""
    place = _hashed(row, column) >> shift
    if (bits[place >> uint64(6)] >> (place & uint64(63))) & uint64(1) == 0:
        return np.int64(-1)
    return _search(indptr, indices, row, column)


@jit
def mark_pairs(indptr, indices, bits, shift):
    """Set the bit of each stored pair."""
    for row in range(indptr.shape[0] - 1):
        for t in range(indptr[row], indptr[row + 1]):
            place = _hashed(row, indices[t]) >> shift
            bits[place >> uint64(6)] |= uint64(1) << (place & uint64(63))
