"""Each user's distinct pairs in a random order: what every per-user split is made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import pair_keys

__all__ = ["ShuffledPairs", "sample_fraction_per_user", "shuffle_pairs_per_user"]


@dataclass(frozen=True)
class ShuffledPairs:
    """Distinct pairs of positive strength, each with a random place among those of its user.

    Attributes
    ----------
    user : ndarray of shape (n_pairs,)
        Code of each pair's user.
    rank : ndarray of shape (n_pairs,)
        Place of the pair among its user's, from 0.
    n_pairs : ndarray of shape (n_pairs,)
        Number of pairs of its user.
    user_draw : ndarray of shape (n_pairs,)
        A number in [0, 1), one per user.
    pair_of_row : ndarray of shape (n_rows,)
        Pair of each row, -1 for a row of strength 0.
    """

    user: np.ndarray
    rank: np.ndarray
    n_pairs: np.ndarray
    user_draw: np.ndarray
    pair_of_row: np.ndarray

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Mask of the rows whose pair is chosen: all rows of a pair, so that none is on both sides."""
        return np.append(chosen, False)[self.pair_of_row]


def shuffle_pairs_per_user(interactions: Interactions, random_state: np.random.RandomState) -> ShuffledPairs:
    """Order each user's distinct pairs at random; the order does not depend on that of the rows."""
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
    """Mask of the rows of a random share of each user's items, never all of them."""
    pairs = shuffle_pairs_per_user(interactions, random_state)
    # Rounding at random keeps the share right for users with few items, too.
    taken = np.minimum(np.floor(fraction * pairs.n_pairs + pairs.user_draw), pairs.n_pairs - 1)
    return pairs.rows(pairs.rank < taken)
