"""Extreme parameters and data: everything that is learned and predicted is finite, and divergence is announced."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklearn_recsketch import BPRRecommender, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.exceptions import DivergenceWarning

K = 12  # more components than users and items

RECOMMENDERS = [
    WRMFRecommender(K),
    WRMFRecommender(K, solver="cholesky"),
    WRMFRecommender(K, solver="cg", regularization=0),
    WRMFRecommender(K, alpha=0, regularization=0, solver="cholesky"),
    WRMFRecommender(K, alpha=1e5, confidence="log", user_regularization=1e30, item_regularization=0),
    WRMFRecommender(K, alpha=1e-9, confidence="linear", regularization=1e30, regularization_scaling=1),
    WARPRecommender(K, learning_rate=100, regularization=0),
    WARPRecommender(K, learning_rate=1e-9, regularization=1e30),
    WARPRecommender(K, learning_rate=10, negatives="weaker", average=False),
    BPRRecommender(K, learning_rate=100, regularization=0),
    BPRRecommender(K, learning_rate=10, regularization=1e9, average=False),
]


def name_of(recommender):
    changed = {name: value for name, value in recommender.get_params().items() if name != "n_components"}
    default = type(recommender)().get_params()
    settings = [f"{name}={value}" for name, value in changed.items() if value != default[name]]
    return "-".join([type(recommender).__name__.removesuffix("Recommender"), *settings])


EVERY = pytest.mark.parametrize("recommender", RECOMMENDERS, ids=name_of)

PAIRS = {
    "one user": [(1, item) for item in range(6)],
    "one item": [(user, 0) for user in range(6)],
    "one pair": [(1, 0)],
    "all pairs": [(user, item) for user in range(5) for item in range(4)],
    "diagonal": [(n, n) for n in range(6)],
    "random": sorted({(user * user % 11, (3 * user + item) % 7) for user in range(9) for item in range(3)}),
}
STRENGTHS = {
    "none": lambda n: None,
    "smallest": lambda n: np.full(n, 1e-30),
    "largest": lambda n: np.full(n, 1e30),
    "one large": lambda n: np.append(np.ones(n - 1), 1e30),
    "one small": lambda n: np.append(np.ones(n - 1), 1e-30),
    "mixed": lambda n: np.logspace(-30, 30, n),
}


def fitted(recommender, X, y, **features):
    """Return a fitted recommender, or None if WRMF refuses a confidence that float32 cannot represent."""
    recommender = clone(recommender).set_params(random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            recommender.fit(X, y, **features)
        except ValueError as error:
            assert "2**24" in str(error)
            return None
    assert [warning.category for warning in caught] == [DivergenceWarning] * recommender.diverged_
    return recommender


def assert_finite(recommender, X):
    """Check the fitted attributes, predictions and lists, also of users with a history of extreme strengths."""
    arrays = ("user_factors_", "item_factors_", "user_embeddings_", "item_embeddings_", "item_biases_", "loss_curve_")
    for name in arrays:
        assert np.isfinite(getattr(recommender, name, 0)).all(), name
    assert np.isfinite(recommender.predict(X)).all()
    assert np.isfinite(recommender.predict([[-1, 0], [1, -1], [-1, -1]])).all()
    assert np.isfinite(recommender.recommend(k=3, exclude_seen=False)["score"]).all()
    assert np.isfinite(recommender.similar_items(recommender.items_, k=3)["score"]).all()
    for make in STRENGTHS.values():
        history = pd.DataFrame({"user": -1, "item": recommender.items_})
        strengths = make(len(history))
        if strengths is not None:
            history["weight"] = strengths
        try:
            scores = recommender.recommend(history=history, k=3, exclude_seen=False)["score"]
        except ValueError as error:
            assert "2**24" in str(error)
        else:
            assert np.isfinite(scores).all()


@EVERY
@pytest.mark.parametrize("strengths", STRENGTHS)
@pytest.mark.parametrize("pairs", PAIRS)
def test_everything_is_finite_and_divergence_is_announced(recommender, pairs, strengths):
    X = pd.DataFrame(PAIRS[pairs], columns=["user", "item"])
    model = fitted(recommender, X, STRENGTHS[strengths](len(X)))
    if model is not None:
        assert_finite(model, X)


@EVERY
@pytest.mark.parametrize("strengths", ["none", "mixed"])
def test_everything_is_finite_with_extreme_features(recommender, strengths):
    X = pd.DataFrame(PAIRS["random"], columns=["user", "item"])
    features = SideFeatures.from_dicts({item: {"tag": f"t{item % 2}", "size": 1e9 * item} for item in range(7)})
    model = fitted(recommender, X, STRENGTHS[strengths](len(X)), item_features=features)
    if model is not None:
        assert_finite(model, X)


@EVERY
@pytest.mark.parametrize("strengths", ["smallest", "largest", "mixed"])
def test_an_update_is_finite_or_refused(recommender, strengths):
    X = pd.DataFrame(PAIRS["random"], columns=["user", "item"])
    model = fitted(recommender, X, None)
    new = pd.DataFrame({"user": [1, 99, 98], "item": [0, 0, 99]})
    try:
        model.partial_fit(new, STRENGTHS[strengths](len(new)))
    except ValueError as error:
        assert "2**24" in str(error) or "The update diverged" in str(error)
    assert_finite(model, X)


@pytest.mark.parametrize("rate", [0.05, 1, 10, 100, 1e4, 1e30])
@pytest.mark.parametrize("cls", [WARPRecommender, BPRRecommender])
def test_divergence_is_announced_in_the_epoch_in_which_it_occurs(cls, rate, planted):
    X = planted[0]
    recommender = cls(K, learning_rate=rate, regularization=0, max_iter=15, average=False)
    model = fitted(recommender, X, None)
    assert model.diverged_ or model.n_iter_ == 15
    if model.n_iter_:
        before = fitted(recommender.set_params(max_iter=model.n_iter_), X, None)
        assert not before.diverged_
        np.testing.assert_array_equal(before.item_factors_, model.item_factors_)
    if model.diverged_:
        assert fitted(recommender.set_params(max_iter=model.n_iter_ + 1), X, None).diverged_


@pytest.mark.parametrize("penalty", [1e15, 1e30, 1e300])
@pytest.mark.parametrize("solver", ["auto", "cg", "cholesky"])
def test_a_huge_penalty_gives_vectors_of_zero(solver, penalty, planted):
    model = WRMFRecommender(4, regularization=penalty, solver=solver, max_iter=2, random_state=0).fit(*planted[:2])
    assert not model.diverged_
    # The first step moves the initial vectors, which are shorter than 0.1, to zero with the rounding error of float32.
    assert max(np.abs(model.user_factors_).max(), np.abs(model.item_factors_).max()) < 1e-8
