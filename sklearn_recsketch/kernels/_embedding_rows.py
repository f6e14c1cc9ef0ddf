"""Changes of embedding rows after a part of an epoch: the L2 penalty, averages, and the movement of features."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._jit import jit
from sklearn_recsketch.kernels._pairs import ACCUMULATOR, BIAS, BIAS_ACCUMULATOR, PENALTY

__all__ = ["displacements", "move_towards", "recombine", "shrink_rows", "step_and_shrink"]

F = np.float32


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
