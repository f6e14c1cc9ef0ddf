"""WRMF raises if a strength is so large that float32 rounds the other ones away."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.inspection import explain
from sklearn_recsketch.preprocessing import ParquetInteractions
from sklearn_recsketch.recommenders._als.confidences import ConfidenceError

SOLVERS = pytest.mark.parametrize("solver", ["auto", "cg", "cholesky"])
LIMIT = 2**24


def one_strong(X, strength, row=7):
    """Strengths of 1, except for one row."""
    y = np.ones(len(X))
    y[row] = strength
    return y


def small(**params):
    return WRMFRecommender(**{"n_components": 4, "max_iter": 2, "random_state": 0, "alpha": 40.0, **params})


def error_about(user, item, strength, alpha=40):
    """Regular expression of the error about a pair."""
    value = (
        f"{alpha} * {strength:.6g} = {alpha * float(strength):.6g} for the strength d of user {user} and item {item}. "
    )
    return rf"alpha \* d must be below 2\*\*24, but it is {re.escape(value)}.*Scale the strengths, .* y / y\.mean\(\)"


@SOLVERS
@pytest.mark.parametrize("strength", [LIMIT / 40, 1e6, 1e11, 1e30])
def test_fit_names_the_first_pair(solver, strength, tiny):
    X = tiny[0].drop_duplicates()
    user, item = X.iloc[7]
    with pytest.raises(ValueError, match=error_about(user, item, np.float32(strength))):
        small(solver=solver).fit(X, one_strong(X, strength))


def test_the_error_names_the_first_pair_in_the_order_of_users():
    y = [1, 1e9, 1e10]
    with pytest.raises(ValueError, match=error_about("'ann'", 3, 1e10)):
        small().fit([["bob", 1], ["bob", 2], ["ann", 3]], y)


def test_repeated_pairs_are_checked_after_summing():
    X = [["ann", 1]] * 3 + [["bob", 2]]
    small().fit(X[1:], [2e5, 2e5, 1])
    with pytest.raises(ValueError, match=error_about("'ann'", 1, 6e5)):
        small().fit(X, [2e5, 2e5, 2e5, 1])


def test_timestamps_as_weights_raise(tiny):
    with pytest.raises(ValueError, match="Scale the strengths"):
        small().fit(tiny[0].assign(played=874965758.0))


def test_partial_fit_raises_and_keeps_the_model(tiny):
    X = tiny[0].drop_duplicates()
    rec = small().fit(X)
    before = rec.user_factors_.copy()
    user, item = X.iloc[7]
    with pytest.raises(ValueError, match=error_about(user, item, 1e11)):
        rec.partial_fit(X, one_strong(X, 1e11))
    np.testing.assert_array_equal(rec.user_factors_, before)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.parametrize(
    ("history", "pair"),
    [([[99, 1, 1e11]], (99, 1)), ([[98, 1, 1.0], [99, 999, 1e11]], (99, 999)), ([[99, 999, 1], [99, 2, 1e9]], (99, 2))],
)
def test_errors_about_histories_name_their_ids(history, pair):
    rec = small().fit([[1, 1], [2, 2], [1, 2]])
    with pytest.raises(ValueError, match=rf"of user {pair[0]} and item {pair[1]}\. "):
        rec.recommend(history=history)
    with pytest.raises(ValueError, match=rf"of user {pair[1]} and item {pair[0]}\. "):
        rec.recommend([1], item_history=[[item, user, d] for user, item, d in history])


def test_files_raise_the_same_error(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"user": ["a", "b"], "item": [1, 2], "weight": [1, 1e11]}).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=error_about("'b'", 2, 1e11)):
        small().fit(ParquetInteractions(tmp_path / "rows.parquet", weight="weight"))


def test_the_implicit_engine_raises_the_same_error():
    pytest.importorskip("implicit")
    with pytest.raises(ValueError, match=error_about(1, 2, 1e11)):
        small(engine="implicit").fit([[1, 1], [1, 2]], [1, 1e11])


def test_the_error_is_raised_with_side_features(tiny):
    X = tiny[0].drop_duplicates()
    with pytest.raises(ValueError, match="Scale the strengths"):
        small().fit(X, one_strong(X, 1e11), item_features=tiny[2])


@pytest.mark.parametrize("alpha", [1e8, 1e38, 1e300])
def test_a_large_alpha_raises(alpha, tiny):
    with pytest.raises(ValueError, match=r"alpha \* d must be below 2\*\*24"):
        small(alpha=alpha).fit(tiny[0])


def test_log_confidence_accepts_any_strength(tiny):
    X = tiny[0].drop_duplicates()
    assert not small(confidence="log").fit(X, one_strong(X, 1e30)).diverged_


@SOLVERS
@pytest.mark.parametrize("strength", [1e-30, 1e30])
def test_the_defaults_accept_any_strength(solver, strength, tiny):
    X = tiny[0].drop_duplicates()
    rec = small(alpha="auto", solver=solver).fit(X, one_strong(X, strength))
    assert not rec.diverged_
    assert np.isfinite(rec.recommend(history=[[-1, rec.items_[0], 1e6]])["score"]).all()


def test_the_error_about_scaled_log_confidence_has_its_formula(tiny):
    with pytest.raises(
        ValueError, match=r"alpha \* \(1 \+ log\(d / min\(d\)\)\) must be .* to rounding\. Lower alpha\."
    ):
        small(confidence="scaled_log", alpha=1e8).fit(tiny[0])


def test_the_error_about_log_confidence_has_its_formula(tiny):
    with pytest.raises(ValueError, match=r"alpha \* log\(1 \+ d\) must be .* lost to rounding\. Lower alpha\."):
        small(confidence="log", alpha=1e8).fit(tiny[0])


def test_scaled_strengths_are_accepted(tiny):
    X = tiny[0].drop_duplicates()
    y = 1e11 * one_strong(X, 3.0)
    assert np.isfinite(small().fit(X, y / y.mean()).loss_curve_).all()


def test_alpha_set_after_fit_takes_effect_in_partial_fit(tiny):
    X = tiny[0]
    rec = small().fit(X)
    before = explain(rec, *X.iloc[0])
    pd.testing.assert_frame_equal(explain(rec.set_params(alpha=1e30), *X.iloc[0]), before)
    with pytest.raises(ValueError, match=r"alpha \* d must be below 2\*\*24"):
        rec.partial_fit(X)


def test_the_error_can_be_pickled():
    error = ConfidenceError(1, 2, 40.0, 1e11, "d")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def row_errors(rec, X):
    """Largest relative residual of the items' normal equations, in float64."""
    U, V = rec.user_factors_.astype(np.float64), rec.item_factors_.astype(np.float64)
    columns = rec.interactions_.tocsc()
    residuals = []
    for i in range(len(V)):
        part = slice(columns.indptr[i], columns.indptr[i + 1])
        Y, e = U[columns.indices[part]], rec.alpha * columns.data[part].astype(np.float64)
        A = U.T @ U + rec.regularization * np.eye(U.shape[1]) + Y.T @ (Y * e[:, None])
        b = Y.T @ (1 + e)
        residuals.append(np.linalg.norm(b - A @ V[i]) / np.linalg.norm(b))
    return max(residuals)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("strength", [1.0, 1e3, 4e5])
def test_exact_solutions_below_the_limit_reach_the_tolerance(share, strength, planted):
    X = planted[0]
    strong = np.random.RandomState(0).random_sample(len(X)) < share
    rec = small(solver="cholesky", regularization=10.0).fit(X, np.where(strong, strength, 1.0))
    assert row_errors(rec, X) < 5e-6  # 1e-6 in the basis of the solver, and the rounding of the factors
