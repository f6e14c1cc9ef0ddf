"""Ids hashed once by a search: fits learn the same from them."""

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


def same(coded, original):
    """Whether two tables are the same interactions."""
    one, other = check_interactions(coded), check_interactions(original)
    for side in ("users", "items"):
        a, b = getattr(one, side), getattr(other, side)
        assert a.ids[a.codes].tolist() == b.ids[b.codes].tolist()
    assert np.array_equal(one.strength, other.strength)


@settings(max_examples=50, deadline=None)
@given(users=IDS, items=IDS)
def test_rows_are_the_same_interactions(users, items):
    n = min(len(users), len(items))
    X = pd.DataFrame({"user": users[:n], "item": items[:n], "weight": np.arange(n) + 1.0})
    same(with_coded_ids(X), X)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_slice_knows_only_the_ids_in_it(data):
    X = pd.DataFrame({"user": list("abcabc"), "item": list("xyzzyx")})
    rows = data.draw(st.lists(st.integers(0, 5), min_size=1))
    ids = check_interactions(with_coded_ids(X).iloc[rows]).users.ids
    assert ids.tolist() == sorted(set(X["user"].iloc[rows]))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_frames(library):
    module = pytest.importorskip(library)
    columns = {"user": ["b", "a", "b"], "item": [3, 1, 1]}
    X = module.DataFrame(columns) if library == "polars" else module.table(columns)
    same(with_coded_ids(X), X)


def test_an_array_of_objects():
    X = np.array([["b", 3], ["a", 1], ["b", 1]], dtype=object)
    same(with_coded_ids(X), X)


def test_names_of_columns_are_kept():
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
def test_what_gains_nothing_is_left_as_it_is(X):
    assert with_coded_ids(X) is X
