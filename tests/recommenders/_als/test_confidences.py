"""WRMF refuses strengths beside which float32 loses the others."""

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
    """Strengths of 1, but for one row."""
    y = np.ones(len(X))
    y[row] = strength
    return y


def small(**params):
    return WRMFRecommender(**{"n_components": 4, "max_iter": 2, "random_state": 0, "alpha": 40.0, **params})


def refusal(user, item, strength, alpha=40):
    """The text of the error about a pair."""
    found = (
        f"{alpha} * {strength:.6g} = {alpha * float(strength):.6g} for the strength d of user {user} and item {item}. "
    )
    return rf"alpha \* d must be below 2\*\*24, but it is {re.escape(found)}.*Scale the strengths, .* y / y\.mean\(\)"


@SOLVERS
@pytest.mark.parametrize("strength", [LIMIT / 40, 1e6, 1e11, 1e30])
def test_fit_names_the_first_pair(solver, strength, tiny):
    X = tiny[0].drop_duplicates()
    user, item = X.iloc[7]
    with pytest.raises(ValueError, match=refusal(user, item, np.float32(strength))):
        small(solver=solver).fit(X, one_strong(X, strength))


def test_the_first_of_several_is_by_user():
    y = [1, 1e9, 1e10]
    with pytest.raises(ValueError, match=refusal("'ann'", 3, 1e10)):
        small().fit([["bob", 1], ["bob", 2], ["ann", 3]], y)


def test_repeated_pairs_are_judged_by_their_sum():
    X = [["ann", 1]] * 3 + [["bob", 2]]
    small().fit(X[1:], [2e5, 2e5, 1])
    with pytest.raises(ValueError, match=refusal("'ann'", 1, 6e5)):
        small().fit(X, [2e5, 2e5, 2e5, 1])


def test_milliseconds_as_a_third_column_are_refused(tiny):
    with pytest.raises(ValueError, match="Scale the strengths"):
        small().fit(tiny[0].assign(played=874965758.0))


def test_partial_fit_refuses_and_leaves_the_model_whole(tiny):
    X = tiny[0].drop_duplicates()
    rec = small().fit(X)
    before = rec.user_factors_.copy()
    user, item = X.iloc[7]
    with pytest.raises(ValueError, match=refusal(user, item, 1e11)):
        rec.partial_fit(X, one_strong(X, 1e11))
    np.testing.assert_array_equal(rec.user_factors_, before)


@pytest.mark.parametrize(
    ("history", "pair"),
    [([[99, 1, 1e11]], (99, 1)), ([[98, 1, 1.0], [99, 999, 1e11]], (99, 999)), ([[99, 999, 1], [99, 2, 1e9]], (99, 2))],
)
def test_histories_are_refused_by_the_ids_in_them(history, pair):
    rec = small().fit([[1, 1], [2, 2], [1, 2]])
    with pytest.raises(ValueError, match=rf"of user {pair[0]} and item {pair[1]}\. "):
        rec.recommend(history=history)
    with pytest.raises(ValueError, match=rf"of user {pair[1]} and item {pair[0]}\. "):
        rec.recommend([1], item_history=[[item, user, d] for user, item, d in history])


def test_files_are_refused_alike(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"user": ["a", "b"], "item": [1, 2], "weight": [1, 1e11]}).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=refusal("'b'", 2, 1e11)):
        small().fit(ParquetInteractions(tmp_path / "rows.parquet", weight="weight"))


def test_the_engine_of_implicit_is_refused_alike():
    pytest.importorskip("implicit")
    with pytest.raises(ValueError, match=refusal(1, 2, 1e11)):
        small(engine="implicit").fit([[1, 1], [1, 2]], [1, 1e11])


def test_side_features_do_not_change_it(tiny):
    X = tiny[0].drop_duplicates()
    with pytest.raises(ValueError, match="Scale the strengths"):
        small().fit(X, one_strong(X, 1e11), item_features=tiny[2])


@pytest.mark.parametrize("alpha", [1e8, 1e38, 1e300])
def test_alpha_is_refused_with_the_strength_it_meets(alpha, tiny):
    with pytest.raises(ValueError, match=r"alpha \* d must be below 2\*\*24"):
        small(alpha=alpha).fit(tiny[0])


def test_logarithms_take_any_strength(tiny):
    X = tiny[0].drop_duplicates()
    assert not small(confidence="log").fit(X, one_strong(X, 1e30)).diverged_


@SOLVERS
@pytest.mark.parametrize("strength", [1e-30, 1e30])
def test_the_defaults_take_any_strength(solver, strength, tiny):
    X = tiny[0].drop_duplicates()
    rec = small(alpha="auto", solver=solver).fit(X, one_strong(X, strength))
    assert not rec.diverged_
    assert np.isfinite(rec.recommend(history=[[-1, rec.items_[0], 1e6]])["score"]).all()


def test_the_error_about_scaled_logarithms_speaks_of_them(tiny):
    with pytest.raises(ValueError, match=r"alpha \* \(1 \+ log\(d / min\(d\)\)\) must be .* this one\. Lower alpha\."):
        small(confidence="scaled_log", alpha=1e8).fit(tiny[0])


def test_the_error_about_logarithms_speaks_of_them(tiny):
    with pytest.raises(ValueError, match=r"alpha \* log\(1 \+ d\) must be .* lost beside this one\. Lower alpha\."):
        small(confidence="log", alpha=1e8).fit(tiny[0])


def test_scaled_strengths_are_taken(tiny):
    X = tiny[0].drop_duplicates()
    y = 1e11 * one_strong(X, 3.0)
    assert np.isfinite(small().fit(X, y / y.mean()).loss_curve_).all()


def test_a_larger_alpha_set_after_fit_counts_from_partial_fit_on(tiny):
    X = tiny[0]
    rec = small().fit(X)
    before = explain(rec, *X.iloc[0])
    pd.testing.assert_frame_equal(explain(rec.set_params(alpha=1e30), *X.iloc[0]), before)
    with pytest.raises(ValueError, match=r"alpha \* d must be below 2\*\*24"):
        rec.partial_fit(X)


def test_the_error_survives_the_way_from_another_process():
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
def test_below_the_limit_exact_solves_reach_their_residual(share, strength, planted):
    X = planted[0]
    strong = np.random.RandomState(0).random_sample(len(X)) < share
    rec = small(solver="cholesky", regularization=10.0).fit(X, np.where(strong, strength, 1.0))
    assert row_errors(rec, X) < 5e-6  # 1e-6 in the basis of the solver, and the rounding of the factors
