"""Strengths of interactions in WARP and BPR."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from estimators import PAIRWISE
from pairwise_losses import make_loss

from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs, values_at
from sklearn_recsketch.recommenders._pairwise.losses import warp_rank_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers

BOTH = pytest.mark.parametrize("recommender", PAIRWISE)
ALONE = Workers(None, 1)


def assert_same(a, b):
    """Assert that both models are equal to the bit."""
    for name in ("user_factors_", "item_factors_", "item_biases_", "loss_curve_"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@BOTH
@pytest.mark.parametrize("factor", [0.25, 60, 1000, 2.0**40])
def test_the_unit_of_strengths_does_not_matter(recommender, factor, planted):
    X, y, _ = planted
    a, b = (recommender(6, max_iter=3, random_state=0).fit(X, times * y) for times in (1, factor))
    assert_same(a, b)
    new, strengths = X.iloc[::9], y[::9]
    assert_same(a.partial_fit(new, strengths), b.partial_fit(new, factor * strengths))


@BOTH
def test_the_unit_of_a_history_does_not_matter(recommender, planted):
    X, y, _ = planted
    rec = recommender(6, max_iter=3, random_state=0).fit(X, y)
    rows = X.iloc[:40].assign(user="nobody") if X["user"].dtype == object else X.iloc[:40].assign(user=10**6)
    rows = rows.drop_duplicates("item")
    lists = [
        rec.recommend([rows["user"].iloc[0]], k=5, history=rows.assign(strength=times * y[: len(rows)]))
        for times in (1, 1000)
    ]
    np.testing.assert_array_equal(lists[0].to_numpy(), lists[1].to_numpy())


@BOTH
def test_a_heavy_tail_does_not_matter(recommender, planted):
    X, y, _ = planted
    y = y + np.random.default_rng(0).random(len(y))  # no ties
    a, b = (recommender(6, max_iter=3, random_state=0).fit(X, strengths) for strengths in (y, y**8))
    assert_same(a, b)


@BOTH
def test_equal_strengths_equal_no_strengths(recommender, planted):
    X, _, _ = planted
    assert_same(*(recommender(6, max_iter=3, random_state=0).fit(X, y) for y in (None, np.full(len(X), 7.0))))


@BOTH
def test_stronger_interactions_take_longer_steps(recommender):
    # Each user has a weaker and a stronger item. Both are sampled equally often as negatives of other users.
    X = np.array([(user, item) for user in range(50) for item in (2 * user, 2 * user + 1)])
    y = np.tile([1.0, 5.0], 50)
    biases = [
        recommender(4, learning_rate=1e-6, max_iter=1, random_state=seed).fit(X, y).item_biases_ for seed in range(20)
    ]
    weaker, stronger = np.mean(biases, axis=0).reshape(-1, 2).mean(axis=0)
    assert stronger - weaker > 1e-7


def test_values_at_equals_dense_indexing(seed):
    rng = np.random.default_rng(seed)
    matrix, other = (sp.random_array((9, 7), density=0.4, rng=rng, format="csr", dtype=np.float32) for _ in range(2))
    for m in (matrix, other):
        m.sort_indices()
    rows, columns = other.nonzero()
    np.testing.assert_array_equal(values_at(other, matrix), matrix.toarray()[rows, columns])


# Negatives.


@BOTH
def test_weaker_interactions_can_be_negatives(recommender):
    # All users have all items, so only items with weaker interactions can be negatives.
    X = np.array([(user, item) for user in range(20) for item in range(4)])
    y = np.tile([1, 2, 3, 4], 20)
    biases = {
        negatives: recommender(3, max_iter=5, negatives=negatives, random_state=0).fit(X, y).item_biases_
        for negatives in ("unobserved", "weaker")
    }
    np.testing.assert_array_equal(biases["unobserved"], 0)
    assert (np.diff(biases["weaker"]) > 0).all()


@BOTH
def test_equal_interactions_are_never_negatives(recommender):
    X = np.array([(user, item) for user in range(20) for item in range(4)])
    rec = recommender(3, max_iter=2, negatives="weaker", random_state=0).fit(X)
    np.testing.assert_array_equal(rec.item_biases_, 0)


@pytest.mark.parametrize("weights", [None, warp_rank_weights(5, 8)], ids=["bpr", "warp"])
def test_the_negative_of_a_step_is_unknown_or_weaker(weights, seed):
    rng = np.random.default_rng(seed)
    known = sp.csr_array(rng.integers(0, 4, (1, 5)).astype(np.float32))
    for positive in known.indices:
        new = sp.csr_array(([1.0], ([0], [positive])), shape=known.shape, dtype=np.float32)
        sides = [PlainSide(Embeddings.starting_at(np.zeros((n, 2), np.float32)), n == 5, ALONE) for n in (1, 5)]
        PairwiseEpochs(new, known, *sides, make_loss(0.1, weights, weaker_negatives=True), seed, ALONE).run(0)
        pushed = np.flatnonzero(sides[1].state[:, 2] < 0)
        assert (known.toarray()[0, pushed] < known[0, positive]).all()


@BOTH
def test_without_strengths_weaker_negatives_equal_unobserved_negatives(recommender, planted):
    X, _, _ = planted
    assert_same(*(recommender(6, max_iter=2, negatives=n, random_state=0).fit(X) for n in ("unobserved", "weaker")))
