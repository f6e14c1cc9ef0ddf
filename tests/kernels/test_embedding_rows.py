"""Changes of embedding rows after a part of an epoch."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch.kernels._embedding_rows import shrink_rows
from sklearn_recsketch.kernels._pairs import ACCUMULATOR, BIAS, BIAS_ACCUMULATOR
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings


def test_shrink_rows_uses_the_learning_rate_of_each_row():
    W, penalty = np.ones((3, 2), np.float32), np.array([0.0, 0.5, 1.0])
    state = Embeddings.starting_at(W, penalty).state
    state[:, [ACCUMULATOR, BIAS_ACCUMULATOR]], state[:, BIAS] = (4, 9), 2
    shrink_rows(1, 3, W, state, 0.3)
    np.testing.assert_allclose(W[:, 0], np.exp(-2 * 0.3 / 2 * penalty), rtol=1e-6)
    np.testing.assert_allclose(state[:, BIAS], 2 * np.exp(-2 * 0.3 / 3 * penalty), rtol=1e-6)
