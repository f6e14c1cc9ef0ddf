"""Steps of WARP and BPR over a range of samples: Adagrad with one accumulator per embedding row."""

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
    "recombine",
    "shrink_rows",
    "step_and_shrink",
    "warp_pass",
]

F = np.float32
AHEAD = 16  # samples found together, so that their cache misses overlap: a sixth of an epoch
# The square of a gradient does not grow with the number of components, so its mean falls, and steps get longer. Beyond
# this many, where longer steps rank worse, it is the mean over no more.
MOST_COMPONENTS = 128
BPR_DRAWS = 32  # a user who likes nearly everything may get no negative item for a positive one


class Side(NamedTuple):
    """Users or items in training."""

    vectors: np.ndarray  # float32 (n, K)
    biases: np.ndarray | None  # float32 (n,), read with the vectors; users have none, as it cancels
    state: np.ndarray  # float32 (n, 4): see ACCUMULATOR, ...


# Columns of `state`, side by side because a step needs them together: Adagrad's sum of squares of a
# vector, its L2 penalty, its bias and the sum of squares of that.
ACCUMULATOR, PENALTY, BIAS, BIAS_ACCUMULATOR = 0, 1, 2, 3


class Samples(NamedTuple):
    """The positive pairs, sorted by user and item."""

    users: np.ndarray  # int32 (n_pairs,)
    items: np.ndarray  # int32 (n_pairs,)
    strengths: np.ndarray  # float32 (n_pairs,)
    known_indptr: np.ndarray  # CSR of what is never drawn: the positives, and those of earlier fits
    known_indices: np.ndarray
    known_bits: np.ndarray  # see kernels._membership
    known_shift: np.uint64
    drawn: np.ndarray  # int32: the items that BPR draws from, with repeats
    levels: np.ndarray  # float32 (n_pairs,): what `known_levels` has of each pair
    known_levels: np.ndarray  # float32: strengths of what is known; without any, known items are never negatives


class Step(NamedTuple):
    """What stays the same during a pass."""

    key: np.uint64
    half_bits: np.uint64
    user_rate: np.float32
    item_rate: np.float32
    margin: np.float32
    rank_weights: np.ndarray  # float32 (max_sampled + 1,), weight of a violation after q draws


# The helpers take arrays, not the tuples that hold them, and index them by row: to take an array out
# of a tuple, or a row out of an array, counts references, which costs more than the arithmetic.


@inlined
def _move(vectors, biases, state, row, direction, square, sign, rate):
    """Move the vector of `row` by ``rate / sqrt(G) * sign * direction``, and an item's bias along sign.

    Then its G grows by the mean square of the gradient, over at most MOST_COMPONENTS; `square` is that of the
    direction. Users have no biases: there `biases` is None.
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
    """Number, user and item of the next samples of the order."""
    for p in range(q, min(q + AHEAD, stop)):
        e = shuffled(p, n, half_bits, key)
        out[p - q, 0] = e
        out[p - q, 1] = sample_users[e]
        out[p - q, 2] = sample_items[e]


@inlined
def _is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, j):
    """Whether item j may be the negative of sample e, of user u: unknown to her, or weaker than the positive."""
    at = position_of(bits, shift, indptr, indices, u, j)
    return at < 0 or (known_levels.shape[0] > 0 and known_levels[at] < levels[e])


@inlined
def _draw_negatives(q, stop, items, key_pass, bits, shift, indptr, indices, known_levels, levels, ahead):
    """A negative item for each of the next samples; -1 where BPR_DRAWS draws give none."""
    for p in range(q, min(q + AHEAD, stop)):
        key = mix(key_pass + uint64(p) * GOLDEN)
        u = ahead[p - q, 1]
        ahead[p - q, 3] = -1
        for t in range(1, BPR_DRAWS + 1):
            drawn = np.int64(items[draw_below(key, t, items.shape[0])])
            if _is_negative(bits, shift, indptr, indices, known_levels, levels, ahead[p - q, 0], u, drawn):
                ahead[p - q, 3] = drawn
                break


@jit
def warp_pass(start, stop, samples, users, items, step):
    """WARP on samples [start, stop) of this epoch's order; returns the sum of the losses.

    For a positive pair (u, i), items j are drawn until ``s_uj > s_ui - margin`` with j not among
    u's own; own items drawn count as draws.
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
        place = (q - start) % AHEAD
        if place == 0:
            _look_ahead(q, stop, n, half_bits, key_pass, sample_users, sample_items, ahead)
        e = ahead[place, 0]
        u = ahead[place, 1]
        i = ahead[place, 2]
        if place + 1 < AHEAD:
            prefetch_row(U, ahead[place + 1, 1])
            prefetch_row(V, ahead[place + 1, 2])
        score = biases[i]
        square = F(0)
        for k in range(K):
            x[k] = U[u, k]
            square += x[k] * x[k]
        for k in range(K):
            score += x[k] * V[i, k]
        threshold = score - margin
        key = mix(key_pass + uint64(q) * GOLDEN)
        for t in range(1, rank_weights.shape[0]):
            j = draw_below(key, t, n_items)
            other = biases[j]
            for k in range(K):
                other += x[k] * V[j, k]
            if other > threshold and _is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, j):
                weight = rank_weights[t] * strengths[e]
                if weight > 0:
                    loss += np.float64(weight) * np.float64(other - threshold)
                    apart = F(0)
                    for k in range(K):
                        d[k] = V[i, k] - V[j, k]
                        apart += d[k] * d[k]
                    _move(U, None, state_u, u, d, apart, weight, user_rate)
                    _move(V, biases, state, i, x, square, weight, item_rate)
                    _move(V, biases, state, j, x, square, -weight, item_rate)
                break
    return loss


@jit
def bpr_pass(start, stop, samples, users, items, step):
    """BPR on samples [start, stop) of this epoch's order; returns the sum of the losses.

    One item j that is not u's own is drawn for each positive pair (u, i) from `drawn`, and the step has the
    weight ``1 / (1 + exp(s_ui - s_uj))``.
    """
    sample_users, sample_items, strengths, indptr, indices, bits, shift, drawn, levels, known_levels = samples
    U, _, state_u = users
    V, biases, state = items
    key_pass, half_bits, user_rate, item_rate, _, _ = step
    n, K = sample_users.shape[0], U.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    ahead = np.zeros((AHEAD, 4), np.int64)
    loss = 0.0
    for q in range(start, stop):
        place = (q - start) % AHEAD
        if place == 0:
            _look_ahead(q, stop, n, half_bits, key_pass, sample_users, sample_items, ahead)
            _draw_negatives(q, stop, drawn, key_pass, bits, shift, indptr, indices, known_levels, levels, ahead)
        e = ahead[place, 0]
        u = ahead[place, 1]
        i = ahead[place, 2]
        j = ahead[place, 3]
        if place + 1 < AHEAD:
            prefetch_row(U, ahead[place + 1, 1])
            prefetch_row(V, ahead[place + 1, 2])
            prefetch_row(V, max(ahead[place + 1, 3], 0))
            prefetch_row(state, ahead[place + 1, 2])
            prefetch_row(state, max(ahead[place + 1, 3], 0))
        if j < 0:
            continue
        difference = biases[i] - biases[j]
        square = F(0)
        apart = F(0)
        for k in range(K):
            x[k] = U[u, k]
            d[k] = V[i, k] - V[j, k]
            difference += x[k] * d[k]
            square += x[k] * x[k]
            apart += d[k] * d[k]
        # log(1 + exp(-difference)) and 1 / (1 + exp(difference)) without overflow
        small = np.exp(-abs(difference))
        loss += strengths[e] * (max(-difference, F(0)) + np.log(F(1) + small))
        weight = strengths[e] * (small if difference > 0 else F(1)) / (F(1) + small)
        _move(U, None, state_u, u, d, apart, weight, user_rate)
        _move(V, biases, state, i, x, square, weight, item_rate)
        _move(V, biases, state, j, x, square, -weight, item_rate)
    return loss


@jit
def shrink_rows(start, stop, vectors, state, rate):
    """The step down ``penalty * |w|^2`` of rows [start, stop): a factor exp(-2 * penalty * rate / sqrt(G)).

    The penalty has the Adagrad rate of the row it shrinks, as the steps of the loss have. So where both are in
    balance depends neither on the learning rate nor on how much other rows have moved.
    """
    for r in range(start, stop):
        shrinkage = 2.0 * rate * state[r, PENALTY]
        factor = F(np.exp(-shrinkage / np.sqrt(state[r, ACCUMULATOR])))
        state[r, BIAS] *= F(np.exp(-shrinkage / np.sqrt(state[r, BIAS_ACCUMULATOR])))
        for k in range(vectors.shape[1]):
            vectors[r, k] *= factor


@jit
def step_and_shrink(start, stop, W, step, length, penalty, rate, bias_rate):
    """step[f] = exp(-2 * rate * penalty[f]) (W[f] + length step[f]) for rows [start, stop); biases come last."""
    K = W.shape[1] - 1
    for f in range(start, stop):
        factor = F(np.exp(-2.0 * rate * penalty[f]))
        for k in range(K):
            step[f, k] = factor * (W[f, k] + length * step[f, k])
        step[f, K] = F(np.exp(-2.0 * bias_rate * penalty[f])) * (W[f, K] + length * step[f, K])


@jit
def displacements(start, stop, vectors, state, before):
    """before[r] = (vectors[r], its bias) - before[r] for rows [start, stop)."""
    K = vectors.shape[1]
    for r in range(start, stop):
        for k in range(K):
            before[r, k] = vectors[r, k] - before[r, k]
        before[r, K] = state[r, BIAS] - before[r, K]


@jit
def recombine(start, stop, vectors, state, old, new, own, rate, after):
    """Replace the part that a row has from its features, and shrink what is its own as `shrink_rows` does.

    For rows [start, stop) ``v = own * exp(...) * (v - old) + new``, v being the vector and its bias, and after = v.
    """
    K = vectors.shape[1]
    for r in range(start, stop):
        shrinkage = 2.0 * rate * state[r, PENALTY]
        factor = own * F(np.exp(-shrinkage / np.sqrt(state[r, ACCUMULATOR])))
        for k in range(K):
            v = factor * (vectors[r, k] - old[r, k]) + new[r, k]
            vectors[r, k] = v
            after[r, k] = v
        factor = own * F(np.exp(-shrinkage / np.sqrt(state[r, BIAS_ACCUMULATOR])))
        bias = factor * (state[r, BIAS] - old[r, K]) + new[r, K]
        state[r, BIAS] = bias
        after[r, K] = bias
