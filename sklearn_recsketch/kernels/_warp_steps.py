"""WARP: gradient steps on the first violation of the order among candidate items."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._membership import prefetch_position
from sklearn_recsketch.kernels._pairs import BLOCK, compare, is_negative, look_up, take_step
from sklearn_recsketch.kernels._prefetch import prefetch_row
from sklearn_recsketch.kernels._rng import GOLDEN, draw_below, mix

__all__ = ["LANE", "WIDEST", "warp_pass"]

F = np.float32
LANE = 16  # scores compared together
WIDEST = 32  # most candidates that are scored together
AHEAD = 16  # samples between the prefetch of vectors and their use


@inlined
def _draw_candidates(key, V, biases, items, vectors, item_biases):
    """Draw items, and copy their vectors and biases."""
    n = items.shape[0]
    for m in range(n):
        items[m] = draw_below(key, m, V.shape[0])
        prefetch_row(V, items[m])
    for m in range(n):
        j = items[m]
        item_biases[m] = biases[j]
        for k in range(V.shape[1]):
            vectors[m, k] = V[j, k]


@inlined
def _copy_users(n, block, U, V, biases, margin, vectors, thresholds):
    """Copy the user vectors of a block, and compute the score that violates the margin of each sample."""
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
def _exceeds(scores, row, item_biases, threshold):
    """Add the biases to a row of scores, and return whether any of the scores exceeds the threshold.

    The indices are unsigned because numba checks signed indices for negative values on every access.
    """
    found = False
    for m in range(item_biases.shape[0]):
        score = scores[row, uint64(m)] + item_biases[uint64(m)]
        scores[row, uint64(m)] = score
        found |= score > threshold
    return found


@inlined
def _place(offset, t, n):
    """Return the candidate of draw t: the draws start at the offset, and continue with the first candidate."""
    m = offset + t - 1
    return m if m < n else m - n


@inlined
def _next_violation(scores, row, threshold, offset, t, last):
    """Return the first draw after draw t whose score exceeds the threshold, or a number above `last`.

    See `_place` for the candidate of a draw.
    """
    n = uint64(scores.shape[1])
    t += 1
    m = uint64(offset + t - 1)
    while t <= last:
        if m >= n:
            m -= n
        if scores[row, m] > threshold:
            break
        t += 1
        m += uint64(1)
    return t


@inlined
def _keep(a, p, block, vectors, thresholds):
    """Move row p of a block to row a."""
    for c in range(3):
        block[a, c] = block[p, c]
    thresholds[a] = thresholds[p]
    for k in range(vectors.shape[1]):
        vectors[a, k] = vectors[p, k]


@jit
def warp_pass(start, stop, samples, users, items, step):
    """Train WARP on samples [start, stop) in epoch order, and return the sum of the losses.

    For each positive pair (u, i), items j are sampled until an item violates the margin, ``s_uj > s_ui - margin``, and
    is not a known item of user u. Draws of known items are included in the number of draws.

    The samples of a block share their candidate items, so that a matrix product computes all scores. Each sample walks
    through the candidates from an offset of its own. The scores are computed before the steps of the block, so a
    violation is only accepted if the current vectors violate the margin, too.
    """
    sample_users, sample_items, strengths, indptr, indices, bits, shift, _, levels, known_levels = samples
    U, _, state_u = users
    V, biases, state = items
    key_pass, half_bits, user_rate, item_rate, margin, rank_weights = step
    n, K, max_sampled = sample_users.shape[0], U.shape[1], rank_weights.shape[0] - 1
    width = min(WIDEST, -(-max_sampled // LANE) * LANE)
    size = min(BLOCK, stop - start)
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
    for q in range(start, stop, BLOCK):
        n_left = min(BLOCK, stop - q)
        look_up(q, q + n_left, n, half_bits, key_pass, sample_users, sample_items, strengths, block)
        _copy_users(n_left, block, U, V, biases, margin, vectors, thresholds)
        key_block = mix(key_pass + uint64(q) * GOLDEN)
        for drawn in range(0, max_sampled, width):
            last = min(width, max_sampled - drawn)
            key = mix(key_block + uint64(drawn) * GOLDEN)
            _draw_candidates(key, V, biases, candidates, candidate_vectors, candidate_biases)
            np.dot(vectors[:n_left], candidate_vectors.T, scores[:n_left])
            n_found = 0
            for p in range(n_left):
                stepped[p] = False
                if not _exceeds(scores, uint64(p), candidate_biases, thresholds[p]):
                    continue
                offset = draw_below(key, width + p, width)
                t = _next_violation(scores, uint64(p), thresholds[p], offset, 0, last)
                if t > last:
                    continue
                found[n_found, 0] = p
                found[n_found, 1] = offset
                found[n_found, 2] = t
                n_found += 1
                j = candidates[_place(offset, t, width)]
                prefetch_row(state_u, block[p, 1])
                prefetch_row(state, block[p, 2])
                prefetch_row(state, j)
                prefetch_position(bits, shift, block[p, 1], j)
            for f in range(n_found):
                p = found[f, 0]
                offset = found[f, 1]
                t = found[f, 2]
                e = block[p, 0]
                u = block[p, 1]
                i = block[p, 2]
                while t <= last:
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
                        break
                    t = _next_violation(scores, uint64(p), thresholds[p], offset, t, last)
            if drawn + width < max_sampled:
                n_kept = 0
                for p in range(n_left):
                    if not stepped[p]:
                        _keep(n_kept, p, block, vectors, thresholds)
                        n_kept += 1
                n_left = n_kept
    return loss
