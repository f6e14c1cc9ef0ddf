"""Compute the k-core of the user-item graph, in which every user and item has a minimum number of interactions."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.interactions import Interactions

__all__ = ["k_core", "k_core_rows"]


def k_core(pairs: sp.csr_array, user_min: int, item_min: int) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the matrix rows and matrix columns that belong to the k-core.

    Users with fewer than `user_min` items and items with fewer than `item_min` users are removed repeatedly until all
    remaining users and items have enough interactions. The result does not depend on the order of removal.

    Raises
    ------
    ValueError
        If the k-core is empty.
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
            f"No interaction is left with user_min={user_min} and item_min={item_min}: among the {pairs.nnz} distinct "
            f"pairs, no group of users and items has that many distinct partners each. Lower the minima."
        )
    return user_left, item_left


def k_core_rows(interactions: Interactions, user_min: int, item_min: int) -> np.ndarray:
    """Return a mask of the rows with positive strength whose user and item both belong to the k-core."""
    positive = interactions.strength > 0
    shape = len(interactions.users.ids), len(interactions.items.ids)
    users, items = interactions.users.codes, interactions.items.codes
    # Converting to CSR is the fastest way to find distinct pairs, because it sorts within rows only.
    ones = np.ones(int(positive.sum()), dtype=bool)
    pairs = sp.coo_array((ones, (users[positive], items[positive])), shape=shape).tocsr()
    user_left, item_left = k_core(pairs, user_min, item_min)
    return positive & user_left[users] & item_left[items]
