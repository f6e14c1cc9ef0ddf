"""Removal of sparse users and items, compared with a simple loop."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_recsketch import InteractionThresholder, PopularityRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.preprocessing import threshold_interactions, to_matrix

ROWS = [("ann", 7), ("ann", 9), ("bob", 7), ("bob", 9), ("eve", 9), ("ann", 8)]
KEPT = [True, True, True, True, False, False]  # for minima of 2: eve has one item, item 8 has one user


def frame(rows=ROWS):
    return pd.DataFrame(rows, columns=["user", "item"])


def simple_loop(df, user_min, item_min):
    """Drop users, then items, until the number of rows no longer changes."""
    done = False
    while not done:
        before = len(df)
        items_of_user = df.groupby("user")["item"].nunique()
        df = df[~df["user"].isin(items_of_user[items_of_user < user_min].index)]
        users_of_item = df.groupby("item")["user"].nunique()
        df = df[~df["item"].isin(users_of_item[users_of_item < item_min].index)]
        done = len(df) == before
    return df


tables = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=60).map(frame)
minima = st.integers(1, 4)


@settings(deadline=None, max_examples=150)
@given(X=tables, user_min=minima, item_min=minima)
def test_remaining_rows_equal_those_of_a_simple_loop(X, user_min, item_min):
    expected = simple_loop(X, user_min, item_min)
    if expected.empty:
        with pytest.raises(ValueError, match=f"No interaction is left with user_min={user_min}"):
            threshold_interactions(X, user_min=user_min, item_min=item_min)
    else:
        pd.testing.assert_frame_equal(threshold_interactions(X, user_min=user_min, item_min=item_min), expected)


@settings(deadline=None, max_examples=60)
@given(X=tables, user_min=minima, item_min=minima)
def test_order_of_dropping_does_not_matter(X, user_min, item_min):
    """The simple loop ends with the same rows if users and items are exchanged."""
    swapped = X.rename(columns={"user": "item", "item": "user"})
    expected = simple_loop(swapped, item_min, user_min)
    if not expected.empty:
        left = threshold_interactions(X, user_min=user_min, item_min=item_min)
        assert left.index.tolist() == expected.index.tolist()


@settings(deadline=None, max_examples=60)
@given(X=tables, user_min=minima, item_min=minima)
def test_weight_is_zero_exactly_for_dropped_rows(X, user_min, item_min):
    expected = simple_loop(X, user_min, item_min)
    if not expected.empty:
        out = InteractionThresholder(user_min, item_min).fit_transform(X)
        np.testing.assert_array_equal(out["weight"], X.index.isin(expected.index).astype(float))


@settings(deadline=None, max_examples=60)
@given(X=tables, user_min=minima, item_min=minima)
def test_matrix_with_minima_equals_that_of_the_remaining_rows(X, user_min, item_min):
    if simple_loop(X, user_min, item_min).empty:
        with pytest.raises(ValueError, match="No interaction is left"):
            to_matrix(X, user_min=user_min, item_min=item_min)
        return
    expected = to_matrix(threshold_interactions(X, user_min=user_min, item_min=item_min))
    got = to_matrix(X, user_min=user_min, item_min=item_min)
    np.testing.assert_array_equal(got[0].toarray(), expected[0].toarray())
    np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_array_equal(got[2], expected[2])


@settings(deadline=None, max_examples=60)
@given(X=tables, data=st.data())
def test_rows_of_strength_zero_are_not_counted(X, data):
    y = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(X), max_size=len(X))), float)
    expected = simple_loop(X[y > 0], 2, 2)
    if not expected.empty:
        left, left_y = threshold_interactions(X, y, user_min=2, item_min=2)
        pd.testing.assert_frame_equal(left, expected)
        np.testing.assert_array_equal(left_y, y[expected.index])


def test_repeated_pairs_count_once():
    X = frame([("ann", 7)] * 5 + [("bob", 7), ("bob", 8), ("eve", 7), ("eve", 8)])
    assert set(threshold_interactions(X, user_min=2, item_min=2)["user"]) == {"bob", "eve"}


def test_defaults_are_five_and_five():
    assert InteractionThresholder().get_params() == {"user_min": 5, "item_min": 5}


CONTAINERS = {
    "pandas": frame,
    "polars": lambda: pl.DataFrame(ROWS, schema=["user", "item"], orient="row"),
    "pyarrow": lambda: pa.table({"user": [u for u, _ in ROWS], "item": [i for _, i in ROWS]}),
    "numpy": lambda: np.array(ROWS, dtype=object),
    "lists": lambda: [list(row) for row in ROWS],
}


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_fit_transform_is_fit_then_transform(make):
    X = make()
    both = InteractionThresholder(2, 2).fit_transform(X)
    apart = InteractionThresholder(2, 2).fit(X).transform(X)
    assert both.equals(apart)


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_transform_keeps_rows_in_order(make):
    out = InteractionThresholder(2, 2).fit_transform(make())
    columns = [list(out[name].to_numpy()) for name in ("user", "item", "weight")]
    assert columns == [[u for u, _ in ROWS], [i for _, i in ROWS], [float(k) for k in KEPT]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table), ("numpy", pd.DataFrame)],
)
def test_transform_returns_a_frame(name, kind):
    assert isinstance(InteractionThresholder(2, 2).fit_transform(CONTAINERS[name]()), kind)


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_function_returns_the_type_of_its_input(make):
    X = make()
    left = threshold_interactions(X, user_min=2, item_min=2)
    assert type(left) is (np.ndarray if isinstance(X, list) else type(X))
    assert np.asarray(left).tolist() == [list(row) for row, kept in zip(ROWS, KEPT) if kept]


def test_function_keeps_the_index():
    X = frame().set_index(pd.Index(range(10, 16)))
    assert threshold_interactions(X, user_min=2, item_min=2).index.tolist() == [10, 11, 12, 13]


def test_transform_keeps_the_index():
    X = frame().set_index(pd.Index(list("abcdef")))
    assert InteractionThresholder(2, 2).fit_transform(X).index.tolist() == list("abcdef")


def test_function_keeps_the_weight_column():
    X = frame().assign(plays=[3, 1, 4, 1, 5, 9])
    assert threshold_interactions(X, user_min=2, item_min=2)["plays"].tolist() == [3, 1, 4, 1]


def test_transform_multiplies_a_weight_column():
    X = frame().assign(weight=[0.5, 2, 1, 3, 1, 1])
    assert InteractionThresholder(2, 2).fit_transform(X)["weight"].tolist() == [0.5, 2, 1, 3, 0, 0]


def test_transform_gives_new_users_and_items_a_weight_of_0():
    thresholder = InteractionThresholder(2, 2).fit(frame())
    out = thresholder.transform(frame([("ann", 7), ("new", 7), ("ann", 100)]))
    assert out["weight"].tolist() == [1, 0, 0]


def test_kept_ids_are_attributes():
    thresholder = InteractionThresholder(2, 2).fit(frame())
    assert (thresholder.users_.tolist(), thresholder.items_.tolist()) == (["ann", "bob"], [7, 9])


def test_names_of_output_columns():
    thresholder = InteractionThresholder(2, 2).fit(frame())
    assert thresholder.get_feature_names_out().tolist() == thresholder.transform(frame()).columns.tolist()


def test_the_next_recommender_does_not_know_dropped_ids():
    pipe = make_pipeline(InteractionThresholder(2, 2), PopularityRecommender()).fit(frame())
    assert (pipe[-1].users_.tolist(), pipe[-1].items_.tolist()) == (["ann", "bob"], [7, 9])


@pytest.mark.filterwarnings("ignore:.*evaluated users were not in fit")
def test_score_in_a_pipeline_counts_the_test_rows_of_dropped_users():
    """User ann is known. User eve was dropped, so she is evaluated as a new user."""
    train = frame([("ann", 7), ("ann", 9), ("bob", 7), ("bob", 9), ("bob", 8), ("cat", 8), ("cat", 7), ("eve", 100)])
    test = frame([("ann", 8), ("eve", 101), ("eve", 102)])
    pipe = make_pipeline(InteractionThresholder(2, 2), PopularityRecommender()).fit(train)
    assert "eve" not in pipe[-1].users_
    # The recall of ann is 1. The recall of eve is 0, because her items are unknown and count as missed.
    assert make_ranking_scorer("recall@1")(pipe, test) == 0.5


def test_score_depends_on_y_and_not_on_the_weight_column():
    X = frame().assign(weight=[1.0, 0, 0, 1, 1, 1])
    rec = PopularityRecommender().fit([["ann", 1], ["bob", 2], ["eve", 3]])
    scorer = make_ranking_scorer("recall@3")
    assert scorer(rec, X) == scorer(rec, X[["user", "item"]])
    assert scorer(rec, X.assign(weight=0)) == scorer(rec, X[["user", "item"]])


def test_a_higher_minimum_cannot_remove_test_rows(planted):
    """A search must not reward dropping difficult users: every score is computed over the same users."""
    X, y, _ = planted
    seen = []

    def n_users(estimator, X_test, y_test):
        table = estimator[:-1].transform(X_test)
        seen.append((len(table), table["user"].nunique()))
        return 0.0

    for minimum in (1, 5):
        pipe = make_pipeline(InteractionThresholder(minimum, minimum), PopularityRecommender())
        cross_val_score(pipe, X, y, cv=2, scoring=n_users, error_score="raise")
    assert seen[:2] == seen[2:]
