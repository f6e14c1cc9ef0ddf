"""Excess confidences c - 1, in the format that the kernels read."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.kernels._als import Ratings
from sklearn_recsketch.kernels._counting import count, transpose
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of

__all__ = ["ConfidenceError", "excess_of", "ratings_of", "row_sums", "scaled_ratings", "transposed"]

LARGEST = 2.0**24  # from this value on, float32 cannot distinguish 1 + e from e


class ConfidenceError(ValueError):
    """Error raised if a confidence is too large for float32.

    With such a confidence, the other interactions in the same row would be lost to rounding errors.

    Parameters
    ----------
    row, column : int
        Position of the interaction in the matrix of strengths.
    alpha, weight : float
        Factors whose product is the excess confidence.
    term : str
        Formula that expresses the weight in terms of the strength d.
    """

    def __init__(self, row: int, column: int, alpha: float, weight: float, term: str) -> None:
        super().__init__(row, column, alpha, weight, term)  # as args, so that the error can be pickled
        self.row, self.column = row, column

    def __str__(self) -> str:
        return self._text(f"row {self.row} and column {self.column} of the strengths d")

    def of(self, user: Any, item: Any) -> ValueError:
        """Return a ValueError whose message contains the user id and the item id of the pair."""
        return ValueError(self._text(f"the strength d of user {show_id(user)} and item {show_id(item)}"))

    def _text(self, pair: str) -> str:
        _, _, alpha, weight, term = self.args
        advice = "Lower alpha."
        if term == "d":
            advice = "Scale the strengths, for example y / y.mean(), pass confidence='log', or lower alpha."
        return (
            f"alpha * {term} must be below 2**24, but it is {alpha:.6g} * {weight:.6g} = {alpha * weight:.6g} for "
            f"{pair}. Beyond that, float32 cannot represent the confidence 1 + alpha * {term}, and the other "
            f"interactions would be lost to rounding. {advice}"
        )


def ratings_of(excess: sp.csr_array) -> Ratings:
    """Convert a matrix of excess confidences to the format that the kernels read."""
    return Ratings(*rows_of(excess), np.float32(1))


def scaled_ratings(strengths: sp.csr_array, alpha: Any, term: str = "d") -> Ratings:
    """Compute the excess confidences ``alpha * strengths``, in the format that the kernels read.

    The factor and the strengths are stored separately to avoid a copy. If all strengths are equal, only a single value
    is stored.

    Raises
    ------
    ConfidenceError
        If an excess confidence is too large for float32. The error message describes the first such confidence, and
        shows `term` as the formula for the strengths.
    """
    rows, data = rows_of(strengths), strengths.data
    most = float(data.max(initial=0))
    if float(alpha) * most >= LARGEST:
        first = int(np.argmax(data.astype(np.float64) * float(alpha) >= LARGEST))
        row = int(np.searchsorted(strengths.indptr, first, side="right")) - 1
        raise ConfidenceError(row, int(strengths.indices[first]), float(alpha), float(data[first]), term)
    equal = len(data) > 0 and data.min() == most
    # Without strengths, alpha may be too large for float32.
    scale = np.float32(alpha) if most else np.float32(0)
    # A copy, because a view would keep all strengths in memory.
    return Ratings(rows.indptr, rows.indices, read_only(rows.data[:1].copy()) if equal else rows.data, scale)


def transposed(ratings: Ratings, n_columns: int) -> Ratings:
    """Transpose the excess confidences. The indices in each row of the result are sorted."""
    indptr = np.zeros(n_columns + 1, dtype=np.int64)
    count(ratings.indices, indptr[1:])
    np.cumsum(indptr, out=indptr)
    indices, strengths = np.empty_like(ratings.indices), np.empty_like(ratings.strengths)
    strengths[:] = ratings.strengths[:1]  # a single value is stored if all are equal
    transpose(Rows(*ratings[:3]), indptr[:-1].copy(), indices, strengths)
    return ratings._replace(indptr=read_only(indptr), indices=read_only(indices), strengths=read_only(strengths))


def excess_of(ratings: Ratings) -> Rows:
    """Return the excess confidences as an array with one value for each interaction."""
    excess = np.broadcast_to(ratings.scale * ratings.strengths, len(ratings.indices))
    return Rows(ratings.indptr, ratings.indices, read_only(np.ascontiguousarray(excess)))


def row_sums(ratings: Ratings) -> np.ndarray:
    """Sum the excess confidences of each row, in float64."""
    counts = np.diff(ratings.indptr)
    if len(ratings.strengths) == 1:  # all are equal
        return counts * (float(ratings.scale) * float(ratings.strengths[0]))
    sums = np.zeros(len(counts))
    filled = counts > 0
    sums[filled] = np.add.reduceat(ratings.strengths, ratings.indptr[:-1][filled], dtype=np.float64)
    return float(ratings.scale) * sums
