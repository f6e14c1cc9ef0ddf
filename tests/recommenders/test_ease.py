"""EASE against dense algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_recsketch import EASERecommender, SideFeatures
from sklearn_recsketch._linalg import spd_inverse
from sklearn_recsketch.recommenders import _ease


def dense_ease(P, penalty):
    """Return the weights of EASE in float64, as in the paper."""
    Q = np.linalg.inv(P.T @ P + penalty * np.eye(P.shape[1]))
    B = -Q / np.diag(Q)
    np.fill_diagonal(B, 0)
    return B


def pattern(rec):
    return (rec.interactions_.toarray() > 0).astype(np.float64)


@pytest.mark.parametrize("penalty", [0.5, 20, 1000])
def test_weights_equal_dense_algebra(planted, penalty):
    rec = EASERecommender(penalty).fit(*planted[:2])
    # float32 rounding times the condition number, which is below 1000 with the smallest penalty.
    np.testing.assert_allclose(rec.item_weights_, dense_ease(pattern(rec), penalty), atol=2e-5)


def test_weights_of_several_blocks_equal_dense_algebra(planted, monkeypatch):
    for module in (_ease, spd_inverse):
        monkeypatch.setattr(module, "BLOCK", 32)
    rec = EASERecommender(20).fit(*planted[:2])
    assert len(rec.items_) > 3 * 32
    np.testing.assert_allclose(rec.item_weights_, dense_ease(pattern(rec), 20), atol=2e-5)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=40), st.sampled_from([0.5, 5.0]))
def test_weights_equal_dense_algebra_on_small_matrices(pairs, penalty):
    rec = EASERecommender(penalty).fit(np.array(pairs))
    np.testing.assert_allclose(rec.item_weights_, dense_ease(pattern(rec), penalty), atol=1e-5)


def test_diagonal_is_zero(planted):
    assert (np.diag(EASERecommender().fit(*planted[:2]).item_weights_) == 0).all()


def test_gradient_is_zero_off_the_diagonal(planted):
    rec = EASERecommender(10).fit(*planted[:2])
    P, B = pattern(rec), rec.item_weights_.astype(np.float64)
    gradient = P.T @ (P @ B - P) + 10 * B
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-4 * (P.T @ P).max()  # float32 weights times the largest term that cancels


def test_scores_are_sums_of_weights_over_the_history(planted):
    rec = EASERecommender(10).fit(*planted[:2])
    table = rec.recommend(k=5)
    scores = pattern(rec) @ rec.item_weights_
    rows, columns = np.searchsorted(rec.users_, table["user"]), np.searchsorted(rec.items_, table["item"])
    np.testing.assert_allclose(table["score"], scores[rows, columns], rtol=1e-4, atol=1e-6)  # float32 sums


def test_strengths_and_repeated_rows_do_not_matter(planted):
    X = planted[0]
    weights = EASERecommender().fit(X).item_weights_
    y = np.random.default_rng(0).uniform(0.1, 1000, 2 * len(X))
    np.testing.assert_array_equal(EASERecommender().fit(pd.concat([X, X]), y).item_weights_, weights)


def test_strengths_of_a_history_do_not_matter(planted):
    rec = EASERecommender().fit(*planted[:2])
    history = pd.DataFrame({"user": -7, "item": rec.items_[:3]})
    expected = rec.recommend(history=history)
    pd.testing.assert_frame_equal(rec.recommend(history=history.assign(weight=[0.5, 3, 99])), expected)


def test_automatic_penalty_equals_its_formula():
    X = [["ann", 1], ["ann", 2], ["bob", 2], ["bob", 3], ["bob", 4], ["eve", 2]]
    assert EASERecommender().fit(X).regularization_ == pytest.approx(3 * 6 / np.sqrt(3 * 4))


def test_automatic_penalty_ignores_ids_without_interactions():
    X = [["ann", 1], ["ann", 2], ["bob", 2]]
    features = SideFeatures.from_dicts({i: {"tag": "a"} for i in range(9)})
    rec = EASERecommender().fit(X, item_features=features)
    assert len(rec.items_) == 9
    assert rec.regularization_ == EASERecommender().fit(X).regularization_


def test_results_do_not_depend_on_the_number_of_threads(planted):
    one, two = (EASERecommender(n_jobs=n).fit(*planted[:2]) for n in (1, 2))
    np.testing.assert_array_equal(one.item_weights_, two.item_weights_)
    pd.testing.assert_frame_equal(one.recommend(k=5), two.recommend(k=5))


def test_partial_fit_equals_a_fit_on_all_rows(planted):
    X, y, _ = planted
    half = len(X) // 2
    rec = EASERecommender().fit(X[:half], y[:half]).partial_fit(X[half:], y[half:])
    np.testing.assert_array_equal(rec.item_weights_, EASERecommender().fit(X, y).item_weights_)


def test_too_little_memory_is_refused_before_it_is_taken(planted, monkeypatch):
    rec = EASERecommender().fit([["ann", 1]])
    before = vars(rec).copy()
    monkeypatch.setattr(_ease, "available_bytes", lambda: 100_000)
    monkeypatch.setattr(_ease, "_gram", lambda *args: pytest.fail("memory was taken"))
    n_items = planted[0]["item"].nunique()
    with pytest.raises(MemoryError, match=rf"{n_items:,} x {n_items:,}.* 100,000 bytes.*InteractionThresholder"):
        rec.fit(*planted[:2])
    assert vars(rec) == before


def test_unknown_memory_is_not_refused(monkeypatch):
    monkeypatch.setattr(_ease, "available_bytes", lambda: None)
    assert EASERecommender().fit([["ann", 1]]).item_weights_.shape == (1, 1)


def test_a_penalty_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="regularization=1e-30 is so small"):
        EASERecommender(1e-30).fit([["ann", 1], ["ann", 2]])


@pytest.fixture(scope="module")
def more_items_than_users():
    """300 users of 700 items, for which P'P is singular."""
    items = 700 * np.random.default_rng(0).random((300, 40)) ** 2
    return np.column_stack([np.repeat(np.arange(300), 40), items.ravel().astype(int)])


def test_a_penalty_that_makes_weights_inaccurate_is_refused(more_items_than_users):
    with pytest.raises(ValueError, match=r"regularization=0.005 is so small for float32 .* error .* Pass a larger"):
        EASERecommender(0.005).fit(more_items_than_users)


@pytest.mark.parametrize("penalty", [0.005, 0.03, 1, 100])
def test_estimated_error_equals_the_largest_error(more_items_than_users, penalty, monkeypatch):
    estimates = []
    estimate = _ease._relative_error
    monkeypatch.setattr(_ease, "CHECKED_COLUMNS", 10_000)
    monkeypatch.setattr(_ease, "CHECKED_ENTRIES", 5000)  # several parts
    monkeypatch.setattr(_ease, "_relative_error", lambda *args: estimates.append(estimate(*args)) or 0)
    rec = EASERecommender(penalty).fit(more_items_than_users)
    expected = dense_ease(pattern(rec), penalty)
    error = np.abs(rec.item_weights_ - expected).max() / np.abs(rec.item_weights_).max()
    # The step is computed with the inaccurate inverse, so that its own relative error is about that of the weights.
    assert estimates == [pytest.approx(error, rel=0.1)]


def test_weights_of_a_single_item_have_no_error():
    assert EASERecommender(1).fit([["ann", 1], ["bob", 1]]).item_weights_.tolist() == [[0]]


@pytest.mark.parametrize("penalty", [1e39, 1e-50, 10**400, float("nan")])
def test_a_penalty_that_float32_cannot_hold_is_refused(penalty):
    with pytest.raises(ValueError, match="'regularization' parameter of EASERecommender"):
        EASERecommender(penalty).fit([["ann", 1], ["ann", 2]])


def test_weights_with_the_largest_penalty_are_finite():
    assert np.isfinite(EASERecommender(1e30).fit([["ann", 1], ["ann", 2]]).item_weights_).all()
