"""Random numbers that are determined by the seed, the epoch and the sample.

The random numbers depend neither on the number of threads nor on the order of the samples.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined

__all__ = ["GOLDEN", "draw_below", "mix", "shuffled", "stream_key"]

# All constants are uint64: numba converts the product of uint64 and a signed integer to float64.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


@inlined
def mix(x):
    """Apply the finalizer of splitmix64 (Steele, Lea and Flood, 2014), a bijection that mixes all 64 bits."""
    x = (x ^ (x >> uint64(30))) * _M1
    x = (x ^ (x >> uint64(27))) * _M2
    return x ^ (x >> uint64(31))


@inlined
def draw_below(key, t, n):
    """Return element t of a stream of random integers that are uniformly distributed on [0, n).

    The upper 32 bits of ``mix(key + t * GOLDEN)`` are multiplied by n. The upper 32 bits of the product are the result.
    """
    return np.int64(((mix(key + uint64(t) * GOLDEN) >> uint64(32)) * uint64(n)) >> uint64(32))


@inlined
def shuffled(position, n, half_bits, key):
    """Return the element at `position` in a random permutation of [0, n), which is determined by a key.

    The permutation is not stored in memory. Three Feistel rounds permute the range ``[0, 4**half_bits)``, which
    contains [0, n). A value outside [0, n) is permuted again until it falls inside (cycle walking).
    """
    mask = (uint64(1) << half_bits) - uint64(1)
    x = uint64(position)
    while True:
        left = x >> half_bits
        right = x & mask
        for r in range(3):
            f = ((right + key + uint64(r) * GOLDEN) * _M1) >> uint64(40)
            left, right = right, (left ^ f) & mask
        x = (left << half_bits) | right
        if x < uint64(n):
            return np.int64(x)


def stream_key(seed: int, epoch: int) -> np.uint64:
    """Return the key that determines the random numbers of an epoch."""
    mask = (1 << 64) - 1
    x = (seed * 0x9E3779B97F4A7C15 + epoch * 0xD1342543DE82EF95 + 1) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return np.uint64(x ^ (x >> 31))
