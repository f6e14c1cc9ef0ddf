"""BPR: a gradient step for each positive pair and one negative item."""

from __future__ import annotations

import numpy as np
from numba import uint64

from sklearn_recsketch.kernels._jit import inlined, jit
from sklearn_recsketch.kernels._membership import prefetch_position
from sklearn_recsketch.kernels._pairs import compare, is_negative, look_up, take_step
from sklearn_recsketch.kernels._prefetch import prefetch_row
from sklearn_recsketch.kernels._rng import GOLDEN, draw_below, mix

__all__ = ["bpr_pass"]

F = np.float32
AHEAD = 8  # samples between the prefetch of a step and the step
DRAWS = 32  # attempts to sample a negative: users who interacted with nearly all items may get none


@inlined
def _draw_negatives(q, n, pool, key_pass, bits, shift, indptr, indices, known_levels, levels, block):
    """Sample a negative item for each sample of a block that starts at sample q.

    If no negative item is found in DRAWS attempts, the item is set to -1.
    """
    for p in range(n):
        j = np.int64(pool[draw_below(mix(key_pass + uint64(q + p) * GOLDEN), 1, pool.shape[0])])
        block[p, 3] = j
        prefetch_position(bits, shift, block[p, 1], j)
    for p in range(n):
        e = block[p, 0]
        u = block[p, 1]
        t = 1
        while not is_negative(bits, shift, indptr, indices, known_levels, levels, e, u, block[p, 3]):
            t += 1
            if t > DRAWS:
                block[p, 3] = -1
                break
            block[p, 3] = pool[draw_below(mix(key_pass + uint64(q + p) * GOLDEN), t, pool.shape[0])]


@inlined
def _prefetch_ahead(p, n, block, U, V, state_u, state):
    """Prefetch the vectors and accumulators of the sample that is AHEAD places after sample p of a block.

    If p is 0, the samples before this place are prefetched, too.
    """
    for a in range(0 if p == 0 else p + AHEAD, min(p + AHEAD + 1, n)):
        u = block[a, 1]
        i = block[a, 2]
        j = max(block[a, 3], 0)
        prefetch_row(U, u)
        prefetch_row(V, i)
        prefetch_row(V, j)
        prefetch_row(state_u, u)
        prefetch_row(state, i)
        prefetch_row(state, j)


@jit
def bpr_pass(start, stop, samples, users, items, step):
    """Train BPR on samples [start, stop) in epoch order, and return the sum of the losses.

    For each positive pair (u, i), an item j that is not a known item of user u is sampled from
    ``samples.negative_pool``. The weight of the gradient step is ``1 / (1 + exp(s_ui - s_uj))``.
    """
    sample_users, sample_items, strengths, indptr, indices, bits, shift, pool, levels, known_levels = samples
    U, _, state_u = users
    V, biases, state = items
    key_pass, half_bits, block_size, _, user_rate, item_rate, _, _ = step
    n = sample_users.shape[0]
    block = np.empty((min(block_size, stop - start), 4), np.int64)
    loss = 0.0
    for q in range(start, stop, block_size):
        n_block = min(block_size, stop - q)
        look_up(q, q + n_block, n, half_bits, key_pass, sample_users, sample_items, strengths, block)
        _draw_negatives(q, n_block, pool, key_pass, bits, shift, indptr, indices, known_levels, levels, block)
        for p in range(n_block):
            _prefetch_ahead(p, n_block, block, U, V, state_u, state)
            e = block[p, 0]
            u = block[p, 1]
            i = block[p, 2]
            j = block[p, 3]
            if j < 0:
                continue
            difference, square, distance = compare(U, V, biases, u, i, j)
            # log(1 + exp(-difference)) and 1 / (1 + exp(difference)) without overflow
            small = np.exp(-abs(difference))
            loss += strengths[e] * (max(-difference, F(0)) + np.log(F(1) + small))
            weight = strengths[e] * (small if difference > 0 else F(1)) / (F(1) + small)
            take_step(U, state_u, V, biases, state, u, i, j, weight, square, distance, user_rate, item_rate)
    return loss
