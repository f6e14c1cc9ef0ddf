"""Steps of WARP and BPR over a range of samples: Adagrad with one accumulator per embedding row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import holds, inlined, jit
from sklearn_recsketch.kernels._rng import GOLDEN, draw_below, mix, shuffled

__all__ = [
    "ACCUMULATOR",
    "BIAS",
    "BIAS_ACCUMULATOR",
    "PENALTY",
    "Samples",
    "Side",
    "Step",
    "bpr_pass",
    "row_norms",
    "shrink_rows",
    "warp_pass",
]

F = np.float32
AHEAD = 16  # samples found together, so that their cache misses overlap: a sixth of an epoch
BPR_DRAWS = 32  # a user who likes nearly everything may get no negative item for a positive one


class Side(NamedTuple):
    """Users or items in training.

    `vectors` are the representations that scores are made of. Without side features they are the
    embeddings themselves, one array under two names, and there is no CSR matrix of features.
    """

    vectors: np.ndarray  # float32 (n, K)
    screen: np.ndarray  # float32 (n, 2): bias and norm of each vector
    embeddings: np.ndarray  # float32 (n_features, K)
    state: np.ndarray  # float32 (n_features, 4): see ACCUMULATOR, ...
    indptr: np.ndarray | None  # CSR of the features, (n, n_features)
    indices: np.ndarray | None
    data: np.ndarray | None


# Columns of `state`, side by side because a step needs them together: Adagrad's sum of squares of an
# embedding, its L2 penalty, its bias and the sum of squares of that.
ACCUMULATOR, PENALTY, BIAS, BIAS_ACCUMULATOR = 0, 1, 2, 3


class Samples(NamedTuple):
    """The positive pairs, sorted by user and item."""

    users: np.ndarray  # int32 (n_pairs,)
    items: np.ndarray  # int32 (n_pairs,)
    strengths: np.ndarray  # float32 (n_pairs,)
    known_indptr: np.ndarray  # CSR of what is never drawn: the positives, and those of earlier fits
    known_indices: np.ndarray


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
def _move_row(vectors, screen, state, row, direction, sign, rate, bias_rate):
    """`_move` for a vector that is an embedding itself."""
    K = direction.shape[0]
    square = F(0)
    norm = F(0)
    for k in range(K):
        square += direction[k] * direction[k]
    length = rate / np.sqrt(state[row, ACCUMULATOR])
    eta = sign * length
    for k in range(K):
        w = vectors[row, k] + eta * direction[k]
        vectors[row, k] = w
        norm += w * w
    state[row, ACCUMULATOR] += square * sign * sign / F(K)
    state[row, BIAS] += bias_rate * sign / np.sqrt(state[row, BIAS_ACCUMULATOR])
    state[row, BIAS_ACCUMULATOR] += sign * sign
    screen[row, 0] = state[row, BIAS]
    screen[row, 1] = np.sqrt(norm)
    return length


@inlined
def _move_sum(vectors, screen, embeddings, state, indptr, indices, data, row, direction, sign, rate, bias_rate):
    """`_move` for a vector that is a sum of embeddings: summed anew from them in the same pass."""
    K = direction.shape[0]
    square = F(0)
    norm = F(0)
    bias = F(0)
    lengths = F(0)
    for k in range(K):
        square += direction[k] * direction[k]
    square *= sign * sign / F(K)
    for k in range(K):
        vectors[row, k] = F(0)
    for t in range(indptr[row], indptr[row + 1]):
        f = indices[t]
        a = data[t]
        length = rate / np.sqrt(state[f, ACCUMULATOR])
        lengths += length
        eta = a * sign * length
        for k in range(K):
            w = embeddings[f, k] + eta * direction[k]
            embeddings[f, k] = w
            vectors[row, k] += a * w
        state[f, ACCUMULATOR] += a * a * square
        state[f, BIAS] += bias_rate * a * sign / np.sqrt(state[f, BIAS_ACCUMULATOR])
        state[f, BIAS_ACCUMULATOR] += a * a * sign * sign
        bias += a * state[f, BIAS]
    for k in range(K):
        norm += vectors[row, k] * vectors[row, k]
    screen[row, 0] = bias
    screen[row, 1] = np.sqrt(norm)
    return lengths / F(max(indptr[row + 1] - indptr[row], 1))


@inlined
def _move(vectors, screen, embeddings, state, indptr, indices, data, row, direction, sign, rate, bias_rate):
    """Move the vector of `row` along sign * direction, its bias along sign, and measure it anew.

    Each embedding of it, with coefficient a, steps by ``rate / sqrt(G) * a * sign * direction``, and
    then its G grows by the mean square of the gradient. Returns the mean ``rate / sqrt(G)``, the
    step's length. Without features `indptr` is None, so that numba compiles one branch only: with both in
    one function, LLVM vectorises neither.
    """
    if indptr is None:
        return _move_row(vectors, screen, state, row, direction, sign, rate, bias_rate)
    return _move_sum(vectors, screen, embeddings, state, indptr, indices, data, row, direction, sign, rate, bias_rate)


@inlined
def _look_ahead(q, stop, n, half_bits, key, sample_users, sample_items, out):
    """Number, user and item of the next samples of the order."""
    for p in range(q, min(q + AHEAD, stop)):
        e = shuffled(p, n, half_bits, key)
        out[p - q, 0] = e
        out[p - q, 1] = sample_users[e]
        out[p - q, 2] = sample_items[e]


@jit
def warp_pass(start, stop, samples, users, items, step):
    """WARP on samples [start, stop) of this epoch's order; returns the sum of the losses and of the step lengths.

    For a positive pair (u, i), items j are drawn until ``s_uj > s_ui - margin`` with j not among
    u's own; own items drawn count as draws. A draw whose score cannot reach the threshold, because
    ``|x_u| |y_j| + b_j`` does not, is passed over without computing it.
    """
    sample_users, sample_items, strengths, known_indptr, known_indices = samples
    U, screen_u, W_u, state_u, indptr_u, indices_u, data_u = users
    V, screen, W, state, indptr, indices, data = items
    key_pass, half_bits, user_rate, item_rate, margin, rank_weights = step
    n, n_items, K = sample_users.shape[0], V.shape[0], U.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    ahead = np.empty((AHEAD, 3), np.int64)
    loss = 0.0
    travelled = 0.0
    for q in range(start, stop):
        place = (q - start) % AHEAD
        if place == 0:
            _look_ahead(q, stop, n, half_bits, key_pass, sample_users, sample_items, ahead)
        e = ahead[place, 0]
        u = ahead[place, 1]
        i = ahead[place, 2]
        score = screen[i, 0]
        square = F(0)
        for k in range(K):
            x[k] = U[u, k]
            square += x[k] * x[k]
        for k in range(K):
            score += x[k] * V[i, k]
        threshold = score - margin
        length = np.sqrt(square) * F(1.00001)
        key = mix(key_pass + uint64(q) * GOLDEN)
        for t in range(1, rank_weights.shape[0]):
            j = draw_below(key, t, n_items)
            other = screen[j, 0]
            if length * screen[j, 1] + other <= threshold:
                continue
            for k in range(K):
                other += x[k] * V[j, k]
            if other > threshold and not holds(known_indptr, known_indices, u, j):
                weight = rank_weights[t] * strengths[e]
                if weight > 0:
                    loss += np.float64(weight) * np.float64(other - threshold)
                    for k in range(K):
                        d[k] = V[i, k] - V[j, k]
                    rates = _move(U, screen_u, W_u, state_u, indptr_u, indices_u, data_u, u, d, weight, user_rate, F(0))
                    rates += _move(V, screen, W, state, indptr, indices, data, i, x, weight, item_rate, item_rate)
                    rates += _move(V, screen, W, state, indptr, indices, data, j, x, -weight, item_rate, item_rate)
                    travelled += np.float64(rates) / 3.0
                break
    return loss, travelled


@jit
def bpr_pass(start, stop, samples, users, items, step):
    """BPR on samples [start, stop) of this epoch's order; returns the sum of the losses and of the step lengths.

    One item j that is not u's own is drawn for each positive pair (u, i), and the step has the
    weight ``1 / (1 + exp(s_ui - s_uj))``.
    """
    sample_users, sample_items, strengths, known_indptr, known_indices = samples
    U, screen_u, W_u, state_u, indptr_u, indices_u, data_u = users
    V, screen, W, state, indptr, indices, data = items
    key_pass, half_bits, user_rate, item_rate, _, _ = step
    n, n_items, K = sample_users.shape[0], V.shape[0], U.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    ahead = np.empty((AHEAD, 3), np.int64)
    loss = 0.0
    travelled = 0.0
    for q in range(start, stop):
        place = (q - start) % AHEAD
        if place == 0:
            _look_ahead(q, stop, n, half_bits, key_pass, sample_users, sample_items, ahead)
        e = ahead[place, 0]
        u = ahead[place, 1]
        i = ahead[place, 2]
        key = mix(key_pass + uint64(q) * GOLDEN)
        j = np.int64(-1)
        for t in range(1, BPR_DRAWS + 1):
            drawn = draw_below(key, t, n_items)
            if not holds(known_indptr, known_indices, u, drawn):
                j = drawn
                break
        if j < 0:
            continue
        difference = screen[i, 0] - screen[j, 0]
        for k in range(K):
            x[k] = U[u, k]
            d[k] = V[i, k] - V[j, k]
        for k in range(K):
            difference += x[k] * d[k]
        # log(1 + exp(-difference)) without overflow
        loss += strengths[e] * (max(-difference, F(0)) + np.log1p(np.exp(-abs(difference))))
        weight = strengths[e] / (F(1) + np.exp(difference))
        rates = _move(U, screen_u, W_u, state_u, indptr_u, indices_u, data_u, u, d, weight, user_rate, F(0))
        rates += _move(V, screen, W, state, indptr, indices, data, i, x, weight, item_rate, item_rate)
        rates += _move(V, screen, W, state, indptr, indices, data, j, x, -weight, item_rate, item_rate)
        travelled += np.float64(rates) / 3.0
    return loss, travelled


@jit
def shrink_rows(start, stop, embeddings, state, travelled):
    """The part of ``penalty * |w|^2`` in steps of the summed length `travelled`, for rows [start, stop).

    Each step of the loss would also move all embeddings and biases, of rows it does not touch, too, by
    its length times ``-2 * penalty * w``; done together, these are a factor exp(-2 * travelled * penalty).
    """
    for r in range(start, stop):
        factor = F(np.exp(-2.0 * travelled * state[r, PENALTY]))
        state[r, BIAS] *= factor
        for k in range(embeddings.shape[1]):
            embeddings[r, k] *= factor


@jit
def row_norms(start, stop, vectors, out):
    """out[r, 1] = |vectors[r]| for rows [start, stop)."""
    for r in range(start, stop):
        square = F(0)
        for k in range(vectors.shape[1]):
            square += vectors[r, k] * vectors[r, k]
        out[r, 1] = np.sqrt(square)
