"""Excess confidences of users and of items, as kernels read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._als import Ratings
from sklearn_recsketch.kernels._counting import count, transpose
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of

__all__ = ["excess_of", "ratings_of", "row_sums", "scaled_ratings", "transposed"]


def ratings_of(excess: sp.csr_array) -> Ratings:
    """Excess confidences that are known as such."""
    return Ratings(*rows_of(excess), np.float32(1))


def scaled_ratings(strengths: sp.csr_array, alpha: Any) -> Ratings:
    """Excess confidences ``alpha * strengths``, which are not written down: a copy would be as large as all strengths.

    Equal strengths, as those of likes, are not either.
    """
    rows, data = rows_of(strengths), strengths.data
    equal = len(data) > 0 and data.min() == data.max()
    with np.errstate(over="ignore"):  # an infinite confidence is what training will notice
        return Ratings(rows.indptr, rows.indices, rows.data[:1] if equal else rows.data, np.float32(alpha))


def transposed(ratings: Ratings, n_columns: int) -> Ratings:
    """Columns as rows, sorted."""
    indptr = np.zeros(n_columns + 1, dtype=np.int64)
    count(ratings.indices, indptr[1:])
    np.cumsum(indptr, out=indptr)
    indices, strengths = np.empty_like(ratings.indices), np.empty_like(ratings.strengths)
    strengths[:] = ratings.strengths[:1]  # the one that stands for all
    transpose(Rows(*ratings[:3]), indptr[:-1].copy(), indices, strengths)
    return ratings._replace(indptr=read_only(indptr), indices=read_only(indices), strengths=read_only(strengths))


def excess_of(ratings: Ratings) -> Rows:
    """Excess confidences, written down."""
    with np.errstate(over="ignore"):
        excess = np.broadcast_to(ratings.scale * ratings.strengths, len(ratings.indices))
    return Rows(ratings.indptr, ratings.indices, read_only(np.ascontiguousarray(excess)))


def row_sums(ratings: Ratings) -> np.ndarray:
    """Sum of each row's excess confidences, in float64."""
    counts = np.diff(ratings.indptr)
    if len(ratings.strengths) == 1:  # the one that stands for all
        return counts * (float(ratings.scale) * float(ratings.strengths[0]))
    sums = np.zeros(len(counts))
    filled = counts > 0
    sums[filled] = np.add.reduceat(ratings.strengths, ratings.indptr[:-1][filled], dtype=np.float64)
    return float(ratings.scale) * sums
