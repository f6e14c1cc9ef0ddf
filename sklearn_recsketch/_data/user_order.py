"""Random order of the distinct interactions of each user, on which splits per user are based."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import pair_keys

__all__ = ["ShuffledPairs", "sample_fraction_per_user", "shuffle_pairs_per_user"]


@dataclass(frozen=True)
class ShuffledPairs:
    """Distinct user-item pairs of positive strength, in a random order within each user.

    Attributes
    ----------
    user : ndarray of shape (n_pairs,)
        Code of the user of each pair.
    rank : ndarray of shape (n_pairs,)
        Rank of each pair in the order of its user, from 0.
    n_pairs : ndarray of shape (n_pairs,)
        Number of pairs of the user of each pair.
    user_draw : ndarray of shape (n_pairs,)
        Random number in [0, 1) of the user of each pair.
    pair_of_row : ndarray of shape (n_rows,)
        Position of the pair of each row, -1 for a row of strength 0.
    """

    user: np.ndarray
    rank: np.ndarray
    n_pairs: np.ndarray
    user_draw: np.ndarray
    pair_of_row: np.ndarray

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Mask of the rows of the chosen pairs. All rows of a pair are in the same part of a split."""
        return np.append(chosen, False)[self.pair_of_row]


def shuffle_pairs_per_user(interactions: Interactions, random_state: np.random.RandomState) -> ShuffledPairs:
    """Shuffle the distinct pairs of each user. The result does not depend on the order of the rows."""
    positive = interactions.y > 0
    keys, inverse = np.unique(pair_keys(interactions)[positive], return_inverse=True)
    pair_of_row = np.full(len(positive), -1)
    pair_of_row[positive] = inverse
    user = keys // len(interactions.items.ids)
    counts = np.bincount(user, minlength=len(interactions.users.ids))
    order = np.lexsort((random_state.random_sample(len(keys)), user))
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(keys), dtype=np.intp)
    rank[order] = np.arange(len(keys)) - starts[user[order]]
    draw = random_state.random_sample(len(counts))
    return ShuffledPairs(user, rank, counts[user], draw[user], pair_of_row)


def sample_fraction_per_user(
    interactions: Interactions, fraction: float, random_state: np.random.RandomState
) -> np.ndarray:
    """Mask of the rows of a random fraction of the items of each user, but never of all of them."""
    pairs = shuffle_pairs_per_user(interactions, random_state)
    # Random rounding keeps the expected fraction correct for users with few items, too.
    n_sampled = np.minimum(np.floor(fraction * pairs.n_pairs + pairs.user_draw), pairs.n_pairs - 1)
    return pairs.rows(pairs.rank < n_sampled)
