"""Draws and weights of WARP's kernel."""

from __future__ import annotations

import numpy as np
import pytest
from pairwise_sides import plain_epochs, run_kernel

from sklearn_recsketch.kernels._pairs import BIAS
from sklearn_recsketch.kernels._warp_steps import warp_pass

RATE = 1e-4  # so small that one step does not change whether another violates the margin


def test_without_a_violation_nothing_moves():
    epochs = plain_epochs(0, np.ones(41, np.float32), margin=0.0)
    epochs.items.state[:, BIAS] = epochs.items.kernel.biases[:] = 0
    epochs.users.kernel.vectors[...] = epochs.items.kernel.vectors[...] = 0  # all scores are equal
    assert run_kernel(warp_pass, epochs, [(0, len(epochs._samples.users))]) == 0
    assert not epochs.items.kernel.vectors.any()


@pytest.mark.parametrize("max_sampled", [1, 15, 16, 17, 33, 70])
def test_a_violation_in_the_last_draws_is_found(max_sampled):
    # Only item 0 violates the margin, and only weights of the last draw are positive.
    weights = np.zeros(max_sampled + 1, np.float32)
    weights[-1] = 1
    losses = []
    for epoch in range(20):
        epochs = plain_epochs(0, weights, RATE, margin=0.0)
        epochs.users.kernel.vectors[...] = 0
        epochs.items.state[:, BIAS] = epochs.items.kernel.biases[:] = np.where(np.arange(40) == 0, 10, 0)
        losses.append(run_kernel(warp_pass, epochs, [(0, len(epochs._samples.users))], epoch))
    assert max(losses) > 0


def test_draws_of_known_items_are_counted():
    # All items violate the margin, so a pair steps in its first draw unless the user knows the item.
    losses = []
    for first, later in ((1, 1), (1, 0), (0, 1)):
        weights = np.array([0, first] + [later] * 15, np.float32)
        epochs = plain_epochs(0, weights, RATE, margin=1000.0)
        losses.append(run_kernel(warp_pass, epochs, [(0, len(epochs._samples.users))]))
    all_pairs, in_first_draw, in_later_draws = losses
    assert in_first_draw + in_later_draws == pytest.approx(all_pairs, rel=1e-3)  # the steps differ slightly
    # 30 % of all pairs are known, and the pairs of a block share their candidates.
    assert in_later_draws / all_pairs == pytest.approx(0.3, abs=0.15)
