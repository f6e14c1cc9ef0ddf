"""WRMF at its defaults: the unit of strengths does not matter, and what is computed is kept and passed on."""

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

LEARNT = ("alpha_", "user_regularization_", "item_regularization_")
NUMBERS = ("alpha", "user_regularization", "item_regularization")
SHAPE = {"confidence": "scaled_log", "regularization_scaling": "popularity"}
CV = UserHoldoutSplit(n_items=2, random_state=0)
FEATURED = pytest.mark.parametrize("featured", [False, True])


@pytest.fixture(scope="module")
def plays(planted):
    """X and counts with a tail of four orders of magnitude."""
    X, y, _ = planted
    X, y = X[y > 0], y[y > 0]
    return X, np.round(y * np.random.default_rng(0).pareto(0.8, len(y)) + 1)


def small(**parameters):
    return WRMFRecommender(**{"n_components": 6, "max_iter": 4, "random_state": 0} | parameters)


def learnt(rec):
    return tuple(getattr(rec, name) for name in LEARNT)


def as_numbers(rec):
    """Parameters that pass what was computed."""
    return dict(zip(NUMBERS, learnt(rec))) | SHAPE


def assert_same(rec, other):
    """Equal to the bit."""
    assert learnt(rec) == learnt(other)
    np.testing.assert_array_equal(rec.user_factors_, other.user_factors_)
    np.testing.assert_array_equal(rec.item_factors_, other.item_factors_)


# The unit.


@FEATURED
@pytest.mark.parametrize("solver", ["auto", "cg", "cholesky"])
@pytest.mark.parametrize("factor", [2.0**-20, 4.0, 2.0**40])
def test_powers_of_two_leave_a_fit_as_it_is(factor, solver, featured, plays, planted):
    X, y = plays
    features = planted[2] if featured else None
    rec, scaled = (small(solver=solver).fit(X, k * y, item_features=features) for k in (1.0, factor))
    assert_same(scaled, rec)
    assert scaled.strength_scale_ == factor * rec.strength_scale_


@pytest.mark.parametrize("factor", [1e-3, 0.37, 1000.0, 60_000.0])
def test_any_other_unit_leaves_a_fit_as_it_is_but_for_rounding(factor, plays):
    X, y = plays
    rec, scaled = (small(solver="cholesky").fit(X, k * y) for k in (1.0, factor))
    np.testing.assert_allclose(learnt(scaled), learnt(rec), rtol=1e-6)  # float32 strengths
    np.testing.assert_allclose(scaled.predict(X), rec.predict(X), atol=1e-4)


def test_a_weight_column_is_a_unit_too(plays):
    X, y = plays
    assert_same(small().fit(X.assign(weight=8.0), y), small().fit(X, y))


def test_partial_fit_has_the_unit_of_fit(plays):
    X, y = plays
    days = np.arange(len(X)) < 0.8 * len(X)

    def fitted(k):
        return small().fit(X[days], k * y[days]).partial_fit(X[~days], k * y[~days])

    assert_same(fitted(16.0), fitted(1.0))


@pytest.mark.parametrize("known", [True, False])
def test_a_history_has_the_unit_of_fit(known, plays):
    X, y = plays
    past = X.assign(user=X["user"] if known else X["user"] + 10_000).iloc[:300]

    def scores(k):
        return small().fit(X, k * y).recommend(history=past.assign(weight=k * y[:300]), k=5)

    pd.testing.assert_frame_equal(scores(16.0), scores(1.0))


def test_the_history_of_an_item_has_the_unit_of_fit(plays):
    X, y = plays
    fans = pd.DataFrame({"user": X["user"].unique()[:20], "item": 77_000})

    def scores(k):
        rec = small().fit(X, k * y)
        return rec.recommend(k=1, candidates=[77_000], item_history=fans.assign(weight=k * np.arange(1.0, 21.0)))

    pd.testing.assert_frame_equal(scores(16.0), scores(1.0))


@pytest.mark.parametrize("strength", [1e-6, 0.3, 1.0, 7.0, 1e9])
def test_equal_strengths_are_likes(strength, plays):
    X, _ = plays
    assert_same(small().fit(X, np.full(len(X), strength)), small().fit(X))


def test_equal_confidences_are_kept_as_one(plays):
    rec = small().fit(plays[0])
    kept = rec._objective.ratings(rec.interactions_).strengths
    while kept.base is not None:
        kept = kept.base
    assert kept.size == 1


def test_a_tail_of_strengths_moves_the_confidences_by_its_logarithm(plays):
    X, y = plays
    top = y.copy()
    top[np.argmax(y)] *= 1e6
    excess = [rec._objective.excess(rec.interactions_).data for rec in (small().fit(X, y), small().fit(X, top))]
    assert excess[1].max() < 5 * excess[0].max()
    assert np.abs(excess[1] / excess[0] - 1).min() < 0.01  # others stay


# Numbers instead.


@FEATURED
@pytest.mark.parametrize("solver", ["auto", "cholesky"])
def test_what_was_computed_may_be_passed_as_numbers(solver, featured, plays, planted):
    features = planted[2] if featured else None
    rec = small(solver=solver).fit(*plays, item_features=features)
    assert_same(small(solver=solver, **as_numbers(rec)).fit(*plays, item_features=features), rec)


def test_numbers_do_the_same_in_partial_fit_and_in_a_query(plays):
    X, y = plays
    rec = small().fit(X.iloc[:-200], y[:-200])
    other = small(**as_numbers(rec)).fit(X.iloc[:-200], y[:-200])
    for model in (rec, other):
        model.partial_fit(X.iloc[-200:], y[-200:])
    assert_same(other, rec)
    history = X.assign(user=-1, weight=y).iloc[:50]
    pd.testing.assert_frame_equal(other.recommend(history=history), rec.recommend(history=history))


def test_a_number_may_take_the_place_of_auto(plays):
    rec = small().fit(*plays).set_params(alpha=5).fit(*plays)
    assert rec.alpha_ == 5.0
    assert_same(rec, small(alpha=5).fit(*plays))


@pytest.mark.parametrize("name", [*NUMBERS, "regularization", "confidence", "regularization_scaling"])
@pytest.mark.parametrize("value", ["automatic", -1.0])
def test_other_words_and_negative_numbers_are_refused(name, value, plays):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of WRMFRecommender must be .*'auto'"):
        small(**{name: value}).fit(*plays)


def test_popularity_is_no_exponent_of_alpha(plays):
    with pytest.raises(ValueError, match="The 'alpha' parameter"):
        small(alpha="popularity").fit(*plays)


# What is kept.


def test_parameters_are_those_that_were_passed(plays):
    rec = small()
    before = rec.get_params()
    assert rec.fit(*plays).get_params() == before


def test_partial_fit_keeps_what_fit_computed(plays):
    X, y = plays
    rec = small().fit(X.iloc[:-500], y[:-500] + 1)
    before = *learnt(rec), rec.strength_scale_
    rec.partial_fit(X.iloc[-500:], y[-500:] / 10)  # below the smallest strength of fit
    assert (*learnt(rec), rec.strength_scale_) == before


def test_partial_fit_computes_what_is_not_known_yet(plays):
    assert learnt(small().partial_fit(*plays)) == learnt(small().fit(*plays))


def test_a_warm_start_computes_anew(plays):
    X, y = plays
    rec = small(warm_start=True).fit(X.iloc[:-500], y[:-500])
    before = learnt(rec)
    rec.fit(X, y)
    assert learnt(rec) == learnt(small().fit(X, y)) != before


def test_rows_held_out_for_early_stopping_are_not_counted(plays):
    X, y = plays
    rec = small(early_stopping=True, validation_fraction=0.4, max_iter=10).fit(X, y)
    assert rec.alpha_ > small().fit(X, y).alpha_  # fewer interactions among as many pairs
    assert rec.strength_scale_ == rec._trained_on.data[rec._trained_on.data > 0].min()


def test_rows_of_strength_zero_are_not_counted(plays):
    X, y = plays
    more = pd.concat([X, X.assign(item=X["item"].iloc[::-1].to_numpy())]).drop_duplicates()
    assert_same(small().fit(more, np.append(y, np.zeros(len(more) - len(X)))), small().fit(X, y))


def test_an_unpickled_model_goes_on_alike(plays):
    X, y = plays
    rec = small().fit(X.iloc[:-200], y[:-200])
    copy = pickle.loads(pickle.dumps(rec))
    for model in (rec, copy):
        model.partial_fit(X.iloc[-200:], y[-200:])
    assert_same(copy, rec)


def test_a_clone_is_fitted_alike(plays):
    rec = small().fit(*plays)
    assert_same(clone(rec).fit(*plays), rec)


@pytest.mark.parametrize(
    "rows", [[[0, 0]], [[0, 0], [0, 1]], [[0, 0], [1, 1]], [[0, 0], [0, 1], [1, 0], [1, 1]]], ids=str
)
def test_few_rows_and_full_matrices_have_finite_numbers(rows):
    rec = small().fit(rows)
    assert np.isfinite(learnt(rec)).all()
    assert min(learnt(rec)) > 0
    assert np.isfinite(rec.item_factors_).all()


# Elsewhere.


def test_searches_take_auto_beside_numbers(plays):
    X, y = plays
    grid = {"alpha": ["auto", 5.0], "regularization": ["auto", 1.0]}
    by_fits = GridSearchCV(small(), grid, cv=CV, error_score="raise").fit(X, y)
    by_epochs = EpochSearchCV(small(), grid, epochs=[4], cv=CV, error_score="raise").fit(X, y)
    np.testing.assert_allclose(by_epochs.cv_results_["mean_test_score"], by_fits.cv_results_["mean_test_score"])
    assert len(set(by_fits.cv_results_["mean_test_score"])) > 1


def test_files_are_read_to_the_same_model(plays, path):
    X, y = plays
    X.assign(plays=y).to_parquet(path, index=False)
    assert_same(small().fit(ParquetInteractions(path, weight="plays")), small().fit(X, y))


@pytest.mark.engines
@pytest.mark.parametrize("solver", ["auto", "cholesky"])
def test_implicit_gets_the_same_numbers(solver, plays):
    pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")
    rec = small(engine="implicit", solver=solver, max_iter=30).fit(*plays)
    ours = small(regularization_scaling=0, solver=solver, max_iter=30).fit(*plays)
    assert learnt(rec) == learnt(ours)
    assert rec.loss_curve_[-1] == pytest.approx(ours.loss_curve_[-1], rel=1e-3)  # what alternation leaves


@pytest.mark.engines
def test_implicit_refuses_penalties_by_popularity(plays):
    pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")
    with pytest.raises(ValueError, match=r"regularization_scaling='popularity'"):
        small(engine="implicit", regularization_scaling="popularity").fit(*plays)


@pytest.mark.engines
def test_a_model_of_implicit_goes_on_with_its_own_numbers(plays):
    pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")
    from implicit.cpu.als import AlternatingLeastSquares

    from sklearn_recsketch.conversion import from_implicit
    from sklearn_recsketch.preprocessing import to_matrix
    from sklearn_recsketch.utils._threads import workers

    matrix, users, items = to_matrix(plays[0])
    with workers(1):  # implicit warns where BLAS has more threads
        model = AlternatingLeastSquares(factors=6, alpha=3.0, regularization=2.0, iterations=2, num_threads=1)
        model.fit(sp.csr_matrix(matrix, dtype=np.float32), show_progress=False)
    rec = from_implicit(model, users, items, interactions=matrix)
    assert learnt(rec) == (2.0, 2.0, 2.0)
    assert rec._objective.scaling == 0
    rec.set_params(alpha="auto", regularization="auto").partial_fit(plays[0].iloc[:50])
    assert learnt(rec) == (2.0, 2.0, 2.0)


# In implicit.


@pytest.mark.engines
def test_the_automatic_penalties_are_a_warning(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = WRMFRecommender(6, max_iter=2).fit(*planted[:2])
    with pytest.warns(UserWarning, match=r"regularized differently .* regularization_scaling='popularity'"):
        model = to_implicit(rec)
    assert model.regularization == rec.user_regularization_
    again = from_implicit(model, rec.users_, rec.items_)
    np.testing.assert_array_equal(again.predict(planted[0]), rec.predict(planted[0]))


@pytest.mark.engines
def test_automatic_penalties_without_scaling_are_a_warning_where_sides_differ(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = WRMFRecommender(6, max_iter=2, regularization_scaling=0).fit(*planted[:2])
    with pytest.warns(UserWarning, match=r"regularized differently .* regularization_scaling=0"):
        assert to_implicit(rec).regularization == rec.user_regularization_
