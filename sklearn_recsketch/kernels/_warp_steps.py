"""WARP: a gradient step for each positive pair and the first candidate item that violates the margin."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._membership import prefetch_position
from sklearn_recsketch.kernels._pairs import compare, is_negative, look_up, take_step
from sklearn_recsketch.kernels._prefetch import prefetch_row
from sklearn_recsketch.kernels._rng import GOLDEN, draw_below, mix

__all__ = ["warp_pass"]

AHEAD = 16  # samples between the prefetch of vectors and their use


@inlined
def _draw_candidates(key, V, biases, items, vectors, item_biases):
    """Draw items, and copy their vectors and biases."""
    for m in range(items.shape[0]):
        items[m] = draw_below(key, m, V.shape[0])
        prefetch_row(V, items[m])
    for m in range(items.shape[0]):
        j = items[m]
        item_biases[m] = biases[j]
        for k in range(V.shape[1]):
            vectors[m, k] = V[j, k]


@inlined
def _copy_users(n, block, U, V, biases, margin, vectors, thresholds):
    """Copy the user vectors of a block, and compute the thresholds: items with higher scores violate the margin."""
    for p in range(n):
        for a in range(0 if p == 0 else p + AHEAD, min(p + AHEAD + 1, n)):
            prefetch_row(U, block[a, 1])
            prefetch_row(V, block[a, 2])
        u = block[p, 1]
        i = block[p, 2]
        score = biases[i] - margin
        for k in range(U.shape[1]):
            x = U[u, k]
            vectors[p, k] = x
            score += x * V[i, k]
        thresholds[p] = score


@inlined
def _place(offset, t, n):
    """Return the position of the candidate of draw t. After the last candidate, the first one follows."""
    m = offset + t - 1
    return m if m < n else m - n


@inlined
def _next_violation(scores, row, threshold, offset, t, last):
    """Return the first draw after draw t whose score exceeds the threshold, or a number above `last`."""
    t += 1
    while t <= last and not scores[row, uint64(_place(offset, t, scores.shape[1]))] > threshold:
        t += 1
    return t


@inlined
def _first_violations(n, scores, candidate_biases, thresholds, key, last, found):
    """Find the first draw of each sample whose score exceeds its threshold, and return the number of these samples.

    The biases are added to the scores. The sample, its offset and its draw are written to `found`. The indices are
    unsigned because numba checks signed indices for negative values on every access.
    """
    n_found, width = 0, scores.shape[1]
    for p in range(n):
        exceeds = False
        for m in range(width):
            score = scores[uint64(p), uint64(m)] + candidate_biases[uint64(m)]
            scores[uint64(p), uint64(m)] = score
            exceeds |= score > thresholds[p]
        if exceeds:
            offset = draw_below(key, width + p, width)
            t = _next_violation(scores, uint64(p), thresholds[p], offset, 0, last)
            if t <= last:
                found[n_found, 0] = p
                found[n_found, 1] = offset
                found[n_found, 2] = t
                n_found += 1
    return n_found


@inlined
def _prefetch_steps(n_found, found, block, candidates, state_u, state, bits, shift):
    """Prefetch what the steps on the violations read, except for the vectors."""
    for f in range(n_found):
        p = found[f, 0]
        j = candidates[_place(found[f, 1], found[f, 2], candidates.shape[0])]
        prefetch_row(state_u, block[p, 1])
        prefetch_row(state, block[p, 2])
        prefetch_row(state, j)
        prefetch_position(bits, shift, block[p, 1], j)


@inlined
def _keep(n, stepped, block, vectors, thresholds):
    """Keep the samples of a block that have not taken a step, and return their number."""
    n_kept = 0
    for p in range(n):
        if stepped[p]:
            continue
        for c in range(3):
            block[n_kept, c] = block[p, c]
        thresholds[n_kept] = thresholds[p]
        for k in range(vectors.shape[1]):
            vectors[n_kept, k] = vectors[p, k]
        n_kept += 1
    return n_kept


@jit
def warp_pass(start, stop, samples, users, items, step):
    """Train WARP on samples [start, stop) in epoch order, and return the sum of the losses.

    For each positive pair (u, i), items j are sampled until an item violates the margin, ``s_uj > s_ui - margin``, and
    is not a known item of user u. Draws of known items are included in the number of draws.

    The samples of a block share their candidate items, so that a matrix product computes the scores of several
    candidates at a time. Each sample goes through the candidates in order, but starts at a random offset. The scores
    are computed from the user vectors before the steps of the block, so a violation is only accepted if the current
    vectors violate the margin, too.
    """
    sample_users, sample_items, strengths, indptr, indices, bits, shift, _, levels, known_levels = samples
    U, _, state_u = users
    V, biases, state = items
    key_pass, half_bits, block_size, width, user_rate, item_rate, margin, rank_weights = step
    n, K, max_sampled = sample_users.shape[0], U.shape[1], rank_weights.shape[0] - 1
    size = min(block_size, stop - start)
    block = np.empty((size, 3), np.int64)
    vectors = np.empty((size, K), np.float32)
    thresholds = np.empty(size, np.float32)
    found = np.empty((size, 3), np.int64)
    stepped = np.empty(size, np.bool_)
    candidates = np.empty(width, np.int64)
    candidate_vectors = np.empty((width, K), np.float32)
    candidate_biases = np.empty(width, np.float32)
    scores = np.empty((size, width), np.float32)
    loss = 0.0
    for q in range(start, stop, block_size):
        n_left = min(block_size, stop - q)
        look_up(q, q + n_left, n, half_bits, key_pass, sample_users, sample_items, strengths, block)
        _copy_users(n_left, block, U, V, biases, margin, vectors, thresholds)
        key_block = mix(key_pass + uint64(q) * GOLDEN)
        drawn = 0
        while n_left > 0 and drawn < max_sampled:
            last = min(width, max_sampled - drawn)
            key = mix(key_block + uint64(drawn) * GOLDEN)
            _draw_candidates(key, V, biases, candidates, candidate_vectors, candidate_biases)
            np.dot(vectors[:n_left], candidate_vectors.T, scores[:n_left])
            n_found = _first_violations(n_left, scores, candidate_biases, thresholds, key, last, found)
            _prefetch_steps(n_found, found, block, candidates, state_u, state, bits, shift)
            stepped[:] = False
            for f in range(n_found):
                p, offset, t = found[f, 0], found[f, 1], found[f, 2]
                e, u, i = block[p, 0], block[p, 1], block[p, 2]
                while t <= last and not stepped[p]:
                    j = candidates[_place(offset, t, width)]
                    difference, square, distance = compare(U, V, biases, u, i, j)
                    if difference < margin and is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, j):
                        stepped[p] = True
                        weight = rank_weights[drawn + t] * strengths[e]
                        if weight > 0:
                            loss += np.float64(weight) * np.float64(margin - difference)
                            take_step(
                                U, state_u, V, biases, state, u, i, j, weight, square, distance, user_rate, item_rate
                            )
                    t = _next_violation(scores, uint64(p), thresholds[p], offset, t, last)
            n_left = _keep(n_left, stepped, block, vectors, thresholds)
            drawn += width
    return loss
