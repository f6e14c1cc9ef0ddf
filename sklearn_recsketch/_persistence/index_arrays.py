"""Checks of the index arrays of sparse matrices, which compiled code uses as positions in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sklearn_recsketch.exceptions import ModelFileError

__all__ = ["check_index_arrays", "overlapping_chunks"]

CHUNK = 2**17  # values that are read at once, so that they stay in the cache of the processor


def check_index_arrays(
    indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int], ascending: bool, distinct: bool
) -> None:
    """Check that the arrays are those of a matrix in CSR format of the given shape.

    Each value is read once, in chunks. The arrays are not copied, so that they may be mapped into memory.

    Parameters
    ----------
    indices, indptr : ndarray
    shape : tuple of int
    ascending : bool
        Whether the file claims that the indices ascend in each row.
    distinct : bool
        Whether the file claims that the indices also differ in each row.
    """
    n_rows, width = shape
    integers = all(part.dtype.kind == "i" and part.ndim == 1 for part in (indices, indptr))
    if not integers or len(indptr) != n_rows + 1 or width < 0:
        raise ModelFileError("the parts of a sparse matrix do not fit together")
    pointers = indptr[0] == 0 and indptr[-1] <= len(indices)
    if not pointers or any((part[1:] < part[:-1]).any() for part in overlapping_chunks(indptr)):
        raise ModelFileError("the row pointers of a sparse matrix are damaged")
    if any(part.min() < 0 or part.max() >= width for part in overlapping_chunks(indices)):
        raise ModelFileError("an index of a sparse matrix is out of range")
    if (ascending or distinct) and not _ascend(indices[: indptr[-1]], indptr, distinct):
        raise ModelFileError("the indices of a sparse matrix are not in the order that the file claims")


def overlapping_chunks(values: np.ndarray) -> Iterator[np.ndarray]:
    """Split an array into parts. Each part starts with the last value of the part before it."""
    for start in range(0, len(values), CHUNK):
        yield values[max(0, start - 1) : start + CHUNK]


def _ascend(indices: np.ndarray, indptr: np.ndarray, distinct: bool) -> bool:
    """Return whether the indices only descend from the end of a row to the start of another row."""
    descends = np.less_equal if distinct else np.less
    n_descents = sum(int(np.count_nonzero(descends(part[1:], part[:-1]))) for part in overlapping_chunks(indices))
    for part in overlapping_chunks(indptr[:-1]):
        # An empty row starts where the next row starts.
        starts = part[1:][part[1:] > part[:-1]]
        starts = starts[starts < len(indices)]
        n_descents -= int(np.count_nonzero(descends(indices[starts], indices[starts - 1])))
    return n_descents == 0
