"""Tables of interactions in unusual containers, and the error for sample_weight."""

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from estimators import RECOMMENDERS, small
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import has_fit_parameter

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    WRMFRecommender,
)
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.inspection import explain

EVERY = pytest.mark.parametrize("rec", small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)


class Subclass(pd.DataFrame):
    """A frame whose slices keep its class, as in geopandas."""

    @property
    def _constructor(self):
        return Subclass


TABLES = {
    "matrix": lambda: np.matrix([[1, 2], [3, 4]]),
    "masked array": lambda: np.ma.array([[1, 2], [3, 4]]),
    "subclass": lambda: Subclass({"user": [1, 3], "item": [2, 4]}),
    "two levels of names": lambda: pd.DataFrame(
        [[1, 2], [3, 4]], columns=pd.MultiIndex.from_tuples([("a", "user"), ("a", "item")])
    ),
    "one name twice": lambda: pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
    "one name twice in pyarrow": lambda: pa.Table.from_arrays([pa.array([1, 3]), pa.array([2, 4])], ["a", "a"]),
    "record batch": lambda: pa.record_batch({"user": [1, 3], "item": [2, 4]}),
    "narwhals": lambda: nw.from_native(pl.DataFrame({"user": [1, 3], "item": [2, 4]})),
    **{f"{code}": lambda code=code: np.array([[1, 2], [3, 4]]).astype(code) for code in (">i8", ">i2", ">u8", ">f8")},
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_ids_in_unusual_containers(make):
    rec = PopularityRecommender().fit(make())
    assert (rec.users_.tolist(), rec.items_.tolist()) == ([1, 3], [2, 4])


def test_strings_of_the_other_byte_order():
    rec = PopularityRecommender().fit(np.array([["a", "x"], ["b", "y"]]).astype(">U3"))
    assert (rec.users_.tolist(), rec.items_.tolist()) == (["a", "b"], ["x", "y"])


@pytest.mark.parametrize("code", [">f8", ">f4", ">i4"])
def test_strengths_of_the_other_byte_order(code):
    y = np.array([2, 3]).astype(code)
    X = pd.DataFrame({"user": [1, 3], "item": [2, 4]})
    np.testing.assert_array_equal(check_interactions(X, y).strength, [2, 3])
    np.testing.assert_array_equal(check_interactions(X.assign(weight=y)).strength, [2, 3])


@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        (
            np.array([(1, 2)], dtype=[("user", int), ("item", int)]),
            TypeError,
            r"structured array .* pass pd\.DataFrame\(X",
        ),
        (pd.DataFrame({"u": [1], "i": [2]}).to_records(), TypeError, r"structured array .* pass pd\.DataFrame\(X\)"),
        (np.array(7), ValueError, r"must be two-dimensional .* shape \(\)"),
        (pl.LazyFrame({"user": [1], "item": [2]}), TypeError, r"lazy frame, .* pass X\.collect\(\)"),
        ({"ann": ["x", "y"]}, TypeError, r"X is a dict, .*pd\.Series\(X\)\.explode\(\)\.reset_index\(\)"),
        ([{"user": 1, "item": 2}], ValueError, r"a list of dicts pd\.DataFrame\(X\)"),
        (np.ma.array([[1, 2], [3, 4]], mask=[[0, 0], [1, 0]]), ValueError, "The user id in row 1 is missing"),
        (pa.table({"user": pa.array(["a", None]).dictionary_encode(), "item": [1, 2]}), ValueError, "row 1 is missing"),
        (pd.DataFrame({"user": ["a"], "item": [["x", "y"]]}), ValueError, r"X\.explode\('item'\)"),
        ([["ann", ["x", "y"]], ["bob", ["z"]]], ValueError, r"X\.explode\('item'\)"),
        (pl.DataFrame({"user": ["a"], "tracks": [["x", "y"]]}), ValueError, r"X\.explode\('tracks'\)"),
        (pl.DataFrame({"member": [b"a"], "item": ["x"]}), ValueError, r"X\['member'\]\.str\.decode\('utf-8'\)"),
        (pd.Series([["x", "y"]], index=["ann"]), TypeError, r"X is a Series, .* X\.explode\(\)\.reset_index\(\)"),
        ([["ann", "x"], ["bob", "x", "y", "z"]], ValueError, r"row 0 has 2 values and row 1 has 4\. Write one row for"),
    ],
    ids=[
        "structured",
        "records",
        "0-d",
        "lazy",
        "dict",
        "dicts",
        "masked",
        "dictionary",
        "lists in a frame",
        "lists in a list",
        "lists in polars",
        "bytes in polars",
        "items by user",
        "rows of several lengths",
    ],
)
def test_invalid_tables_raise(X, error, text):
    with pytest.raises(error, match=text):
        PopularityRecommender().fit(X)


@pytest.mark.parametrize(
    "y",
    [
        np.ma.array([1.0, 2.0], mask=[False, True]),
        pa.array([1.0, None]),
        pa.array([1, None]),
        pl.Series([1.0, None]),
        pd.Series([1, None], dtype="Float64"),
    ],
    ids=["masked", "pyarrow", "pyarrow integers", "polars", "nullable"],
)
def test_missing_strengths_raise_in_every_container(y):
    with pytest.raises(ValueError, match="y must be finite and not negative, but row 1 is NaN"):
        check_interactions([[1, 2], [3, 4]], y)


@EVERY
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_sample_weight_raises_with_advice(rec, method):
    with pytest.raises(TypeError, match=rf"\.{method} does not take sample_weight: .* as y, or as a third column of X"):
        getattr(rec, method)([[1, 2], [3, 4]], sample_weight=[1.0, 2.0])


def test_sample_weight_raises_in_a_pipeline():
    pipeline = make_pipeline(InteractionThresholder(1, 1), PopularityRecommender())
    with pytest.raises(TypeError, match=r"PopularityRecommender\.fit does not take sample_weight"):
        pipeline.fit([[1, 2], [3, 4]], popularityrecommender__sample_weight=[1.0, 2.0])


@EVERY
def test_sample_weight_none_passes_and_is_not_a_parameter(rec):
    rec.fit([[1, 2], [3, 4]], sample_weight=None)
    assert not has_fit_parameter(rec, "sample_weight")


EMPTY = {
    "list": list,
    "tuple": lambda: (),
    "array": lambda: np.empty((0, 2)),
    "flat array": lambda: np.empty(0),
    "pandas": lambda: pd.DataFrame({"user": [], "item": []}),
    "weighted": lambda: pd.DataFrame({"user": [], "item": [], "weight": []}),
    "polars": lambda: pl.DataFrame({"user": [], "item": []}),
    "pyarrow": lambda: pa.table({"user": pa.array([], pa.int64()), "item": pa.array([], pa.int64())}),
}


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@EVERY
@pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY)
def test_an_empty_history_equals_none_for_the_users_of_a_query(rec, make):
    rec.set_params(**({"random_state": 0} if "random_state" in rec.get_params() else {}))
    rec.fit([[1, 2], [3, 4], [1, 5]])
    for user in (1, 99):
        pd.testing.assert_frame_equal(rec.recommend(user, history=make()), rec.recommend(user))
    pd.testing.assert_frame_equal(rec.recommend(item_history=make()), rec.recommend())


def test_explain_treats_an_empty_history_like_none():
    rec = WRMFRecommender(2, random_state=0).fit([[1, 2], [3, 4], [1, 5]])
    pd.testing.assert_frame_equal(explain(rec, 1, 4, history=[]), explain(rec, 1, 4))


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_the_thresholder_raises_for_sample_weight(method):
    with pytest.raises(TypeError, match=r"InteractionThresholder\.fit does not take sample_weight: .* as y, or as a"):
        getattr(InteractionThresholder(1, 1), method)([[1, 2], [3, 4]], sample_weight=[1.0, 2.0])
