"""WARP and BPR fold-in: compute the vectors of new users or items with the other side fixed."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.kernels._pairs import ACCUMULATOR, Samples, Side
from sklearn_recsketch.recommenders._pairwise.epochs import NO_BITS, NO_STRENGTHS, every_item
from sklearn_recsketch.recommenders._pairwise.losses import PairwiseLoss
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["fold_in"]

# Samples per block. The scores of a block do not include its own steps, all of which move the vector of the same user.
# With 1, 8 or 64 samples, nDCG@20 differed by at most 2 % on citeulike-a and lastfm, in either direction.
BLOCK = 8


def fold_in(
    history: sp.csr_array,
    users: np.ndarray,
    items: Embeddings,
    n_interactions: np.ndarray,
    loss: PairwiseLoss,
    seed: int,
    n_epochs: int,
    penalty: float,
    prior: np.ndarray,
    pool: Workers,
) -> None:
    """Train each user's vector on the user's history alone, in place, with the items fixed.

    To fold in items, swap the roles of users and items.

    Each user is trained separately, so a user's vector depends neither on the other users in the query nor on the
    number of threads. As in training, the penalty is proportional to the total strength of the history. It applies to
    the difference between the user's vector and `prior`.

    Parameters
    ----------
    history : csr_array of shape (n_users, n_items)
        Weights of the interactions.
    users : ndarray of shape (n_users, K), dtype float32
        Initial vectors. They are overwritten with the result.
    items : Embeddings
        Copies of the item embeddings. Copies are needed because kernels write to them even with a learning rate of
        zero.
    n_interactions : ndarray of shape (n_items,)
        Number of interactions of each item. If `loss.by_popularity` is True, negatives are sampled in proportion to
        this number.
    loss : PairwiseLoss
    seed : int
    n_epochs : int
    penalty : float
        Penalty per unit of strength.
    prior : ndarray of shape (n_users, K), dtype float32
        Sum of each user's feature embeddings, towards which the user's vector shrinks.
    pool : Workers
    """
    rows = rows_of(history)
    item_side = Side(items.values, items.biases.copy(), items.state)
    user_state = Embeddings.starting_at(users, 0.0).state
    items_to_draw = every_item(len(n_interactions))
    if loss.by_popularity:
        items_to_draw = read_only(np.repeat(items_to_draw, n_interactions))

    def part(task: tuple[int, int]) -> None:
        for u in range(*task):
            first, last = int(rows.indptr[u]), int(rows.indptr[u + 1])
            n = last - first
            positives, indptr = rows.indices[first:last], read_only(np.array([0, n]))
            user = read_only(np.zeros(n, np.int32))
            strengths = rows.data[first:last]
            levels = strengths if loss.weaker_negatives else NO_STRENGTHS
            samples = Samples(user, positives, strengths, indptr, positives, *NO_BITS, items_to_draw, levels, levels)
            side = Side(users[u : u + 1], None, user_state[u : u + 1])
            shrinkage = -2.0 * loss.learning_rate * penalty * float(strengths.sum())
            for epoch in range(n_epochs):
                step = loss.step(seed, epoch, n)._replace(block_size=BLOCK, item_rate=np.float32(0))
                loss.kernel(0, n, samples, side, item_side, step)
                factor = np.float32(math.exp(shrinkage / math.sqrt(user_state[u, ACCUMULATOR])))
                users[u] = prior[u] + factor * (users[u] - prior[u])

    pool.map(part, even_ranges(len(users), 64))
