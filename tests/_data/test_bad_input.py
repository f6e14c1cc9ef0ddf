"""Errors for invalid tables of interactions: rule, row and remedy."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from estimators import RECOMMENDERS, small

from sklearn_recsketch import (
    PopularityRecommender,
)

GOOD = [["ann", 7], ["ann", 9], ["bob", 9], ["eve", 7]]


def table(**columns):
    """Build a frame with one column per keyword."""
    return pd.DataFrame(columns)


def popular():
    return PopularityRecommender().fit(GOOD)


# Invalid X and y: name of the case, X, y, exception, error message.
TABLES = [
    ("nan_strength", GOOD, [1, 1, np.nan, 1], ValueError, r"y must be finite and not negative, but row 2 is NaN"),
    ("inf_strength", GOOD, [1, np.inf, 1, 1], ValueError, r"but row 1 is infinite: .*inf"),
    ("huge_strength", GOOD, [1, 1, 10**400, 1], ValueError, r"finite in float64, but row 2 is an integer of 1329 bits"),
    ("time_as_strength", GOOD, [1, np.timedelta64(1, "D"), 1, 1], ValueError, r"must be numbers, but row 1 is 1 days"),
    ("date_as_strength", GOOD, [np.datetime64("2020"), 1, 1, 1], ValueError, r"must be numbers, but row 0 is 2020"),
    (
        "tiny_product",
        [["ann", 1, 1], ["bob", 2, 1e-30]],
        [1, 1e-30],
        ValueError,
        r"y multiplied by the weight column of X must be 0 or between 1.2e-38 .* but row 1 is .*e-60",
    ),
    (
        "huge_product",
        [["ann", 1, 1e30]],
        [1e30],
        ValueError,
        r"y multiplied by the weight column of X .* row 0 is .*e\+60",
    ),
    ("negative_strength", GOOD, [1, 1, 1, -2], ValueError, r"but row 3 is negative: .*-2\.0"),
    ("first_of_two_bad_rows", GOOD, [1, -1, np.nan, 1], ValueError, r"but row 1 is negative"),
    ("y_too_short", GOOD, [1, 1], ValueError, r"y has 2 values for 4 rows of X: inconsistent numbers of samples"),
    ("y_2d", GOOD, np.ones((4, 2)), ValueError, r"y must be one-dimensional .* got an array of shape \(4, 2\)"),
    ("y_text", GOOD, [1, "many", 1, 1], ValueError, r"y must be numbers, but row 1 is .*'many'.* of type str"),
    ("y_missing_object", GOOD, [1, 1, 1, {}], ValueError, r"y must be numbers, but row 3 is \{\} of type dict"),
    ("y_complex", GOOD, np.ones(4, complex), ValueError, r"Complex data not supported: y is complex128"),
    (
        "missing_user",
        [["ann", 7], [None, 7]],
        None,
        ValueError,
        r"user id in row 1 is missing \(NaN or None\)\. Ids must be",
    ),
    ("nan_item", np.array([[1.0, 2], [1, np.nan]]), None, ValueError, r"The item id in row 1 is missing"),
    (
        "missing_nullable",
        table(user=pd.array([1, 2, None], dtype="Int64"), item=[1, 2, 3]),
        None,
        ValueError,
        r"The user id in row 2 is missing",
    ),
    (
        "missing_category",
        table(user=["a", "b"], item=pd.Categorical(["x", None])),
        None,
        ValueError,
        r"The item id in row 1 is missing",
    ),
    (
        "fractional_ids",
        np.array([[1, 2], [3, 2.5]]),
        None,
        ValueError,
        r"The item ids are floats, and .*2\.5.* in row 1 is not an integer below 2\*\*53",
    ),
    (
        "floats_beyond_2_53",
        np.array([[1.0, 1], [2.0**53, 1]]),
        None,
        ValueError,
        r"The user ids are floats, and .* in row 1 is not an integer below 2\*\*53",
    ),
    ("infinite_id", np.array([[np.inf, 1.0]]), None, ValueError, r"The user ids are floats, and .*inf.* in row 0"),
    ("ids_beyond_64_bits", [[1, 1], [2**70, 1]], None, ValueError, r"user id in row 1 does not fit 64 bits"),
    (
        "bool_ids",
        np.array([[True, False]]),
        None,
        ValueError,
        r"Ids must be ints or strings; the user id in row 0 is .*True.* of type bool",
    ),
    (
        "bool_among_ints",
        [[1, 1], [True, 1]],
        None,
        ValueError,
        r"Ids must be ints or strings; the user id in row 1 is True of type bool",
    ),
    (
        "mixed_ids",
        [["ann", 1], ["bob", "x"]],
        None,
        ValueError,
        r"Ids of one column must be all ints or all strings; the item id in row 1 is 'x' of type str",
    ),
    (
        "nanosecond_ids",
        table(user=pd.to_datetime(["2016-01-01"]).astype("datetime64[ns]"), item=[1]),
        None,
        ValueError,
        r"the user id in row 0 is 2016-01-01T00:00",
    ),
    (
        "date_ids",
        table(user=pd.to_datetime(["2016-01-01"]), item=[1]),
        None,
        ValueError,
        r"Ids must be ints or strings; the user id in row 0 is .*2016",
    ),
    ("bytes_ids", np.array([[b"u", b"i"]]), None, ValueError, r"Ids must be ints or strings; the user id in row 0"),
    ("tuple_ids", table(user=[(1, 2)], item=[1]), None, ValueError, r"Ids must be ints or strings; .* of type tuple"),
    ("complex_ids", np.ones((2, 2), complex), None, ValueError, r"Complex data not supported: the ids of X"),
    (
        "one_column",
        [["ann"], ["bob"]],
        None,
        ValueError,
        r"X has 1 feature\(s\) in 2 sample\(s\), but .* expects 2 features",
    ),
    ("four_columns", np.ones((2, 4), int), None, ValueError, r"X has 4 feature\(s\).* for example X\[\['user', 'item"),
    ("one_dimensional", np.arange(4), None, ValueError, r"X must be two-dimensional .* shape \(4,\).*column_stack"),
    ("sparse", sp.csr_array(np.eye(3)), None, TypeError, r"X is a sparse matrix.*interactions_from_matrix\(X\)"),
    ("empty_array", np.empty((0, 2), int), None, ValueError, r"X is empty: found array with 0 sample\(s\)"),
    ("empty_frame", table(user=[], item=[]), None, ValueError, r"X is empty: .* minimum of 1 is required"),
    (
        "swapped",
        table(item=[1, 2], user=[3, 4]),
        None,
        ValueError,
        r"The columns of X are 'item', 'user': users come first\. Write X\[\['user', 'item'\]\].*"
        r"rename the columns or pass X\.to_numpy\(\)",
    ),
    ("swapped_abbreviations", table(mid=["m"], uid=["u"]), None, ValueError, r"users come first.*X\[\['uid', 'mid'"),
    ("all_zero", GOOD, np.zeros(4), ValueError, r"None of the 4 rows of X has a positive strength"),
    (
        "zero_weights",
        table(u=[1, 2], i=[1, 2], w=[0, 0]),
        None,
        ValueError,
        r"None of the 2 rows .* y times the weight",
    ),
    (
        "negative_weight",
        table(u=[1, 2], i=[1, 2], w=[1.0, -1]),
        None,
        ValueError,
        r"the weight column of X must be finite and not negative, but row 1 is negative",
    ),
    ("text_weight", [["ann", 1, "heavy"]], None, ValueError, r"the weight column of X must be numbers, but row 0"),
]


@pytest.mark.parametrize(("X", "y", "error", "text"), [pytest.param(*row[1:], id=row[0]) for row in TABLES])
@pytest.mark.parametrize("recommender", small(RECOMMENDERS), ids=type)
def test_fit_raises_for_invalid_tables(recommender, X, y, error, text):
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        recommender.fit(X, y)


@pytest.mark.parametrize(
    ("X", "text"),
    [pytest.param(row[1], row[4], id=row[0]) for row in TABLES if row[2] is None and "weight" not in row[0]],
)
@pytest.mark.parametrize("method", ["predict", "score"])
def test_predict_and_score_check_X_by_the_same_rules(method, X, text):
    """predict and score check X with the function that fit uses, before they look up ids."""
    with pytest.raises((TypeError, ValueError), match=re.compile(text, re.DOTALL)):
        getattr(popular(), method)(X)
