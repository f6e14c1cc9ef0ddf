"""The only numba decorator of the package, and the only way arrays enter kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

__all__ = ["Rows", "inlined", "jit", "read_only", "rows_of"]

# Reordering sums is what lets loops vectorise. NaN and infinity keep their meaning (no "nnan",
# "ninf"): divergence must be seen, and -inf marks excluded items.
_MATH = {"reassoc", "contract", "nsz", "arcp"}

jit = numba.njit(nogil=True, cache=True, fastmath=_MATH, error_model="numpy")
# For small functions called from kernels: inlined by LLVM, cached with their callers.
inlined = numba.njit(nogil=True, fastmath=_MATH, error_model="numpy", forceinline=True)


class Rows(NamedTuple):
    """A CSR matrix for kernels: row r has columns ``indices[indptr[r]:indptr[r + 1]]``."""

    indptr: np.ndarray  # int64
    indices: np.ndarray  # int32
    data: np.ndarray  # float32


def read_only(array: np.ndarray) -> np.ndarray:
    """A read-only view. Kernels get their inputs as these only.

    Memory-mapped arrays in workers and immutable features are read-only, which is another type to
    numba: mixing the two would compile every kernel twice.
    """
    view = array.view()
    view.setflags(write=False)
    return view


def rows_of(matrix: Any) -> Rows:
    """The arrays of a CSR matrix with the types kernels are compiled for."""
    return Rows(
        read_only(np.ascontiguousarray(matrix.indptr, dtype=np.int64)),
        read_only(np.ascontiguousarray(matrix.indices, dtype=np.int32)),
        read_only(np.ascontiguousarray(matrix.data, dtype=np.float32)),
    )
