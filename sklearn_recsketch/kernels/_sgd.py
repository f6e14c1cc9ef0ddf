"""Stochastic gradient steps of WARP and BPR, with one Adagrad accumulator per embedding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._membership import position_of
from sklearn_recsketch.kernels._prefetch import prefetch_row
from sklearn_recsketch.kernels._rng import GOLDEN, draw_below, mix, shuffled

__all__ = [
    "ACCUMULATOR",
    "BIAS",
    "BIAS_ACCUMULATOR",
    "MOST_COMPONENTS",
    "PENALTY",
    "Samples",
    "Side",
    "Step",
    "bpr_pass",
    "displacements",
    "move_towards",
    "recombine",
    "shrink_rows",
    "step_and_shrink",
    "warp_pass",
]

F = np.float32
AHEAD = 16  # samples looked up together, so that their cache misses overlap: saves a sixth of the time of an epoch
# The squared norm of a gradient does not grow with the number of components, so its mean over components falls and
# steps get longer. With more components than this, longer steps rank worse, so the squared norm is divided by at most
# this number.
MOST_COMPONENTS = 128
BPR_DRAWS = 32  # attempts to sample a negative: users who interacted with nearly all items may get none


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
    user_rate: np.float32
    item_rate: np.float32
    margin: np.float32
    rank_weights: np.ndarray  # float32 (max_sampled + 1,): weight of a violation found at draw t


# Helpers take arrays instead of tuples of arrays, and index them by row: taking an array out of a tuple, or a row out
# of an array, involves reference counting, which costs more than the arithmetic.


@inlined
def _move(vectors, biases, state, row, direction, square, sign, rate):
    """Take an Adagrad step: add ``rate / sqrt(G) * sign * direction`` to the vector of a row, and update the bias.

    The accumulator G is updated after the step. The squared norm of the gradient is divided by the number of components
    or by MOST_COMPONENTS, whichever is smaller, and added to G. The argument `square` is the squared norm of
    `direction`. For users, who have no biases, `biases` is None.
    """
    K = direction.shape[0]
    eta = sign * rate / np.sqrt(state[row, ACCUMULATOR])
    for k in range(K):
        vectors[row, k] += eta * direction[k]
    state[row, ACCUMULATOR] += square * sign * sign / F(min(K, MOST_COMPONENTS))
    if biases is not None:
        bias = state[row, BIAS] + rate * sign / np.sqrt(state[row, BIAS_ACCUMULATOR])
        state[row, BIAS] = bias
        state[row, BIAS_ACCUMULATOR] += sign * sign
        biases[row] = bias


@inlined
def _look_ahead(q, stop, n, half_bits, key, sample_users, sample_items, out):
    """Look up the index, the user and the item of each of the next samples in the epoch."""
    for p in range(q, min(q + AHEAD, stop)):
        e = shuffled(p, n, half_bits, key)
        out[p - q, 0] = e
        out[p - q, 1] = sample_users[e]
        out[p - q, 2] = sample_items[e]


@inlined
def _is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, j):
    """Return whether item j can be the negative item for sample e of user u.

    An item qualifies if its pair with user u is unknown, or if the pair has a lower strength than the positive pair. If
    `known_levels` is empty, known items never qualify.
    """
    position = position_of(bits, shift, indptr, indices, u, j)
    return position < 0 or (known_levels.shape[0] > 0 and known_levels[position] < levels[e])


@inlined
def _draw_negatives(q, stop, items, key_pass, bits, shift, indptr, indices, known_levels, levels, ahead):
    """Sample a negative item for each of the next samples.

    If no negative item is found in BPR_DRAWS attempts, the item is set to -1.
    """
    for p in range(q, min(q + AHEAD, stop)):
        key = mix(key_pass + uint64(p) * GOLDEN)
        u = ahead[p - q, 1]
        ahead[p - q, 3] = -1
        for t in range(1, BPR_DRAWS + 1):
            j = np.int64(items[draw_below(key, t, items.shape[0])])
            if _is_negative(bits, shift, indptr, indices, known_levels, levels, ahead[p - q, 0], u, j):
                ahead[p - q, 3] = j
                break


@jit
def warp_pass(start, stop, samples, users, items, step):
    """Train WARP on samples [start, stop) in epoch order, and return the sum of the losses.

    For each positive pair (u, i), items j are sampled until an item violates the margin, ``s_uj > s_ui - margin``, and
    is not a known item of user u. Draws of known items are included in the number of draws.
    """
    sample_users, sample_items, strengths, indptr, indices, bits, shift, _, levels, known_levels = samples
    U, _, state_u = users
    V, biases, state = items
    key_pass, half_bits, user_rate, item_rate, margin, rank_weights = step
    n, n_items, K = sample_users.shape[0], V.shape[0], U.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    ahead = np.zeros((AHEAD, 3), np.int64)
    loss = 0.0
    for q in range(start, stop):
        slot = (q - start) % AHEAD
        if slot == 0:
            _look_ahead(q, stop, n, half_bits, key_pass, sample_users, sample_items, ahead)
        e = ahead[slot, 0]
        u = ahead[slot, 1]
        i = ahead[slot, 2]
        if slot + 1 < AHEAD:
            prefetch_row(U, ahead[slot + 1, 1])
            prefetch_row(V, ahead[slot + 1, 2])
        score_i = biases[i]
        square = F(0)
        for k in range(K):
            x[k] = U[u, k]
            square += x[k] * x[k]
        for k in range(K):
            score_i += x[k] * V[i, k]
        threshold = score_i - margin
        key = mix(key_pass + uint64(q) * GOLDEN)
        for t in range(1, rank_weights.shape[0]):
            j = draw_below(key, t, n_items)
            score_j = biases[j]
            for k in range(K):
                score_j += x[k] * V[j, k]
            if score_j > threshold and _is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, j):
                weight = rank_weights[t] * strengths[e]
                if weight > 0:
                    loss += np.float64(weight) * np.float64(score_j - threshold)
                    distance = F(0)
                    for k in range(K):
                        d[k] = V[i, k] - V[j, k]
                        distance += d[k] * d[k]
                    _move(U, None, state_u, u, d, distance, weight, user_rate)
                    _move(V, biases, state, i, x, square, weight, item_rate)
                    _move(V, biases, state, j, x, square, -weight, item_rate)
                break
    return loss


@jit
def bpr_pass(start, stop, samples, users, items, step):
    """Train BPR on samples [start, stop) in epoch order, and return the sum of the losses.

    For each positive pair (u, i), an item j that is not a known item of user u is sampled from
    ``samples.negative_pool``. The weight of the gradient step is ``1 / (1 + exp(s_ui - s_uj))``.
    """
    sample_users, sample_items, strengths, indptr, indices, bits, shift, negative_pool, levels, known_levels = samples
    U, _, state_u = users
    V, biases, state = items
    key_pass, half_bits, user_rate, item_rate, _, _ = step
    n, K = sample_users.shape[0], U.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    ahead = np.zeros((AHEAD, 4), np.int64)
    loss = 0.0
    for q in range(start, stop):
        slot = (q - start) % AHEAD
        if slot == 0:
            _look_ahead(q, stop, n, half_bits, key_pass, sample_users, sample_items, ahead)
            _draw_negatives(q, stop, negative_pool, key_pass, bits, shift, indptr, indices, known_levels, levels, ahead)
        e = ahead[slot, 0]
        u = ahead[slot, 1]
        i = ahead[slot, 2]
        j = ahead[slot, 3]
        if slot + 1 < AHEAD:
            prefetch_row(U, ahead[slot + 1, 1])
            prefetch_row(V, ahead[slot + 1, 2])
            prefetch_row(V, max(ahead[slot + 1, 3], 0))
            prefetch_row(state, ahead[slot + 1, 2])
            prefetch_row(state, max(ahead[slot + 1, 3], 0))
        if j < 0:
            continue
        difference = biases[i] - biases[j]
        square = F(0)
        distance = F(0)
        for k in range(K):
            x[k] = U[u, k]
            d[k] = V[i, k] - V[j, k]
            difference += x[k] * d[k]
            square += x[k] * x[k]
            distance += d[k] * d[k]
        # log(1 + exp(-difference)) and 1 / (1 + exp(difference)) without overflow
        small = np.exp(-abs(difference))
        loss += strengths[e] * (max(-difference, F(0)) + np.log(F(1) + small))
        weight = strengths[e] * (small if difference > 0 else F(1)) / (F(1) + small)
        _move(U, None, state_u, u, d, distance, weight, user_rate)
        _move(V, biases, state, i, x, square, weight, item_rate)
        _move(V, biases, state, j, x, square, -weight, item_rate)
    return loss


@jit
def shrink_rows(start, stop, vectors, state, rate):
    """Apply the L2 penalty ``penalty * |w|^2`` to rows [start, stop).

    Each row is multiplied by ``exp(-2 * penalty * rate / sqrt(G))``. The penalty and the gradient steps use the same
    Adagrad learning rate for each row. Hence the equilibrium between the penalty and the loss depends neither on the
    learning rate nor on the steps of other rows.
    """
    for r in range(start, stop):
        shrinkage = 2.0 * rate * state[r, PENALTY]
        factor = F(np.exp(-shrinkage / np.sqrt(state[r, ACCUMULATOR])))
        state[r, BIAS] *= F(np.exp(-shrinkage / np.sqrt(state[r, BIAS_ACCUMULATOR])))
        for k in range(vectors.shape[1]):
            vectors[r, k] *= factor


@jit
def step_and_shrink(start, stop, W, step, length, penalty, rate, bias_rate):
    """Compute ``step[f] = exp(-2 * rate * penalty[f]) * (W[f] + length * step[f])`` for rows [start, stop).

    The last column contains biases. For this column, `bias_rate` is used instead of `rate`.
    """
    K = W.shape[1] - 1
    for f in range(start, stop):
        factor = F(np.exp(-2.0 * rate * penalty[f]))
        for k in range(K):
            step[f, k] = factor * (W[f, k] + length * step[f, k])
        step[f, K] = F(np.exp(-2.0 * bias_rate * penalty[f])) * (W[f, K] + length * step[f, K])


@jit
def move_towards(start, stop, mean, values, share):
    """Update the running average of rows [start, stop): ``mean[r] += share * (values[r] - mean[r])``."""
    for r in range(start, stop):
        for k in range(mean.shape[1]):
            mean[r, k] += share * (values[r, k] - mean[r, k])


@jit
def displacements(start, stop, vectors, state, before):
    """Replace the previous values ``before[r]`` with the changes since then, for rows [start, stop).

    The change of row r is ``(vectors[r], bias) - before[r]``.
    """
    K = vectors.shape[1]
    for r in range(start, stop):
        for k in range(K):
            before[r, k] = vectors[r, k] - before[r, k]
        before[r, K] = state[r, BIAS] - before[r, K]


@jit
def recombine(start, stop, vectors, state, old, new, own_factor, rate, after):
    """Replace the feature contribution in rows [start, stop), and shrink the remainder as `shrink_rows` does.

    The function computes ``v = own_factor * exp(...) * (v - old) + new``, where v consists of the vector and the bias
    of a row. It also copies v to `after`.
    """
    K = vectors.shape[1]
    for r in range(start, stop):
        shrinkage = 2.0 * rate * state[r, PENALTY]
        factor = own_factor * F(np.exp(-shrinkage / np.sqrt(state[r, ACCUMULATOR])))
        for k in range(K):
            v = factor * (vectors[r, k] - old[r, k]) + new[r, k]
            vectors[r, k] = v
            after[r, k] = v
        factor = own_factor * F(np.exp(-shrinkage / np.sqrt(state[r, BIAS_ACCUMULATOR])))
        bias = factor * (state[r, BIAS] - old[r, K]) + new[r, K]
        state[r, BIAS] = bias
        after[r, K] = bias
