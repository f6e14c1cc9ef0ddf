"""Weights and the unit of the regularization of WARP and BPR."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from estimators import PAIRWISE
from pairwise_losses import make_loss
from scipy.stats import rankdata
from sparse_matrices import random_rows

from sklearn_recsketch import BPRRecommender
from sklearn_recsketch.kernels._pairs import PENALTY
from sklearn_recsketch.preprocessing import to_matrix
from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.losses import penalty_unit, strength_weights, warp_rank_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers

BOTH = pytest.mark.parametrize("recommender", PAIRWISE)
ALONE = Workers(None, 1)


def penalties(rec):
    return rec._training_state["user"][:, PENALTY], rec._training_state["item"][:, PENALTY]


def rms(vectors):
    return math.sqrt(np.mean(np.sum(vectors**2, axis=1)))


def noise(n_users, n_items, n_pairs, seed):
    """Random pairs of users and items."""
    pairs = np.random.default_rng(seed).choice(n_users * n_items, n_pairs, replace=False)
    return np.column_stack(np.divmod(pairs, n_items))


@BOTH
def test_penalties_are_proportional_to_the_interactions_of_a_row(recommender, planted):
    X, _, _ = planted
    rec = recommender(4, max_iter=1, random_state=0).fit(X)
    for of_rows, axis in zip(penalties(rec), (1, 0)):
        counts = np.asarray(rec.interactions_.sum(axis=axis))
        np.testing.assert_allclose(of_rows / counts, of_rows.sum() / counts.sum(), rtol=1e-5)


@BOTH
def test_the_mean_penalty_is_in_units_of_the_edge_of_noise(recommender, planted):
    X, _, _ = planted
    rec = recommender(4, max_iter=1, user_regularization=0.5, item_regularization=2.0, random_state=0).fit(X)
    users, items = penalties(rec)
    n_users, n_items = rec.interactions_.shape
    weight = 0.5 / math.sqrt(n_items) if recommender is BPRRecommender else min(10, math.log(n_items - 1))
    edge = weight * (math.sqrt(len(X) / n_users) + math.sqrt(len(X) / n_items)) / 2
    assert users.mean() == pytest.approx(0.5 * edge, rel=1e-5)
    assert items.mean() == pytest.approx(2.0 * edge, rel=1e-5)


@BOTH
def test_nothing_is_learned_from_noise_above_its_edge(recommender, seed):
    # Random pairs have no structure except for the popularity of items, which biases absorb.
    X = noise(300, 200, 4000, seed)
    edge = math.sqrt(200) if recommender is BPRRecommender else 1.0
    weak, strong = (
        recommender(16, max_iter=60, regularization=share * edge, random_state=0).fit(X) for share in (0.1, 1.5)
    )
    products = [rms(rec.user_factors_) * rms(rec.item_factors_) for rec in (weak, strong)]
    assert products[1] < 0.02 * products[0]


@BOTH
def test_structure_above_the_edge_is_learned(recommender):
    # Five blocks of 60 users and 40 items each, two thirds of whose pairs are known: the singular value of a block is
    # sqrt(60 * 40) * 2 / 3 = 33, and the edge of the noise is sqrt(27) + sqrt(40) = 11.
    X = np.array([(u, i) for u in range(300) for i in range(200) if u % 5 == i % 5 and (u + i) % 3])
    rec = recommender(16, random_state=0).fit(X)
    scores = rec.user_factors_ @ rec.item_factors_.T
    same = np.equal.outer(np.arange(300) % 5, np.arange(200) % 5)
    assert np.median(scores[same]) > scores[~same].max() + 0.1


def test_copies_of_the_data_set_halve_the_penalties_of_bpr(planted):
    """Four copies with different users and items have the same edge, and four times the items halve w of BPR."""
    X, _, _ = planted
    copies = np.vstack([X.to_numpy() + 10**6 * c for c in range(4)])
    single, repeated = (BPRRecommender(8, random_state=0).fit(rows) for rows in (X.to_numpy(), copies))
    for a, b in zip(penalties(single), penalties(repeated)):
        np.testing.assert_allclose(b, np.tile(a, 4) / 2, rtol=1e-5)


@pytest.mark.parametrize("weights", [None, warp_rank_weights(40, 8)], ids=["bpr", "warp"])
@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_shrinkage_is_proportional_to_the_learning_rate(weights, rate, seed):
    """Loss and penalty are scaled by the same rate, so their equilibrium does not depend on it."""
    matrix = to_matrix(noise(30, 40, 200, seed))[0].astype(np.float32)
    moved = []
    for penalty in (0.0, 1.0):
        rng = np.random.default_rng(seed)
        values = [(rng.standard_normal((n, 3)) * 0.1).astype(np.float32) for n in matrix.shape]
        sides = [PlainSide(Embeddings.starting_at(v.copy(), penalty), n == 1, ALONE) for n, v in enumerate(values)]
        PairwiseEpochs(matrix, matrix, *sides, make_loss(rate, weights), seed, ALONE).run(0)
        moved.append(sides[0].kernel.vectors)
    # To first order, for steps so short that the accumulators hardly change.
    share = np.sum(moved[0] * (moved[0] - moved[1])) / np.sum(moved[0] ** 2)
    assert share / rate == pytest.approx(2.0, rel=0.35)


def test_the_edge_follows_from_the_mean_interactions():
    matrix = sp.csr_array(np.ones((4, 9), np.float32))
    assert penalty_unit(make_loss(0.1), matrix) == pytest.approx(0.5 / 3 * (3 + 2) / 2)
    warp = make_loss(0.1, warp_rank_weights(9, 3))
    assert penalty_unit(warp, matrix) == pytest.approx(math.log(8) * (3 + 2) / 2)


@BOTH
def test_a_batch_shrinks_rows_by_their_new_interactions(recommender, planted):
    X, y, _ = planted
    rec = recommender(4, random_state=0).partial_fit(X, y)
    users = X["user"].unique()[:10]
    rec.partial_fit(X[X["user"].isin(users)])
    touched = np.isin(rec.users_, users)
    assert (penalties(rec)[0][~touched] == 0).all()
    assert (penalties(rec)[0][touched] > 0).all()


@BOTH
def test_fold_in_shrinks_vectors(recommender, split):
    X, _, _, _ = split
    rec = recommender(8, max_iter=20, random_state=0).fit(X)
    history = X.assign(user=X["user"] + 10**6)
    spread = []
    for regularization in (0.0, 2 * rec.regularization):
        rec.set_params(regularization=regularization)
        spread.append(rec.recommend(history["user"].unique(), k=5, history=history)["score"].std())
    assert spread[1] < spread[0]


@pytest.mark.parametrize("n_users, n_items", [(1, 1), (30, 7), (7, 30)])
def test_weights_by_rank_of_strength_equal_scipy(n_users, n_items, seed):
    rng = np.random.default_rng(seed)
    matrix = random_rows(rng, n_users, n_items)
    matrix.data[:] = rng.integers(1, 5, matrix.nnz)
    expected = [0.5 + rankdata(row) / (len(row) + 1) for row in np.split(matrix.data, matrix.indptr[1:-1])]
    weights = strength_weights(matrix)
    np.testing.assert_allclose(weights.data, np.concatenate(expected), rtol=1e-6)
    np.testing.assert_array_equal(weights.indices, matrix.indices)


def test_warp_rank_weights_follow_the_formula():
    weights = warp_rank_weights(100, 60)
    expected = [min(10.0, np.log(max(1, 99 // q))) for q in range(1, 61)]
    np.testing.assert_allclose(weights[1:], expected, rtol=1e-6)
