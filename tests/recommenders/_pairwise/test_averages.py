"""Averages over the epochs of WARP and BPR."""

from __future__ import annotations

import numpy as np
import pytest
from estimators import PAIRWISE

from sklearn_recsketch.recommenders._pairwise.averages import POWER, EpochAverage
from sklearn_recsketch.utils._threads import Workers

BOTH = pytest.mark.parametrize("recommender", PAIRWISE)
LEARNED = ("user_factors_", "item_factors_", "item_biases_", "item_embeddings_")


def test_the_average_of_one_epoch_is_the_epoch(seed):
    average = EpochAverage(Workers(None, 1))
    rows = np.random.default_rng(seed).standard_normal((3, 2)).astype(np.float32)
    average.add([rows])
    np.testing.assert_array_equal(average.arrays[0], rows)


def test_epochs_have_polynomial_weights(seed):
    """The weight of epoch t is proportional to t (t + 1) ... (t + POWER - 1)."""
    epochs = np.random.default_rng(seed).standard_normal((9, 5, 2)).astype(np.float32)
    average = EpochAverage(Workers(None, 1))
    for rows in epochs:
        average.add([rows])
    weights = np.array([np.prod(np.arange(t, t + POWER, dtype=float)) for t in range(1, 10)])
    np.testing.assert_allclose(average.arrays[0], np.average(epochs, axis=0, weights=weights), rtol=1e-4, atol=1e-6)


@BOTH
@pytest.mark.parametrize("featured", [False, True])
def test_factors_are_the_average_over_the_epochs(recommender, featured, planted):
    X, y, features = planted
    options = {"item_features": features} if featured else {}
    each = [recommender(6, max_iter=n, average=False, random_state=0).fit(X, y, **options) for n in range(1, 6)]
    averaged = recommender(6, max_iter=5, random_state=0).fit(X, y, **options)
    weights = [np.prod(np.arange(t, t + POWER, dtype=float)) for t in range(1, 6)]
    for name in LEARNED:
        expected = np.average([getattr(rec, name) for rec in each], axis=0, weights=weights)
        # Sums in float32 of vectors and of embeddings of features.
        np.testing.assert_allclose(getattr(averaged, name), expected, rtol=1e-3, atol=1e-5)


@BOTH
def test_averaging_does_not_change_the_loss_curve(recommender, planted):
    X, y, _ = planted
    fits = [recommender(6, max_iter=4, average=average, random_state=0).fit(X, y) for average in (False, True)]
    np.testing.assert_array_equal(fits[0].loss_curve_, fits[1].loss_curve_)


@BOTH
@pytest.mark.parametrize("engine", ["native", "lightfm"])
def test_early_stopping_keeps_the_average_up_to_the_best_epoch(recommender, engine, planted):
    if engine == "lightfm":
        pytest.importorskip("lightfm", reason="LightFM is not installed: extra [engines]")
    X, _, _ = planted
    rec = recommender(6, engine=engine, max_iter=30, early_stopping=True, n_iter_no_change=2, random_state=0)
    rec.fit(X, X_val=X.iloc[::7])
    assert rec.n_iter_ < len(rec.validation_scores_)
    again = recommender(6, engine=engine, max_iter=rec.n_iter_, random_state=0).fit(X)
    for name in LEARNED:
        np.testing.assert_array_equal(getattr(rec, name), getattr(again, name))


@BOTH
def test_partial_fit_continues_from_the_average(recommender, planted):
    X, y, _ = planted
    rec = recommender(6, max_iter=5, random_state=0).fit(X, y)
    before = rec.item_factors_.copy()
    rec.set_params(learning_rate=1e-30).partial_fit(X.iloc[:20], y[:20])
    np.testing.assert_array_equal(rec.item_factors_, before)
