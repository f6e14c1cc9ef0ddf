"""Sums of squared errors of predicted preferences over all user-item pairs, without a loop over the pairs."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.entries import entry_scores, entry_sums
from sklearn_recsketch._linalg.gram import gram
from sklearn_recsketch.utils._threads import Workers

__all__ = ["entry_squared_errors", "squared_errors", "weighted_squared_errors"]


def squared_errors(
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    preferred: sp.csr_array,
    excluded: sp.csr_array | None,
    pool: Workers,
) -> np.ndarray:
    """Return the sum of ``(p - x.y)^2`` over all items for each user, in float64.

    The preference p is 1 for preferred items and 0 for other items. The entries of `excluded` are left out of the sum
    and must not be preferred. If Y is the matrix of item vectors, the sum is
    ``x'(Y'Y)x - 2 sum_preferred x.y + n_preferred - sum_excluded (x.y)^2``.
    """
    x = user_vectors.astype(np.float64)
    total = np.einsum("uk,uk->u", x @ gram(item_vectors, pool), x)
    total -= entry_sums(preferred, 2 * entry_scores(user_vectors, item_vectors, preferred, pool) - 1)
    if excluded is not None:
        total -= entry_sums(excluded, entry_scores(user_vectors, item_vectors, excluded, pool) ** 2)
    return total


def entry_squared_errors(
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    preferred: sp.csr_array,
    allowed: sp.csr_array,
    pool: Workers,
) -> np.ndarray:
    """Return the sum of ``(p - x.y)^2`` over the allowed items of each user, in float64.

    The preference p is 1 for preferred items and 0 for other items. All preferred items must be allowed.
    """
    total = entry_sums(allowed, entry_scores(user_vectors, item_vectors, allowed, pool) ** 2)
    return np.asarray(total - entry_sums(preferred, 2 * entry_scores(user_vectors, item_vectors, preferred, pool) - 1))


def weighted_squared_errors(
    user_vectors: np.ndarray, item_vectors: np.ndarray, excess: sp.csr_array, pool: Workers
) -> float:
    """Return the sum of ``c (p - x.y)^2`` over all user-item pairs, in float64.

    The stored entries of `excess` are ``e = c - 1``. The preference p is 1 for these entries and 0 for all other pairs.
    The sum is
    ``tr(X'X Y'Y) + sum_entries (1 + e) (1 - x.y)^2 - (x.y)^2``.
    """
    all_pairs = float(np.vdot(gram(user_vectors, pool), gram(item_vectors, pool)))
    scores = entry_scores(user_vectors, item_vectors, excess, pool)
    weights = 1 + excess.data.astype(np.float64)
    return all_pairs + float((weights * (1 - scores) ** 2 - scores**2).sum())
