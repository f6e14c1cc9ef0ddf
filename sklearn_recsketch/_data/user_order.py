"""Shuffle the distinct interactions of each user, for splitters that split each user's interactions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import pair_keys

__all__ = ["ShuffledPairs", "sample_fraction_per_user", "shuffle_pairs_per_user"]


@dataclass(frozen=True)
class ShuffledPairs:
    """Distinct user-item pairs with positive strength, shuffled separately for each user.

    Attributes
    ----------
    user : ndarray of shape (n_pairs,)
        User code of each pair.
    rank : ndarray of shape (n_pairs,)
        Rank of each pair in the random order of its user's pairs, starting at 0.
    n_pairs : ndarray of shape (n_pairs,)
        Number of pairs of the same user, for each pair.
    user_draw : ndarray of shape (n_pairs,)
        Random number in [0, 1) for each pair. All pairs of the same user get the same number.
    pair_of_row : ndarray of shape (n_rows,)
        Index of each row's pair, or -1 if the row has a strength of 0.
    """

    user: np.ndarray
    rank: np.ndarray
    n_pairs: np.ndarray
    user_draw: np.ndarray
    pair_of_row: np.ndarray

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Return a mask of the rows that contain the chosen pairs.

        All rows that contain the same pair have the same value in the mask.
        """
        return np.append(chosen, False)[self.pair_of_row]


def shuffle_pairs_per_user(interactions: Interactions, random_state: np.random.RandomState) -> ShuffledPairs:
    """Shuffle the distinct pairs of each user.

    The result does not depend on the order of the rows.
    """
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
    """Return a mask of the rows that contain a random fraction of each user's items.

    At least one item of each user is left out.
    """
    pairs = shuffle_pairs_per_user(interactions, random_state)
    # With random rounding, the expected fraction is correct even for users with few items.
    n_sampled = np.minimum(np.floor(fraction * pairs.n_pairs + pairs.user_draw), pairs.n_pairs - 1)
    return pairs.rows(pairs.rank < n_sampled)
