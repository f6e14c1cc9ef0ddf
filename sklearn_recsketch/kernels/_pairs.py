"""Pairs of a positive and a negative item: their parameters, and one gradient step with Adagrad."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_recsketch.kernels._jit import inlined
from sklearn_recsketch.kernels._membership import position_of
from sklearn_recsketch.kernels._prefetch import prefetch_entry
from sklearn_recsketch.kernels._rng import shuffled

__all__ = [
    "ACCUMULATOR",
    "BIAS",
    "BIAS_ACCUMULATOR",
    "BLOCK",
    "MOST_COMPONENTS",
    "PENALTY",
    "Samples",
    "Side",
    "Step",
    "compare",
    "is_negative",
    "look_up",
    "take_step",
]

F = np.float32
BLOCK = 128  # most samples that are looked up together; ranges of samples start at multiples of it
# The squared norm of a gradient does not grow with the number of components, so its mean over components falls and
# steps get longer. With more components than this, longer steps rank worse, so the squared norm is divided by at most
# this number.
MOST_COMPONENTS = 128


class Side(NamedTuple):
    """User or item parameters during training."""

    vectors: np.ndarray  # float32 (n, K)
    biases: np.ndarray | None  # float32 (n,), a copy of column BIAS; None for users, whose biases would cancel
    state: np.ndarray  # float32 (n, 4): see ACCUMULATOR, ...


# Columns of `state`: Adagrad's sum of squared gradients of the vector, the L2 penalty, the bias, and Adagrad's sum of
# squared gradients of the bias. They are adjacent in memory because a step needs them together.
ACCUMULATOR, PENALTY, BIAS, BIAS_ACCUMULATOR = 0, 1, 2, 3


class Samples(NamedTuple):
    """Positive pairs sorted by user and item, with the data needed to sample negative items."""

    users: np.ndarray  # int32 (n_pairs,)
    items: np.ndarray  # int32 (n_pairs,)
    strengths: np.ndarray  # float32 (n_pairs,)
    known_indptr: np.ndarray  # CSR matrix of known pairs: the positives, including those of earlier fits
    known_indices: np.ndarray
    known_bits: np.ndarray  # bit table of the known pairs, see kernels._membership
    known_shift: np.uint64
    negative_pool: np.ndarray  # int32: items that BPR samples from, with repetitions
    levels: np.ndarray  # float32 (n_pairs,): the entry of `known_levels` of each positive pair
    known_levels: np.ndarray  # float32: strengths of known pairs; if empty, known items are never negatives


class Step(NamedTuple):
    """Constants used in a pass over the samples."""

    key: np.uint64
    half_bits: np.uint64
    block_size: int  # samples that are looked up together, and share the candidates of WARP; it divides BLOCK
    n_candidates: int  # items that WARP draws and scores together
    user_rate: np.float32
    item_rate: np.float32
    margin: np.float32
    rank_weights: np.ndarray  # float32 (max_sampled + 1,): weight of a violation found at draw t


# Helpers take arrays instead of tuples of arrays, and index them by row: taking an array out of a tuple, or a row out
# of an array, involves reference counting, which costs more than the arithmetic.


@inlined
def look_up(start, stop, n, half_bits, key, sample_users, sample_items, strengths, block):
    """Look up the index, the user and the item of samples [start, stop) in epoch order."""
    for p in range(start, stop):
        e = shuffled(p, n, half_bits, key)
        block[p - start, 0] = e
        prefetch_entry(sample_users, e)
        prefetch_entry(sample_items, e)
        prefetch_entry(strengths, e)
    for p in range(stop - start):
        block[p, 1] = sample_users[block[p, 0]]
        block[p, 2] = sample_items[block[p, 0]]


@inlined
def is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, j):
    """Return whether item j can be the negative item for sample e of user u.

    An item qualifies if its pair with user u is unknown, or if the pair has a lower strength than the positive pair. If
    `known_levels` is empty, known items never qualify.
    """
    position = position_of(bits, shift, indptr, indices, u, j)
    return position < 0 or (known_levels.shape[0] > 0 and known_levels[position] < levels[e])


@inlined
def compare(U, V, biases, u, i, j):
    """Return the difference of the scores of items i and j for user u, ``|x_u|^2`` and ``|y_i - y_j|^2``."""
    difference = biases[i] - biases[j]
    square = F(0)
    distance = F(0)
    for k in range(U.shape[1]):
        x = U[u, k]
        d = V[i, k] - V[j, k]
        difference += x * d
        square += x * x
        distance += d * d
    return difference, square, distance


@inlined
def take_step(U, state_u, V, biases, state, u, i, j, weight, square, distance, user_rate, item_rate):
    """Take an Adagrad step that raises the score of item i for user u, and lowers that of item j.

    With the weight w, the gradients are ``w (y_i - y_j)``, ``w x_u`` and ``-w x_u``. The vector of a row moves by
    ``rate / sqrt(G)`` times its gradient. The accumulator G is updated after the step. The squared norm of the
    gradient is divided by the number of components or by MOST_COMPONENTS, whichever is smaller, and added to G.
    The arguments `square` and `distance` are returned by `compare`.
    """
    K = U.shape[1]
    step_u = weight * user_rate / np.sqrt(state_u[u, ACCUMULATOR])
    step_i = weight * item_rate / np.sqrt(state[i, ACCUMULATOR])
    step_j = weight * item_rate / np.sqrt(state[j, ACCUMULATOR])
    for k in range(K):
        x = U[u, k]
        a = V[i, k]
        b = V[j, k]
        U[u, k] = x + step_u * (a - b)
        V[i, k] = a + step_i * x
        V[j, k] = b - step_j * x
    mean = weight * weight / F(min(K, MOST_COMPONENTS))
    state_u[u, ACCUMULATOR] += distance * mean
    state[i, ACCUMULATOR] += square * mean
    state[j, ACCUMULATOR] += square * mean
    bias = state[i, BIAS] + weight * item_rate / np.sqrt(state[i, BIAS_ACCUMULATOR])
    state[i, BIAS] = bias
    biases[i] = bias
    bias = state[j, BIAS] - weight * item_rate / np.sqrt(state[j, BIAS_ACCUMULATOR])
    state[j, BIAS] = bias
    biases[j] = bias
    state[i, BIAS_ACCUMULATOR] += weight * weight
    state[j, BIAS_ACCUMULATOR] += weight * weight
