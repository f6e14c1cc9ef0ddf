"""Training of WARP and BPR, and effects of their parameters."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from estimators import PAIRWISE
from pairwise_losses import make_loss

from sklearn_recsketch import (
    PopularityRecommender,
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
)
from sklearn_recsketch.exceptions import DivergenceWarning
from sklearn_recsketch.kernels._rng import stream_key
from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.losses import warp_rank_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers

BOTH = pytest.mark.parametrize("recommender", PAIRWISE)
ALONE = Workers(None, 1)


# Quality.


@BOTH
@pytest.mark.parametrize("featured", [False, True])
def test_planted_taste_beats_popularity(recommender, featured, planted, split, seed):
    X, _, X_test, _ = split
    rec = recommender(8, max_iter=30, random_state=seed).fit(X, item_features=planted[2] if featured else None)
    baseline = PopularityRecommender().fit(X)
    # The ratios over five seeds are above 1.8.
    assert rec.score(X_test) > 1.5 * baseline.score(X_test)


@BOTH
def test_held_out_item_of_a_checkerboard_is_the_best(recommender, checkerboard):
    # With many more epochs, both would learn that the held-out pair is a negative like any other.
    rec = recommender(8, learning_rate=0.05, max_iter=30, random_state=0).fit(checkerboard)
    table = rec.recommend(k=1)
    assert (table["user"] == table["item"]).mean() == 1


@BOTH
def test_loss_decreases(recommender, planted):
    X, _, _ = planted
    curve = recommender(8, max_iter=15, random_state=0).fit(X).loss_curve_
    # Negative samples differ between epochs, so means over a third of the epochs are compared.
    assert curve[:5].mean() > curve[5:10].mean() > curve[10:].mean()


@BOTH
def test_more_components_than_items_work(recommender, tiny):
    X = tiny[0]
    assert np.isfinite(recommender(40, max_iter=3, random_state=0).fit(X).item_factors_).all()


# Repetition.


@BOTH
@pytest.mark.parametrize("featured", [False, True])
def test_fits_with_one_thread_are_identical(recommender, featured, planted):
    X, y, features = planted
    fits = [
        recommender(6, max_iter=3, random_state=0, n_jobs=1).fit(X, y, item_features=features if featured else None)
        for _ in range(2)
    ]
    for name in ("user_factors_", "item_factors_", "item_biases_", "loss_curve_"):
        np.testing.assert_array_equal(getattr(fits[0], name), getattr(fits[1], name))


@BOTH
def test_second_fit_forgets_the_first(recommender, planted):
    X, y, features = planted
    once = recommender(6, max_iter=2, random_state=0).fit(X, y)
    twice = recommender(6, max_iter=2, random_state=0).fit(X[:500], item_features=features).fit(X, y)
    np.testing.assert_array_equal(once.item_factors_, twice.item_factors_)
    assert vars(once).keys() == vars(twice).keys()


@BOTH
def test_two_threads_score_like_one(recommender, split):
    X, _, X_test, _ = split
    scores = [recommender(8, max_iter=20, random_state=0, n_jobs=n).fit(X).score(X_test) for n in (1, 2)]
    # Hogwild varies as much as the seed, whose standard deviation on 300 users is about 0.005.
    assert scores[1] == pytest.approx(scores[0], abs=0.03)


@BOTH
def test_order_of_rows_does_not_matter(recommender, planted):
    X, y, _ = planted
    order = np.random.default_rng(0).permutation(len(X))
    a = recommender(6, max_iter=2, random_state=0).fit(X, y)
    b = recommender(6, max_iter=2, random_state=0).fit(X.iloc[order], y[order])
    np.testing.assert_array_equal(a.item_factors_, b.item_factors_)


@BOTH
def test_warm_start_continues_from_the_factors(recommender, planted):
    X, _, _ = planted
    rec = recommender(6, max_iter=10, random_state=0, warm_start=True).fit(X)
    first = rec.loss_curve_
    assert rec.fit(X).loss_curve_[0] < first[0]


# Parameters.


@BOTH
def test_learning_rate_scales_the_steps(recommender, tiny):
    X = tiny[0]
    moved = []
    for rate in (1e-4, 1e-2):
        rec = recommender(4, learning_rate=rate, max_iter=1, random_state=0).fit(X)
        other = recommender(4, learning_rate=1e-9, max_iter=1, random_state=0).fit(X)
        moved.append(np.linalg.norm(rec.item_factors_ - other.item_factors_))
    assert moved[1] > 50 * moved[0] > 0  # linear in the rate while steps are small


def test_margin_increases_the_difference_between_positives_and_others(planted):
    X, _, _ = planted
    gaps = []
    for margin in (0.1, 4.0):
        rec = WARPRecommender(8, margin=margin, max_iter=10, random_state=0).fit(X)
        scores = rec.user_factors_ @ rec.item_factors_.T + rec.item_biases_
        positive = rec.interactions_.toarray() > 0
        gaps.append(scores[positive].mean() - scores[~positive].mean())
    assert gaps[1] > gaps[0]


def test_equal_scores_without_margin_are_not_violations():
    matrix = sp.csr_array(np.eye(3, dtype=np.float32))
    zeros = [PlainSide(Embeddings.starting_at(np.zeros((3, 2), np.float32), 0.0), True, ALONE) for _ in range(2)]
    epochs = PairwiseEpochs(matrix, matrix, *zeros, make_loss(0.1, warp_rank_weights(3, 5), margin=0.0), 0, ALONE)
    assert epochs.run(0) == 0


def test_more_samples_find_more_violations(planted):
    X, _, _ = planted
    losses = [WARPRecommender(8, max_sampled=n, max_iter=8, random_state=0).fit(X).loss_curve_[0] for n in (1, 20)]
    assert losses[1] > losses[0]


@BOTH
@pytest.mark.parametrize("side", ["user", "item"])
def test_regularization_of_a_side_shrinks_its_vectors(recommender, side, planted):
    X, _, _ = planted
    norms = []
    for strength in (0.0, 5.0):
        rec = recommender(8, max_iter=10, random_state=0, **{f"{side}_regularization": strength}).fit(X)
        norms.append(np.linalg.norm(getattr(rec, f"{side}_factors_")))
    assert norms[1] < 0.9 * norms[0]


@BOTH
def test_regularization_applies_to_both_sides(recommender, planted):
    X, _, _ = planted
    shared = recommender(6, max_iter=2, random_state=0, regularization=0.01).fit(X)
    separate = recommender(6, max_iter=2, random_state=0, user_regularization=0.01, item_regularization=0.01).fit(X)
    np.testing.assert_array_equal(shared.user_factors_, separate.user_factors_)


@BOTH
def test_feature_regularization_shrinks_the_embeddings_of_features(recommender, planted):
    X, _, features = planted
    norms = []
    for strength in (0.0, 20.0):
        rec = recommender(8, max_iter=5, random_state=0, feature_regularization=strength).fit(X, item_features=features)
        norms.append(np.linalg.norm(rec.item_embeddings_[len(rec.items_) :]))
    assert norms[1] < 0.9 * norms[0]


# Negative samples.


@BOTH
def test_positives_are_never_sampled_as_negatives(recommender):
    # A single user has interacted with all items, so there are no negatives, no loss and no steps.
    rec = recommender(3, max_iter=3, random_state=0).fit([[7, item] for item in range(7)])
    assert (rec.loss_curve_ == 0).all()
    assert (rec.item_biases_ == 0).all()


@BOTH
def test_only_the_item_with_few_interactions_is_pushed_down(recommender):
    pairs = [(u, i) for u in range(20) for i in range(6) if not (i == 5 and u < 19)]
    rec = recommender(3, max_iter=2, random_state=0).fit(np.array(pairs))
    assert rec.item_biases_[5] == rec.item_biases_.min()
    assert (rec.item_biases_[:5] > 0).all()


def test_bpr_step_is_the_gradient_step():
    matrix = sp.csr_array(np.array([[1, 0]], np.float32))
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((n, 3)).astype(np.float32) for n in (1, 2)]
    x, (yi, yj) = values[0][0].copy(), values[1].copy()
    parts = [PlainSide(Embeddings.starting_at(v, 0.0), n == 2, ALONE) for n, v in zip((1, 2), values)]
    PairwiseEpochs(matrix, matrix, *parts, make_loss(0.1), 0, ALONE).run(0)
    # With accumulators of one, a step is the rate times the negative gradient of log(1 + exp(s_j - s_i)).
    weight = 1 / (1 + math.exp(x @ (yi - yj)))
    users, items = (side.kernel.vectors for side in parts)
    np.testing.assert_allclose(users[0], x + 0.1 * weight * (yi - yj), rtol=1e-5)
    np.testing.assert_allclose(items, [yi + 0.1 * weight * x, yj - 0.1 * weight * x], rtol=1e-5)


@BOTH
def test_items_without_interactions_are_recommended_and_never_sampled(recommender, planted):
    X, y, features = planted
    cold = features.ids[::4]
    warm = ~X["item"].isin(cold).to_numpy()
    encoder = SideFeatureEncoder(feature_weight=0.0)
    rec = recommender(6, max_iter=3, random_state=0, item_encoder=encoder).fit(X[warm], y[warm], item_features=features)
    plain = recommender(6, max_iter=3, random_state=0, item_encoder=encoder).fit(
        X[warm],
        y[warm],
        item_features=SideFeatures.from_dicts({int(i): {"t": "a"} for i in np.unique(X[warm]["item"])}),
    )
    # If they were sampled, they would be pushed down, and their biases would not be the mean of the others.
    position = np.searchsorted(rec.items_, cold)
    warm_mean = np.delete(rec.item_biases_, position).mean()
    np.testing.assert_allclose(rec.item_biases_[position], warm_mean, rtol=1e-4)
    assert set(cold) <= set(rec.items_)
    assert len(plain.items_) == len(rec.items_) - len(cold)
    assert len(rec.recommend([X["user"].iloc[0]], k=3, candidates=cold)) == 3


# Divergence.


@BOTH
def test_divergence_warns_and_keeps_finite_factors(recommender, planted):
    X, _, _ = planted
    rec = recommender(6, learning_rate=1e30, max_iter=20, random_state=0)
    message = rf"{recommender.__name__} diverged in epoch \d+ with learning_rate"
    with pytest.warns(DivergenceWarning, match=message) as caught:
        rec.fit(X)
    assert caught[0].filename == __file__  # the line that called fit
    assert rec.diverged_
    for name in ("user_factors_", "item_factors_", "item_biases_", "loss_curve_"):
        assert np.isfinite(getattr(rec, name)).all()
    assert rec.n_iter_ == len(rec.loss_curve_)
    assert np.isfinite(rec.predict(X)).all()


@BOTH
@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.DivergenceWarning")
def test_large_learning_rate_never_leaves_nan(recommender, planted):
    X, y, features = planted
    for rate in (1e2, 1e6, 1e12):
        rec = recommender(6, learning_rate=rate, max_iter=5, random_state=0).fit(X, y, item_features=features)
        assert np.isfinite(rec.recommend(k=3)["score"]).all()


@BOTH
def test_divergence_as_an_error_keeps_the_previous_model(recommender, tiny):
    X = tiny[0]
    rec = recommender(4, max_iter=2, random_state=0).fit(X)
    before = rec.item_factors_.copy()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=DivergenceWarning)
        with pytest.raises(DivergenceWarning, match="largest norm"):
            rec.set_params(learning_rate=1e30).fit(X)
    np.testing.assert_array_equal(rec.item_factors_, before)


def test_keys_of_epochs_and_seeds_differ():
    assert len({int(stream_key(seed, epoch)) for seed in range(20) for epoch in range(20)}) == 400
