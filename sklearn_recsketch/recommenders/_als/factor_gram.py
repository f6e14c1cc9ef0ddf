"""Gram matrix of fitted factors, which is computed for the first fold-in and kept as long as the factors exist."""

from __future__ import annotations

import weakref
from typing import NamedTuple

import numpy as np

from sklearn_recsketch._linalg.gram import gram
from sklearn_recsketch.recommenders._als.rows import Eigenbasis
from sklearn_recsketch.utils._threads import Workers

__all__ = ["FactorGram", "gram_of_factors"]


class FactorGram(NamedTuple):
    """Gram matrix of factors, and its eigendecomposition."""

    matrix: np.ndarray  # float64 (K, K)
    eigenbasis: Eigenbasis


_KEPT: dict[int, tuple[weakref.ref[np.ndarray], np.ndarray, FactorGram]] = {}


def gram_of_factors(factors: np.ndarray, active: np.ndarray, pool: Workers) -> FactorGram:
    """Return the Gram matrix of the active rows of fitted factors.

    The result is kept outside of the recommender, so that queries do not change its state. It takes ``16 K^2`` bytes.
    It is computed again if the factors have been changed in place, which the sums of their columns show. NumPy
    computes the same bits for the same array, unlike some BLAS libraries.

    Parameters
    ----------
    factors : ndarray of shape (n, K)
        Attribute of a fitted recommender.
    active : ndarray of shape (n,), dtype bool
        Rows that took part in training.
    pool : Workers
    """
    key, sums = id(factors), factors.sum(axis=0)
    kept = _KEPT.get(key)
    if kept is not None and kept[0]() is factors and np.array_equal(kept[1], sums):
        return kept[2]
    matrix = gram(factors if active.all() else factors[active], pool)
    result = FactorGram(matrix, Eigenbasis.of(matrix, np.float64))
    _KEPT[key] = weakref.ref(factors, lambda _: _KEPT.pop(key, None)), sums, result
    return result
