"""The k-core of the user-item graph: what is left when sparse users and items are dropped in turn."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch.utils._compat import Interval

__all__ = ["MINIMA", "dense_rows", "k_core"]

MINIMA: dict[str, Any] = {
    "user_min": [Interval(Integral, 1, None, closed="left")],
    "item_min": [Interval(Integral, 1, None, closed="left")],
}


def k_core(pairs: sp.csr_array, user_min: int, item_min: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows and columns of a matrix survive dropping sparse ones in turn until none is left.

    The largest set in which every user has `user_min` and every item `item_min` partners is unique, so the
    order of dropping does not matter.

    Raises
    ------
    ValueError
        When nothing is left.
    """
    n_users, n_items = pairs.shape
    users, items = np.repeat(np.arange(n_users, dtype=np.int32), np.diff(pairs.indptr)), pairs.indices
    while True:
        user_left = np.bincount(users, minlength=n_users) >= max(user_min, 1)
        item_left = np.bincount(items, minlength=n_items) >= max(item_min, 1)
        both_left = user_left[users] & item_left[items]
        if both_left.all():
            break
        users, items = users[both_left], items[both_left]
    if not len(users):
        raise ValueError(
            f"No interaction is left with user_min={user_min} and item_min={item_min}: every user or item "
            f"has fewer distinct partners among the {pairs.nnz} distinct pairs. Lower the minima."
        )
    return user_left, item_left


def dense_rows(interactions: Interactions, user_min: int, item_min: int) -> np.ndarray:
    """Rows of positive strength whose user and item are in the `k_core` of the distinct pairs."""
    positive = interactions.strength > 0
    shape = len(interactions.users.ids), len(interactions.items.ids)
    users, items = interactions.users.codes, interactions.items.codes
    # A CSR matrix is the quickest way to distinct pairs: it sorts within rows only.
    ones = np.ones(int(positive.sum()), dtype=bool)
    pairs = sp.coo_array((ones, (users[positive], items[positive])), shape=shape).tocsr()
    user_left, item_left = k_core(pairs, user_min, item_min)
    return positive & user_left[users] & item_left[items]
