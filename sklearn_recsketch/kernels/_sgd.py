"""Steps of WARP and BPR over a range of samples: Adagrad with one accumulator per embedding row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import Rows, inlined, jit
from sklearn_recsketch.kernels._rng import GOLDEN, draw_below, mix, shuffled

__all__ = ["Samples", "Side", "Step", "bpr_pass", "row_norms", "warp_pass"]

F = np.float32
BPR_DRAWS = 32  # a user who likes nearly everything may get no negative item for a positive one


class Side(NamedTuple):
    """Users or items in training.

    `vectors` are the representations that scores are made of. Without side features they are the
    embeddings themselves, one array under two names, and `features` has no rows.
    """

    vectors: np.ndarray  # float32 (n, K)
    embeddings: np.ndarray  # float32 (n_features, K)
    accumulators: np.ndarray  # float32 (n_features,), Adagrad's sums of squares
    penalty: np.ndarray  # float32 (n_features,), L2
    features: Rows  # (n, n_features)
    biases: np.ndarray  # float32 (n_features,); no entries for users, whose bias cancels
    bias_accumulators: np.ndarray  # float32 (n_features,)
    screen: np.ndarray  # float32 (n, 2): bias and norm of each vector


class Samples(NamedTuple):
    """The positive pairs, sorted by user and item."""

    users: np.ndarray  # int32 (n_pairs,)
    positives: Rows  # users x items, strengths
    known: Rows  # users x items never drawn as negatives: the positives, and those of earlier fits


class Step(NamedTuple):
    """What stays the same during a pass."""

    key: np.uint64
    half_bits: np.uint64
    user_rate: np.float32
    item_rate: np.float32
    margin: np.float32
    rank_weights: np.ndarray  # float32 (max_sampled + 1,), weight of a violation after q draws


@inlined
def _is_positive(positives, user, item):
    low = positives.indptr[user]
    high = positives.indptr[user + 1]
    while low < high:
        middle = (low + high) >> 1
        if positives.indices[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low < positives.indptr[user + 1] and positives.indices[low] == item


@inlined
def _move(side, row, direction, sign, old, rate):
    """Move the vector of `row` along sign * direction; returns its new squared norm.

    Each embedding w of it, with coefficient a, steps by ``rate / sqrt(G) * (a * sign * direction -
    penalty * w)``, and then its G grows by the mean square of the gradient. With features the
    vector is summed anew from the stepped embeddings in the same pass.
    """
    K = direction.shape[0]
    square = F(0)
    for k in range(K):
        square += direction[k] * direction[k]
    square /= F(K)
    out = side.vectors[row]
    norm = F(0)
    if side.features.indptr.shape[0] == 0:
        eta = rate / np.sqrt(side.accumulators[row])
        shrink = F(1) - eta * side.penalty[row]
        for k in range(K):
            w = shrink * old[k] + eta * sign * direction[k]
            out[k] = w
            norm += w * w
        side.accumulators[row] += sign * sign * square
        return norm
    first = side.features.indptr[row]
    last = side.features.indptr[row + 1]
    for t in range(first, last):
        f = side.features.indices[t]
        a = side.features.data[t]
        eta = rate / np.sqrt(side.accumulators[f])
        shrink = F(1) - eta * side.penalty[f]
        w = side.embeddings[f]
        for k in range(K):
            w[k] = shrink * w[k] + eta * a * sign * direction[k]
        side.accumulators[f] += a * a * sign * sign * square
        if t == first:
            for k in range(K):
                out[k] = a * w[k]
        else:
            for k in range(K):
                out[k] += a * w[k]
    for k in range(K):
        norm += out[k] * out[k]
    return norm


@inlined
def _move_bias(side, row, sign, rate):
    """Step the biases of `row` like its embeddings, unpenalised; returns the new bias."""
    if side.features.indptr.shape[0] == 0:
        b = side.biases[row] + rate * sign / np.sqrt(side.bias_accumulators[row])
        side.biases[row] = b
        side.bias_accumulators[row] += sign * sign
        return b
    total = F(0)
    for t in range(side.features.indptr[row], side.features.indptr[row + 1]):
        f = side.features.indices[t]
        a = side.features.data[t]
        b = side.biases[f] + rate * a * sign / np.sqrt(side.bias_accumulators[f])
        side.biases[f] = b
        side.bias_accumulators[f] += a * a * sign * sign
        total += a * b
    return total


@inlined
def _step(users, items, u, i, j, x, d, weight, step):
    """One step for "u prefers i to j"; x is u's vector before it, d work space."""
    K = x.shape[0]
    for k in range(K):
        d[k] = items.vectors[i, k] - items.vectors[j, k]
    _move(users, u, d, weight, x, step.user_rate)
    rate = step.item_rate
    items.screen[i, 1] = np.sqrt(_move(items, i, x, weight, items.vectors[i], rate))
    items.screen[j, 1] = np.sqrt(_move(items, j, x, -weight, items.vectors[j], rate))
    items.screen[i, 0] = _move_bias(items, i, weight, rate)
    items.screen[j, 0] = _move_bias(items, j, -weight, rate)


@jit
def warp_pass(start, stop, samples, users, items, step):
    """WARP on samples [start, stop) of this epoch's order; returns the sum of the losses and the steps taken.

    For a positive pair (u, i), items j are drawn until ``s_uj > s_ui - margin`` with j not among
    u's own; own items drawn count as draws. A draw whose score cannot reach the threshold, because
    ``|x_u| |y_j| + b_j`` does not, is passed over without computing it.
    """
    n = samples.users.shape[0]
    n_items = items.vectors.shape[0]
    K = users.vectors.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    loss = 0.0
    steps = 0
    for q in range(start, stop):
        e = shuffled(q, n, step.half_bits, step.key)
        u = samples.users[e]
        i = samples.positives.indices[e]
        score = items.screen[i, 0]
        square = F(0)
        for k in range(K):
            w = users.vectors[u, k]
            x[k] = w
            square += w * w
            score += w * items.vectors[i, k]
        threshold = score - step.margin
        length = np.sqrt(square) * F(1.00001)
        key = mix(step.key + uint64(q) * GOLDEN)
        for t in range(1, step.rank_weights.shape[0]):
            j = draw_below(key, t, n_items)
            other = items.screen[j, 0]
            if length * items.screen[j, 1] + other <= threshold:
                continue
            for k in range(K):
                other += x[k] * items.vectors[j, k]
            if other > threshold and not _is_positive(samples.known, u, j):
                weight = step.rank_weights[t] * samples.positives.data[e]
                if weight > 0:
                    loss += np.float64(weight) * np.float64(other - threshold)
                    steps += 1
                    _step(users, items, u, i, j, x, d, weight, step)
                break
    return loss, steps


@jit
def bpr_pass(start, stop, samples, users, items, step):
    """BPR on samples [start, stop) of this epoch's order; returns the sum of the losses and the steps taken.

    One item j that is not u's own is drawn for each positive pair (u, i), and the step has the
    weight ``1 / (1 + exp(s_ui - s_uj))``.
    """
    n = samples.users.shape[0]
    n_items = items.vectors.shape[0]
    K = users.vectors.shape[1]
    x = np.empty(K, np.float32)
    d = np.empty(K, np.float32)
    loss = 0.0
    steps = 0
    for q in range(start, stop):
        e = shuffled(q, n, step.half_bits, step.key)
        u = samples.users[e]
        i = samples.positives.indices[e]
        key = mix(step.key + uint64(q) * GOLDEN)
        j = np.int64(-1)
        for t in range(1, BPR_DRAWS + 1):
            drawn = draw_below(key, t, n_items)
            if not _is_positive(samples.known, u, drawn):
                j = drawn
                break
        if j < 0:
            continue
        difference = items.screen[i, 0] - items.screen[j, 0]
        for k in range(K):
            w = users.vectors[u, k]
            x[k] = w
            difference += w * (items.vectors[i, k] - items.vectors[j, k])
        strength = samples.positives.data[e]
        # log(1 + exp(-difference)) without overflow
        loss += strength * (max(-difference, F(0)) + np.log1p(np.exp(-abs(difference))))
        weight = strength / (F(1) + np.exp(difference))
        steps += 1
        _step(users, items, u, i, j, x, d, weight, step)
    return loss, steps


@jit
def row_norms(start, stop, vectors, out):
    """out[r, 1] = |vectors[r]| for rows [start, stop)."""
    for r in range(start, stop):
        square = F(0)
        for k in range(vectors.shape[1]):
            square += vectors[r, k] * vectors[r, k]
        out[r, 1] = np.sqrt(square)
