"""Find the position of a pair in a sparse matrix with a bit table and a binary search.

The bit table rules out most pairs that are not in the matrix. A binary search is only needed for the remaining pairs.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._prefetch import prefetch_entry

__all__ = ["BITS_PER_PAIR", "mark_pairs", "position_of", "prefetch_position"]

BITS_PER_PAIR = 16  # with 16, one in 16 absent pairs needs a search, which costs five times as much as reading a bit

# Multiply-shift hashing of a pair (Dietzfelbinger et al., 1997): odd multipliers; the highest bits are used.
_A = np.uint64(0x9E3779B97F4A7C15)
_B = np.uint64(0xC2B2AE3D27D4EB4F)


@inlined
def _hashed(row, column):
    return uint64(row) * _A + uint64(column) * _B


@inlined
def _search(indptr, indices, row, column):
    """Return the position of a column in a sorted row, or -1 if the row does not contain the column.

    The binary search has no unpredictable branches.
    """
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
    """Return the position of (row, column) in a sorted CSR matrix, or -1 if it is not stored.

    The array `bits` has ``2**(58 - shift)`` words. Its bits are set by `mark_pairs`.
    """
    bit = _hashed(row, column) >> shift
    if (bits[bit >> uint64(6)] >> (bit & uint64(63))) & uint64(1) == 0:
        return np.int64(-1)
    return _search(indptr, indices, row, column)


@inlined
def prefetch_position(bits, shift, row, column):
    """Prefetch the word of the bit table that `position_of` reads first."""
    prefetch_entry(bits, np.int64((_hashed(row, column) >> shift) >> uint64(6)))


@jit
def mark_pairs(indptr, indices, bits, shift):
    """Set the bit of each pair that is stored in the matrix."""
    for row in range(indptr.shape[0] - 1):
        for t in range(indptr[row], indptr[row + 1]):
            bit = _hashed(row, indices[t]) >> shift
            bits[bit >> uint64(6)] |= uint64(1) << (bit & uint64(63))
