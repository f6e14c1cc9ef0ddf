"""Checks of the contract with scikit-learn: parameters, clones, repeated and failed fits, persistence, searches."""

from __future__ import annotations

import pickle
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline

from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.utils.estimator_checks._check_data import (
    assert_same_model,
    expect,
    expect_error,
    expect_ids,
    fitted,
    frame,
    make_check_rows,
    new_rows,
    rows_of,
    table_of,
)

__all__ = ["CHECKS"]


def check_parameters(recommender: Any) -> None:
    """Fit and partial_fit return the estimator and do not change its parameters."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    before = joblib.hash(model.get_params(deep=False))
    for method in ("fit", "partial_fit"):
        if hasattr(model, method):
            returned = getattr(model, method)(frame(X))
            expect(returned is model, f"{method} must return the estimator itself, got {type(returned)}")
            after = model.get_params(deep=False)
            expect(joblib.hash(after) == before, f"{method} must not change the parameters, which are now {after}")


def check_clone(recommender: Any) -> None:
    """A clone of a fitted recommender is not fitted, has the same parameters and fits the same model."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    copy = clone(model)
    expect(not hasattr(copy, "items_"), "A clone of a fitted recommender must not be fitted, but it has items_")
    expect(
        joblib.hash(copy.get_params(deep=False)) == joblib.hash(model.get_params(deep=False)),
        "A clone must have the parameters of the original",
    )
    assert_same_model(model, copy.fit(frame(X)), "Fitting a clone")


def check_set_params(recommender: Any) -> None:
    """Parameters that are set with set_params are those that get_params returns and that fit uses."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    params = model.get_params(deep=False)
    other = type(recommender)().set_params(**params)
    changed = [name for name, value in other.get_params(deep=False).items() if value is not params[name]]
    expect(not changed, f"get_params must return the values that set_params was given, but {changed} differ")
    assert_same_model(model, other.fit(frame(X)), "Setting the parameters after the constructor")


def check_refit(recommender: Any) -> None:
    """Fitting again forgets the earlier fit."""
    X = make_check_rows()
    model = fitted(recommender, frame(X[::2] + 77))
    assert_same_model(fitted(recommender, frame(X)), model.fit(frame(X)), "An earlier fit on other data")


def check_failed_fit(recommender: Any) -> None:
    """A fit or partial_fit that raises an error changes nothing on the estimator."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    y, negative, missing = np.ones(len(X)), np.ones(len(X)), frame(X).astype(object)
    negative[-1] = -1
    missing.iloc[-1, 1] = None
    before = joblib.hash(vars(model))
    for method in ("fit", "partial_fit"):
        if not hasattr(model, method):
            continue
        call = getattr(model, method)
        for case, rows, strengths in (
            ("a negative strength", frame(X + 1000), negative),
            ("a missing item id", missing, y),
            ("a y that is too short", frame(X + 1000), y[1:]),
            ("an empty X", frame(X[:0]), y[:0]),
        ):
            expect_error(lambda call=call, a=(rows, strengths): call(*a), f"{method} with {case}")
            expect(joblib.hash(vars(model)) == before, f"{method} with {case} must change nothing on the estimator")


def check_partial_fit(recommender: Any) -> None:
    """After partial_fit, old and new ids are known, and items of both fits count as seen."""
    if not hasattr(recommender, "partial_fit"):
        raise SkipTest(f"{type(recommender).__name__} has no partial_fit")
    X = make_check_rows()
    extra = new_rows(X)[:2]
    user, new = int(extra[0, 0]), int(X[:, 0].max()) + 1
    rows = np.concatenate([extra, [[new, X[0, 1]], [new, X[:, 1].max() + 2]]])
    model = fitted(recommender, frame(X)).partial_fit(frame(rows), np.ones(len(rows)))
    for side, column in (("user", 0), ("item", 1)):
        known = np.union1d(X[:, column], rows[:, column])
        expect_ids(getattr(model, f"{side}s_"), known, f"After partial_fit, {side}s_ must contain the ids of all fits")
    table = table_of(model, [user, new], k=1000)
    expect(np.isfinite(table["score"]).all(), "The scores after partial_fit must be finite")
    for one in (user, new):
        past = np.concatenate([X, rows])
        again = np.intersect1d(rows_of(table, one)["item"], past[past[:, 0] == one, 1])
        expect(not len(again), f"After partial_fit, user {one} must not get the items {again.tolist()} of both fits")


def check_pickle(recommender: Any) -> None:
    """A pickled recommender recommends the same, with and without a history."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    other = pickle.loads(pickle.dumps(model))
    assert_same_model(model, other, "Pickling")
    history = frame(new_rows(X))
    one, two = table_of(model, history=history, k=5), table_of(other, history=history, k=5)
    expect(one.equals(two), "Pickling must not change the recommendations for a history")


def check_cross_validation(recommender: Any) -> None:
    """Cross-validation in a pipeline with held-out items of each user gives a score from 0 to 1."""
    X = make_check_rows()
    model = clone(recommender)
    if "random_state" in model.get_params(deep=False):
        model.set_params(random_state=0)
    scores = cross_val_score(
        Pipeline([("recommender", model)]), frame(X),
        cv=UserHoldoutSplit(n_items=2, random_state=0), error_score="raise",
    )  # fmt: skip
    expect(
        ((scores >= 0) & (scores <= 1)).all(), f"Scores of cross-validation must be numbers from 0 to 1, got {scores}"
    )


CHECKS = (
    check_parameters,
    check_clone,
    check_set_params,
    check_refit,
    check_failed_fit,
    check_partial_fit,
    check_pickle,
    check_cross_validation,
)
