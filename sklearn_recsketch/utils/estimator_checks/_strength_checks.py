"""Checks of strengths: default, sums of repeated rows, unit, zeros, the weight column and invalid values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch.utils.estimator_checks._check_data import (
    assert_same_lists,
    assert_same_model,
    expect_close,
    expect_error,
    fitted,
    frame,
    make_check_data,
    make_check_rows,
    new_rows,
    table_of,
)

__all__ = ["CHECKS"]


def check_default_strengths(recommender: Any) -> None:
    """Without y, every strength is 1."""
    X, _ = make_check_data()
    one, other = fitted(recommender, frame(X), np.ones(len(X))), fitted(recommender, frame(X))
    assert_same_model(one, other, "Replacing strengths of 1 by y=None")


def check_repeated_rows(recommender: Any) -> None:
    """The strengths of repeated rows are summed."""
    X, y = make_check_data()
    repeated = np.arange(0, len(X), 3)
    doubled = y.copy()
    doubled[repeated] *= 2
    one = fitted(recommender, frame(X), doubled)
    other = fitted(recommender, frame(np.concatenate([X, X[repeated]])), np.concatenate([y, y[repeated]]))
    assert_same_model(one, other, "Passing rows twice instead of doubling their strengths")


def check_unit_of_strengths(recommender: Any) -> None:
    """The unit of the strengths does not change the lists: y and 1000 y recommend the same."""
    X, y = make_check_data()
    one, other = fitted(recommender, frame(X), y), fitted(recommender, frame(X), 1000 * y)
    assert_same_lists(one, table_of(one, k=5), table_of(other, k=5), "Multiplying all strengths by 1000")


def check_zero_strengths(recommender: Any) -> None:
    """Rows with strength 0 are ignored."""
    X = make_check_rows()
    extra = new_rows(X)
    y = np.repeat([0.0, 1.0], [len(extra), len(X)])
    other = fitted(recommender, frame(np.concatenate([extra, X])), y)
    assert_same_model(fitted(recommender, frame(X)), other, "Adding rows with strength 0")


def check_containers_of_strengths(recommender: Any) -> None:
    """Strengths are a list, an array or a Series whose index is ignored, and belong to the rows of X by position."""
    X, y = make_check_data()
    order = np.random.RandomState(2).permutation(len(X))
    one = fitted(recommender, frame(X), y)
    assert_same_model(one, fitted(recommender, X.tolist(), y.tolist()), "Passing the strengths as a list")
    series = pd.Series(y, index=order)
    assert_same_model(one, fitted(recommender, frame(X), series), "Passing the strengths as a Series")
    assert_same_model(one, fitted(recommender, X[order], y[order]), "Permuting the rows together with their strengths")


def check_weight_column(recommender: Any) -> None:
    """A third column of X multiplies the strengths in fit, and changes no predictions for given rows."""
    X, y = make_check_data()
    weight = np.tile([1.0, 2.0, 0.5], len(X))[: len(X)]
    weighted = frame(X).assign(weight=weight)
    one, other = fitted(recommender, frame(X), y * weight), fitted(recommender, weighted, y)
    assert_same_model(one, other, "Passing weights in a third column instead of multiplying y by them")
    expect_close(other.predict(weighted), other.predict(frame(X)), "predict must ignore the third column of X")


def check_invalid_strengths(recommender: Any) -> None:
    """Negative, NaN and infinite strengths, and a y of another length than X, raise an error."""
    X = make_check_rows()
    y = np.ones(len(X))
    for value in (-1.0, np.nan, np.inf):
        invalid = y.copy()
        invalid[-1] = value
        expect_error(lambda y=invalid: fitted(recommender, frame(X), y), f"Fitting with the strength {value} in y")
    expect_error(lambda: fitted(recommender, frame(X), y[1:]), "Fitting with a y that is one row shorter than X")


CHECKS = (
    check_default_strengths,
    check_repeated_rows,
    check_unit_of_strengths,
    check_zero_strengths,
    check_containers_of_strengths,
    check_weight_column,
    check_invalid_strengths,
)
