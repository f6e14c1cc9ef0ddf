"""Encoding the ids once per search does not change the interactions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.model_selection._search import with_coded_ids

IDS = st.one_of(
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=2).filter(str.strip), min_size=1),
)


def assert_same_interactions(coded, original):
    """Assert that two tables contain the same interactions."""
    found, expected = check_interactions(coded), check_interactions(original)
    for side in ("users", "items"):
        a, b = getattr(found, side), getattr(expected, side)
        assert a.ids[a.codes].tolist() == b.ids[b.codes].tolist()
    assert np.array_equal(found.strength, expected.strength)


@settings(max_examples=50, deadline=None)
@given(users=IDS, items=IDS)
def test_rows_are_the_same_interactions(users, items):
    n = min(len(users), len(items))
    X = pd.DataFrame({"user": users[:n], "item": items[:n], "weight": np.arange(n) + 1.0})
    assert_same_interactions(with_coded_ids(X), X)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_slice_contains_only_its_own_ids(data):
    X = pd.DataFrame({"user": list("abcabc"), "item": list("xyzzyx")})
    rows = data.draw(st.lists(st.integers(0, 5), min_size=1))
    ids = check_interactions(with_coded_ids(X).iloc[rows]).users.ids
    assert ids.tolist() == sorted(set(X["user"].iloc[rows]))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    module = pytest.importorskip(library)
    columns = {"user": ["b", "a", "b"], "item": [3, 1, 1]}
    X = module.DataFrame(columns) if library == "polars" else module.table(columns)
    assert_same_interactions(with_coded_ids(X), X)


def test_object_arrays():
    X = np.array([["b", 3], ["a", 1], ["b", 1]], dtype=object)
    assert_same_interactions(with_coded_ids(X), X)


def test_column_names_are_kept():
    X = pd.DataFrame({"uid": ["a", "b"], "mid": ["x", "y"]})
    assert with_coded_ids(X).columns.tolist() == ["uid", "mid"]


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1, 2], [3, 4]]),
        pd.DataFrame({"user": [1, 2], "item": [3, 4]}),
        pd.DataFrame({"user": ["a"], "item": ["b"], "w": [1.0], "more": [2]}),
        [["a", "b"], ["c", "d"]],
    ],
    ids=["integers", "frame of integers", "more columns", "lists"],
)
def test_other_tables_are_returned_unchanged(X):
    assert with_coded_ids(X) is X
