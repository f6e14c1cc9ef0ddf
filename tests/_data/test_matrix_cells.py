"""Conversion of user x item matrices in any container to tables of interactions."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_recsketch import PopularityRecommender
from sklearn_recsketch.preprocessing import interactions_from_matrix, to_matrix

NAN = np.nan
LONG = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["m1", "m2", "m1"], "count": [1.0, 2.0, 3.0]})
WIDE = LONG.pivot_table(index="user", columns="item", values="count")
CELLS = {("ann", "m1"): 1.0, ("ann", "m2"): 2.0, ("bob", "m1"): 3.0}
LABELS = {"index": ["ann", "bob"], "columns": ["m1", "m2"]}


def cells(matrix, **ids):
    """Strengths by user and item."""
    X, y = interactions_from_matrix(matrix, **ids)
    return dict(zip(X.itertuples(index=False, name=None), y, strict=True))


def framed(rows, **options):
    return pd.DataFrame(rows, **{**LABELS, **options})


def categories(**options):
    return LONG.astype({"user": "category", "item": "category"}).pivot_table(
        index="user", columns="item", values="count", observed=False, **options
    )


FRAMES = {
    "pivot_table": WIDE,
    "zeros": WIDE.fillna(0),
    "categories": categories(),
    "sparse_nan": WIDE.astype(pd.SparseDtype(float, NAN)),
    "sparse_from_the_second_row": WIDE.iloc[::-1].astype(pd.SparseDtype(float, NAN)),
    "sparse_zero": WIDE.fillna(0).astype(pd.SparseDtype(float, 0)),
    "sparse_other": WIDE.fillna(0).astype(pd.SparseDtype(float, 2.0)),
    "sparse_and_dense": WIDE.astype({"m1": pd.SparseDtype(float, NAN)}),
    "nullable": framed([[1, 2], [3, None]], dtype="Int64"),
    "arrow": framed([[1, 2], [3, None]], dtype="int64[pyarrow]"),
    "objects": framed([[1, Decimal(2)], [np.int64(3), None]], dtype=object),
    "missing_of_many_kinds": framed([[1, 2.0], [3, pd.NA]], dtype=object),
    "category_cells": framed([[1, 2], [3, 0]]).astype("category"),
    "small_types": framed([[1, 2], [3, 0]]).astype({"m1": "int8", "m2": "float16"}),
    "string_labels": framed([[1, 2], [3, 0]]).rename(columns=str).set_index(pd.Index(["ann", "bob"], dtype="string")),
}


@pytest.mark.parametrize("name", FRAMES)
def test_index_and_columns_are_the_ids(name):
    before = FRAMES[name].copy()
    assert cells(FRAMES[name]) == CELLS
    pd.testing.assert_frame_equal(FRAMES[name], before)


def test_counts_of_a_crosstab():
    assert cells(pd.crosstab(LONG["user"], LONG["item"])) == dict.fromkeys(CELLS, 1.0)


@pytest.mark.parametrize("dtype", ["bool", "boolean"])
def test_booleans_are_ones(dtype):
    assert cells(framed([[True, True], [True, False]], dtype=dtype)) == dict.fromkeys(CELLS, 1.0)


def test_integral_float_labels_become_integers():
    X, _ = interactions_from_matrix(framed([[1, 0], [0, 1]], columns=[1999.0, 2000.0]))
    assert X["item"].tolist() == [1999, 2000]
    assert X["item"].dtype == np.int64


def test_an_index_of_numbers_contains_ids():
    assert cells(pd.DataFrame([[1.0, NAN]], index=pd.RangeIndex(5, 6), columns=[7, 9])) == {(5, 7): 1.0}


def test_a_frame_without_labels_gets_numbers_as_ids():
    assert cells(pd.DataFrame([[0, 2], [1, 0]])) == {(0, 1): 2.0, (1, 0): 1.0}


def test_passed_ids_override_the_labels_of_a_frame():
    assert cells(WIDE, users=["x", "y"]) == {("x", "m1"): 1.0, ("x", "m2"): 2.0, ("y", "m1"): 3.0}
    assert cells(WIDE, items=[7, 9]) == {("ann", 7): 1.0, ("ann", 9): 2.0, ("bob", 7): 3.0}


LIBRARIES = [pl.DataFrame, pa.table]
by_library = pytest.mark.parametrize("library", LIBRARIES)


@by_library
def test_frames_without_an_index_accept_users(library):
    frame = library({"user": ["ann", "bob"], "m1": [1, 3], "m2": [2.0, None]})
    assert cells(frame.drop(["user"]), users=frame["user"]) == CELLS


@by_library
def test_frames_without_an_index_need_users(library):
    frame = library({"user": ["ann", "bob"], "m1": [1, 3]})
    text = (
        r"frame has no index for the ids of the users\. .* interactions_from_matrix\(matrix\.drop\(\['user'\]\), users="
    )
    with pytest.raises(ValueError, match=text):
        interactions_from_matrix(frame)


ARRAYS = {
    "array": np.array([[1, 2], [3, NAN]]),
    "zeros": np.array([[1, 2], [3, 0]], dtype=np.int8),
    "float32": np.array([[1, 2], [3, NAN]], dtype=np.float32),
    "big_endian": np.array([[1, 2], [3, NAN]], dtype=">f8"),
    "objects": np.array([[1, 2], [3, None]], dtype=object),
    "masked": np.ma.array([[1, 2], [3, 4]], mask=[[False, False], [False, True]]),
    "list": [[1, 2], [3, None]],
    "tuples": ((1, 2), (3, 0)),
    "csr": sp.csr_array([[1, 2], [3, 0]]),
    "csc_matrix": sp.csc_matrix([[1, 2], [3, 0]]),
    "dia": sp.dia_array(np.array([[1.0, 2], [3, 0]])),
    "stored_zero": sp.csr_array((np.array([1.0, 2, 3, 0]), ([0, 0, 1, 1], [0, 1, 0, 1]))),
    "repeated_entries": sp.coo_array((np.array([1.0, 2, 1, 2]), ([0, 0, 1, 1], [0, 1, 0, 0]))),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_accept_ids(name):
    assert cells(ARRAYS[name], users=["ann", "bob"], items=["m1", "m2"]) == CELLS


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_numpy_matrices():
    assert cells(np.matrix([[1, 2], [3, 0]]), users=["ann", "bob"], items=["m1", "m2"]) == CELLS


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_round_trip_through_a_wide_frame(pairs):
    matrix, users, items = to_matrix(pairs)
    X, y = interactions_from_matrix(pd.DataFrame(matrix.toarray(), index=users, columns=items))
    again = to_matrix(X, y)
    np.testing.assert_array_equal(again[0].toarray(), matrix.toarray())
    np.testing.assert_array_equal(again[1], users)
    np.testing.assert_array_equal(again[2], items)


def test_a_wide_frame_is_fitted_with_its_ids():
    rec = PopularityRecommender().fit(*interactions_from_matrix(WIDE))
    assert rec.recommend("bob")["item"].tolist() == ["m2"]


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame(), WIDE.iloc[:0], WIDE.iloc[:, :0], WIDE * 0],
    ids=["empty", "no_rows", "no_columns", "zeros"],
)
def test_an_empty_matrix_gives_an_empty_table(frame):
    X, y = interactions_from_matrix(frame)
    assert len(X) == len(y) == 0


SECOND = r"the cell of user 'ann' and item 'm2' is "
REFUSED = {
    "negative": (framed([[1, -2], [3, 0]]), rf"matrix must be finite and not negative, but {SECOND}negative: -2\.0"),
    "negative_sparse": ((WIDE * [1, -1]).astype(pd.SparseDtype(float, NAN)), rf"{SECOND}negative: -2"),
    "infinite": (framed([[1, np.inf], [3, 0]]), rf"{SECOND}infinite"),
    "infinite_object": (framed([[1, np.inf], [3, None]], dtype=object), rf"{SECOND}infinite"),
    "beyond_float32": (framed([[1, 1e300], [3, 0]]), rf"{SECOND}1e\+300\. Scale the strengths"),
    "question_mark": (framed([[1, "?"], [3, 0]]), rf"matrix must contain numbers, but {SECOND}'\?' of type str"),
    "texts": (framed([[1, "2"], [3, 0]]), rf"{SECOND}'2' of type str"),
    "string_dtype": (framed([["", "2"], ["", ""]], dtype="string"), r"item 'm1' is '' of type str"),
    "dates": (framed([[1, 2], [3, 0]]).assign(m2=pd.to_datetime(["2020", "2021"])), rf"{SECOND}Timestamp"),
    "lists": (framed([[1, [2]], [3, None]]), rf"{SECOND}\[2\] of type list"),
    "complex": (framed([[1, 2j], [3, 0]]), rf"{SECOND}2j of type complex"),
    "complex_array": (np.array([[1, 2j]]), r"item 0 is \(?1\+0j\)? of type complex"),
    "array_of_texts": (np.array([["1", "2"]]), r"the cell of user 0 and item 0 is '1' of type str"),
    "list_with_text": ([[1, "?"]], r"the cell of user 0 and item 1 is '\?' of type str"),
    "stored_nan": (sp.csr_array(np.array([[0, NAN]])), r"the cell of user 0 and item 1 is NaN"),
    "stored_negative": (sp.csr_array(np.array([[0, -1.0]])), r"the cell of user 0 and item 1 is negative: -1\.0"),
    "complex_sparse": (sp.csr_array(np.array([[1j]])), r"Complex data not supported"),
    "levels_of_columns": (
        LONG.pivot_table(index="user", columns="item"),
        r"columns of matrix must have one level, of ids, but there are 2 \(first: \('count', 'm1'\)\)\. Pass values",
    ),
    "levels_of_index": (LONG.set_index(["user", "item"]), r"The index of matrix must have one level"),
    "repeated_user": (
        framed([[1, 2], [3, 0]], index=["a", "a"]),
        r"distinct, but 'a' at position 1 is repeated",
    ),
    "repeated_item": (framed([[1, 2], [3, 0]], columns=[7, 7.0]), r"but 7 at position 1 is repeated"),
    "mixed_items": (framed([[1, 2], [3, 0]], columns=[7, "m2"]), r"the item id in row 1 is 'm2' of type str"),
    "half_an_item": (framed([[1, 2], [3, 0]], columns=[7, 7.5]), r"7\.5 in row 1 is not an integer"),
    "missing_user": (framed([[1, 2], [3, 0]], index=["ann", None]), r"The user id in row 1 is missing"),
    "dates_as_items": (framed([[1, 2], [3, 0]], columns=pd.to_datetime(["2020", "2021"])), r"Ids must be"),
    "users_in_a_column": (WIDE.reset_index(), r"The column 'user' of matrix .* matrix\.set_index\('user'\)"),
    "table": (LONG, r"Pass a table with one interaction per row to fit unchanged"),
    "one_dimension": (WIDE["m1"], r"must be two-dimensional with a row per user .* got an array of shape \(2,\)"),
    "ragged": ([[1], [2, 3]], r"must be two-dimensional"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_matrices_raise(name):
    matrix, text = REFUSED[name]
    with pytest.raises(ValueError, match=re.compile(text, re.DOTALL)):
        interactions_from_matrix(matrix)


def test_a_lazy_frame_raises():
    with pytest.raises(TypeError, match=r"matrix is a lazy frame: pass matrix\.collect\(\)"):
        interactions_from_matrix(pl.DataFrame({"m1": [1]}).lazy())


@pytest.mark.parametrize(("ids", "n"), [({"users": ["x"]}, 1), ({"items": ["x", "y", "z"]}, 3)])
def test_the_number_of_ids_must_match_the_matrix(ids, n):
    with pytest.raises(ValueError, match=rf"has {n} ids for 2 (rows|columns) of the matrix"):
        interactions_from_matrix(WIDE, **ids)


def test_totals_raise():
    table = pd.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"]})
    with pytest.raises(ValueError, match=r"are 'All', the totals of margins=True, .* write matrix\.iloc\[:-1, :-1\]"):
        interactions_from_matrix(pd.crosstab(table.user, table.item, margins=True))


def test_an_item_may_have_the_label_of_totals():
    X, _ = interactions_from_matrix(pd.DataFrame([[1, 2]], index=["a"], columns=["x", "All"]))
    assert X["item"].tolist() == ["x", "All"]


@pytest.mark.parametrize("matrix", [None, "x", {"a": 1}, 7])
def test_values_that_are_not_a_matrix_raise(matrix):
    with pytest.raises(TypeError, match=rf"must be a sparse matrix, .* got {type(matrix).__name__}"):
        interactions_from_matrix(matrix)
