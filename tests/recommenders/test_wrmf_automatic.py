"""WRMF with automatic parameters: they do not depend on the unit of strengths, and later calls use them."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.conversion import from_implicit, to_implicit
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import ParquetInteractions

COMPUTED = ("alpha_", "user_regularization_", "item_regularization_")
NUMBERS = ("alpha", "user_regularization", "item_regularization")
SHAPE = {"confidence": "scaled_log", "regularization_scaling": "popularity"}
CV = UserHoldoutSplit(n_items=2, random_state=0)
FEATURED = pytest.mark.parametrize("featured", [False, True])


@pytest.fixture(scope="module")
def plays(planted):
    """X and heavy-tailed counts, over four orders of magnitude."""
    X, y, _ = planted
    X, y = X[y > 0], y[y > 0]
    return X, np.round(y * np.random.default_rng(0).pareto(0.8, len(y)) + 1)


def small(**parameters):
    return WRMFRecommender(**{"n_components": 6, "max_iter": 4, "random_state": 0} | parameters)


def computed(rec):
    return tuple(getattr(rec, name) for name in COMPUTED)


def as_numbers(rec):
    """The computed values as parameters."""
    return dict(zip(NUMBERS, computed(rec))) | SHAPE


def assert_same(rec, other):
    """Assert that both models are equal to the bit."""
    assert computed(rec) == computed(other)
    np.testing.assert_array_equal(rec.user_factors_, other.user_factors_)
    np.testing.assert_array_equal(rec.item_factors_, other.item_factors_)


# The unit of strengths.


@FEATURED
@pytest.mark.parametrize("solver", ["auto", "cg", "cholesky"])
@pytest.mark.parametrize("factor", [2.0**-20, 4.0, 2.0**40])
def test_scaling_strengths_by_powers_of_two_changes_no_bit(factor, solver, featured, plays, planted):
    X, y = plays
    features = planted[2] if featured else None
    rec, scaled = (small(solver=solver).fit(X, k * y, item_features=features) for k in (1.0, factor))
    assert_same(scaled, rec)
    assert scaled.strength_scale_ == factor * rec.strength_scale_


@pytest.mark.parametrize("factor", [1e-3, 0.37, 1000.0, 60_000.0])
def test_scaling_strengths_changes_a_fit_by_rounding_only(factor, plays):
    X, y = plays
    rec, scaled = (small(solver="cholesky").fit(X, k * y) for k in (1.0, factor))
    np.testing.assert_allclose(computed(scaled), computed(rec), rtol=1e-6)  # float32 strengths
    np.testing.assert_allclose(scaled.predict(X), rec.predict(X), atol=1e-4)


def test_a_constant_weight_column_changes_nothing(plays):
    X, y = plays
    assert_same(small().fit(X.assign(weight=8.0), y), small().fit(X, y))


def test_partial_fit_uses_the_unit_of_fit(plays):
    X, y = plays
    first = np.arange(len(X)) < 0.8 * len(X)

    def fitted(k):
        return small().fit(X[first], k * y[first]).partial_fit(X[~first], k * y[~first])

    assert_same(fitted(16.0), fitted(1.0))


@pytest.mark.parametrize("known", [True, False])
def test_a_history_uses_the_unit_of_fit(known, plays):
    X, y = plays
    past = X.assign(user=X["user"] if known else X["user"] + 10_000).iloc[:300]

    def scores(k):
        return small().fit(X, k * y).recommend(history=past.assign(weight=k * y[:300]), k=5)

    pd.testing.assert_frame_equal(scores(16.0), scores(1.0))


def test_the_history_of_an_item_uses_the_unit_of_fit(plays):
    X, y = plays
    history = pd.DataFrame({"user": X["user"].unique()[:20], "item": 77_000})

    def scores(k):
        rec = small().fit(X, k * y)
        return rec.recommend(k=1, candidates=[77_000], item_history=history.assign(weight=k * np.arange(1.0, 21.0)))

    pd.testing.assert_frame_equal(scores(16.0), scores(1.0))


@pytest.mark.parametrize("strength", [1e-6, 0.3, 1.0, 7.0, 1e9])
def test_equal_strengths_equal_no_strengths(strength, plays):
    X, _ = plays
    assert_same(small().fit(X, np.full(len(X), strength)), small().fit(X))


def test_equal_confidences_are_stored_as_a_single_value(plays):
    rec = small().fit(plays[0])
    strengths = rec._objective.ratings(rec.interactions_).strengths
    while strengths.base is not None:
        strengths = strengths.base
    assert strengths.size == 1


def test_large_strengths_affect_confidences_by_their_logarithm(plays):
    X, y = plays
    top = y.copy()
    top[np.argmax(y)] *= 1e6
    excess = [rec._objective.excess(rec.interactions_).data for rec in (small().fit(X, y), small().fit(X, top))]
    assert excess[1].max() < 5 * excess[0].max()
    assert np.abs(excess[1] / excess[0] - 1).min() < 0.01  # the others stay the same


# Numbers instead of "auto".


@FEATURED
@pytest.mark.parametrize("solver", ["auto", "cholesky"])
def test_computed_values_passed_as_numbers_give_the_same_model(solver, featured, plays, planted):
    features = planted[2] if featured else None
    rec = small(solver=solver).fit(*plays, item_features=features)
    assert_same(small(solver=solver, **as_numbers(rec)).fit(*plays, item_features=features), rec)


def test_numbers_give_the_same_partial_fit_and_queries(plays):
    X, y = plays
    rec = small().fit(X.iloc[:-200], y[:-200])
    other = small(**as_numbers(rec)).fit(X.iloc[:-200], y[:-200])
    for model in (rec, other):
        model.partial_fit(X.iloc[-200:], y[-200:])
    assert_same(other, rec)
    history = X.assign(user=-1, weight=y).iloc[:50]
    pd.testing.assert_frame_equal(other.recommend(history=history), rec.recommend(history=history))


def test_a_number_can_replace_auto_after_fit(plays):
    rec = small().fit(*plays).set_params(alpha=5).fit(*plays)
    assert rec.alpha_ == 5.0
    assert_same(rec, small(alpha=5).fit(*plays))


@pytest.mark.parametrize("name", [*NUMBERS, "regularization", "confidence", "regularization_scaling"])
@pytest.mark.parametrize("value", ["automatic", -1.0])
def test_other_strings_and_negative_numbers_raise(name, value, plays):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of WRMFRecommender must be .*'auto'"):
        small(**{name: value}).fit(*plays)


def test_popularity_is_not_a_value_of_alpha(plays):
    with pytest.raises(ValueError, match="The 'alpha' parameter"):
        small(alpha="popularity").fit(*plays)


# Computed values in later calls.


def test_fit_does_not_change_parameters(plays):
    rec = small()
    before = rec.get_params()
    assert rec.fit(*plays).get_params() == before


def test_partial_fit_keeps_the_values_of_fit(plays):
    X, y = plays
    rec = small().fit(X.iloc[:-500], y[:-500] + 1)
    before = *computed(rec), rec.strength_scale_
    rec.partial_fit(X.iloc[-500:], y[-500:] / 10)  # below the smallest strength of fit
    assert (*computed(rec), rec.strength_scale_) == before


def test_partial_fit_of_an_unfitted_estimator_computes_the_values_of_fit(plays):
    assert computed(small().partial_fit(*plays)) == computed(small().fit(*plays))


def test_a_warm_start_computes_new_values(plays):
    X, y = plays
    rec = small(warm_start=True).fit(X.iloc[:-500], y[:-500])
    before = computed(rec)
    rec.fit(X, y)
    assert computed(rec) == computed(small().fit(X, y)) != before


def test_rows_held_out_for_early_stopping_are_not_counted(plays):
    X, y = plays
    rec = small(early_stopping=True, validation_fraction=0.4, max_iter=10).fit(X, y)
    assert rec.alpha_ > small().fit(X, y).alpha_  # fewer interactions among as many pairs
    assert rec.strength_scale_ == rec._trained_on.data[rec._trained_on.data > 0].min()


def test_rows_of_strength_zero_are_not_counted(plays):
    X, y = plays
    more = pd.concat([X, X.assign(item=X["item"].iloc[::-1].to_numpy())]).drop_duplicates()
    assert_same(small().fit(more, np.append(y, np.zeros(len(more) - len(X)))), small().fit(X, y))


def test_an_unpickled_model_continues_like_the_original(plays):
    X, y = plays
    rec = small().fit(X.iloc[:-200], y[:-200])
    copy = pickle.loads(pickle.dumps(rec))
    for model in (rec, copy):
        model.partial_fit(X.iloc[-200:], y[-200:])
    assert_same(copy, rec)


def test_a_clone_fits_the_same_model(plays):
    rec = small().fit(*plays)
    assert_same(clone(rec).fit(*plays), rec)


@pytest.mark.parametrize(
    "rows", [[[0, 0]], [[0, 0], [0, 1]], [[0, 0], [1, 1]], [[0, 0], [0, 1], [1, 0], [1, 1]]], ids=str
)
def test_few_rows_and_full_matrices_have_finite_values(rows):
    rec = small().fit(rows)
    assert np.isfinite(computed(rec)).all()
    assert min(computed(rec)) > 0
    assert np.isfinite(rec.item_factors_).all()


# Searches, files and implicit.


def test_search_grids_may_mix_auto_and_numbers(plays):
    X, y = plays
    grid = {"alpha": ["auto", 5.0], "regularization": ["auto", 1.0]}
    by_fits = GridSearchCV(small(), grid, cv=CV, error_score="raise").fit(X, y)
    by_epochs = EpochSearchCV(small(), grid, epochs=[4], cv=CV, error_score="raise").fit(X, y)
    np.testing.assert_allclose(by_epochs.cv_results_["mean_test_score"], by_fits.cv_results_["mean_test_score"])
    assert len(set(by_fits.cv_results_["mean_test_score"])) > 1


def test_files_give_the_same_model(plays, path):
    X, y = plays
    X.assign(plays=y).to_parquet(path, index=False)
    assert_same(small().fit(ParquetInteractions(path, weight="plays")), small().fit(X, y))


@pytest.mark.engines
@pytest.mark.parametrize("solver", ["auto", "cholesky"])
def test_the_implicit_engine_gets_the_same_values(solver, plays):
    pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")
    rec = small(engine="implicit", solver=solver, max_iter=30).fit(*plays)
    ours = small(regularization_scaling=0, solver=solver, max_iter=30).fit(*plays)
    assert computed(rec) == computed(ours)
    assert rec.loss_curve_[-1] == pytest.approx(ours.loss_curve_[-1], rel=1e-3)  # alternation has not fully converged


@pytest.mark.engines
def test_the_implicit_engine_does_not_support_penalties_by_popularity(plays):
    pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")
    with pytest.raises(ValueError, match=r"regularization_scaling='popularity'"):
        small(engine="implicit", regularization_scaling="popularity").fit(*plays)


@pytest.mark.engines
def test_partial_fit_of_a_model_from_implicit_keeps_its_values(plays):
    pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")
    from implicit.cpu.als import AlternatingLeastSquares

    from sklearn_recsketch.conversion import from_implicit
    from sklearn_recsketch.preprocessing import to_matrix
    from sklearn_recsketch.utils._threads import workers

    matrix, users, items = to_matrix(plays[0])
    with workers(1):  # implicit warns if BLAS has several threads
        model = AlternatingLeastSquares(factors=6, alpha=3.0, regularization=2.0, iterations=2, num_threads=1)
        model.fit(sp.csr_matrix(matrix, dtype=np.float32), show_progress=False)
    rec = from_implicit(model, users, items, interactions=matrix)
    assert computed(rec) == (2.0, 2.0, 2.0)
    assert rec._objective.scaling == 0
    rec.set_params(alpha="auto", regularization="auto").partial_fit(plays[0].iloc[:50])
    assert computed(rec) == (2.0, 2.0, 2.0)


# Conversion to implicit.


@pytest.mark.filterwarnings("ignore:Without interactions")
@pytest.mark.engines
def test_to_implicit_warns_about_automatic_penalties(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = WRMFRecommender(6, max_iter=2).fit(*planted[:2])
    with pytest.warns(UserWarning, match=r"regularized differently .* regularization_scaling='popularity'"):
        model = to_implicit(rec)
    assert model.regularization == rec.user_regularization_
    again = from_implicit(model, rec.users_, rec.items_)
    np.testing.assert_array_equal(again.predict(planted[0]), rec.predict(planted[0]))


@pytest.mark.engines
def test_to_implicit_warns_about_different_penalties_of_both_sides(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = WRMFRecommender(6, max_iter=2, regularization_scaling=0).fit(*planted[:2])
    with pytest.warns(UserWarning, match=r"regularized differently .* regularization_scaling=0"):
        assert to_implicit(rec).regularization == rec.user_regularization_
