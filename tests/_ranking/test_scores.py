"""Scores by block, compared with inner products."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_recsketch._ranking import top_k
from sklearn_recsketch._ranking.eligible import eligible
from sklearn_recsketch._ranking.scores import InnerProducts, ScoreBlocks
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)
N_USERS, N_ITEMS = 37, 90


@pytest.fixture
def vectors(rng):
    """Integer vectors, whose inner products are exact and often tied."""
    return (rng.integers(-2, 3, (n, 4)).astype(np.float32) for n in (N_USERS, N_ITEMS))


@pytest.fixture
def rng(seed):
    return np.random.default_rng(seed)


@pytest.fixture
def both(vectors, monkeypatch):
    """The same scores as inner products and by blocks of a few users."""
    monkeypatch.setattr(top_k, "BLOCK_SCORES", 5 * N_ITEMS)
    x, y = vectors
    return InnerProducts(x, y), ScoreBlocks(lambda rows: x[rows] @ y.T, N_USERS, N_ITEMS)


@pytest.fixture(params=["all", "excluded", "candidates", "both"])
def choice(request, rng):
    def pairs(density):
        matrix = sp.csr_array(rng.random((N_USERS, N_ITEMS)) < density).astype(np.float32)
        matrix.sort_indices()
        return matrix

    excluded = pairs(0.2) if request.param in ("excluded", "both") else None
    return eligible(excluded, pairs(0.3) if request.param in ("candidates", "both") else None)


@pytest.fixture
def some(choice, rng):
    """Some of the eligible pairs."""
    mask = rng.random((N_USERS, N_ITEMS)) < 0.1
    if choice.candidates is not None:
        mask &= choice.candidates.toarray() != 0
    elif choice.excluded is not None:
        mask &= choice.excluded.toarray() == 0
    return sp.csr_array(mask.astype(np.float32))


@pytest.mark.parametrize("k", [1, 7, N_ITEMS])
def test_both_kinds_of_scores_have_the_same_lists(both, choice, k):
    (best, values), (other, other_values) = (of_kind.top(choice, k, ALONE) for of_kind in both)
    width = best.shape[1]  # with candidates, the lists of inner products are as wide as the longest one
    np.testing.assert_array_equal(other[:, :width], best)
    np.testing.assert_array_equal(other_values[:, :width], values)
    assert (other[:, width:] == -1).all()


def test_both_kinds_of_scores_have_the_same_ranks(both, choice, some):
    first, second = (of_kind.before(choice, some, ALONE) for of_kind in both)
    np.testing.assert_array_equal(first, second)


def test_both_kinds_of_scores_have_the_same_squared_errors(both, choice, some):
    first, second = (of_kind.squared_errors(choice, some, ALONE) for of_kind in both)
    np.testing.assert_allclose(first, second, rtol=1e-12)  # sums of integers in float64
