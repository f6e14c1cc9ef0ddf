"""Tables of side features: names of columns, indexes, and errors for other objects."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sparse_matrices import entries

from sklearn_recsketch import SideFeatures

TABLE = pd.DataFrame({"year": [1999, 2001], "mid": ["a", "b"]})
YEARS = {("a", "year"): 1999, ("b", "year"): 2001}


@pytest.mark.parametrize("id", [None, "mid"])
@pytest.mark.parametrize("drop", [True, False])
def test_a_named_index_contains_the_ids(id, drop):
    assert entries(SideFeatures.from_frame(TABLE.set_index("mid", drop=drop), id=id)) == YEARS


def test_a_named_index_is_a_feature_if_id_names_another_column():
    assert entries(SideFeatures.from_frame(TABLE.set_index("year"), id="mid")) == YEARS


@pytest.mark.parametrize("part", [slice(None), [1, 0], [1]], ids=["all", "shuffled", "filtered"])
def test_an_index_of_row_numbers_is_ignored(part):
    features = SideFeatures.from_frame(TABLE[["mid", "year"]].iloc[part])
    assert entries(features).items() <= YEARS.items()


def test_an_unnamed_index_of_strings_raises():
    with pytest.raises(ValueError, match=r"The index of the frame \(first: 'a'\) has no name, .* Write id='year' for"):
        SideFeatures.from_frame(TABLE.set_index("mid").rename_axis(None))


def test_from_long_takes_ids_from_a_named_index():
    table = pd.DataFrame({"type": "k", "value": ["x", "y"]}, index=pd.Index(["a", "b"], name="mid"))
    assert set(entries(SideFeatures.from_long(table, id="mid"))) == {("a", "k=x"), ("b", "k=y")}


@pytest.mark.parametrize("method", ["from_frame", "from_long"])
def test_an_index_of_several_levels_raises(method):
    with pytest.raises(ValueError, match=r"index .* has 2 levels: \['mid', 'year'\]\. Pass df\.reset_index\(\)"):
        getattr(SideFeatures, method)(TABLE.set_index(["mid", "year"]), id="mid")


def test_column_names_of_several_levels_raise():
    table = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]))
    with pytest.raises(ValueError, match=r"have 2 levels \(first: \('a', 'b'\)\)\. Join them"):
        SideFeatures.from_frame(table)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame([["a", 1, 2]], columns=["id", "x", "x"]),
        pd.DataFrame([["a", 1, 2]], columns=["id", 0, "0"]),
        pd.DataFrame([["a", 1]], columns=["id", "x"], index=pd.Index([5], name="x")),
        pa.table([pa.array(["a"]), pa.array([1]), pa.array([2])], names=["id", "x", "x"]),
    ],
    ids=["pandas", "number_and_text", "index", "arrow"],
)
def test_two_columns_of_the_same_name_raise(table):
    with pytest.raises(ValueError, match=r"received two columns named '[x0]'; the columns are .* Rename or drop one"):
        SideFeatures.from_frame(table, id="id")


@pytest.mark.parametrize("id", [1, np.int64(1), "1"])
def test_column_names_may_be_numbers(id):
    features = SideFeatures.from_frame(pd.DataFrame([[1999, "a", "x"]]), id=id)
    assert entries(features) == {("a", "0"): 1999, ("a", "2=x"): 1}


@pytest.mark.parametrize("keys", [[1, 2], [1.0, 2.0], pd.Categorical(["1", "2"]), pd.array([1, 2], "Int64")])
def test_from_long_reads_keys_as_strings(keys):
    table = pd.DataFrame({0: ["a", "a"], 1: keys, 2: [Decimal("1.5"), ["x", None]]})
    features = SideFeatures.from_long(table, id=0, key=1, value=2)
    assert entries(features) == {("a", "1"): 1.5, ("a", "2=x"): 1}
    assert all(type(key) is str for key in features.keys)


@pytest.mark.parametrize("value", [pl.Series(["x", None]), pl.Series([1.5, None], dtype=pl.Float32), ["x", None]])
def test_from_long_names_the_row_of_a_missing_value(value):
    with pytest.raises(ValueError, match="The value in row 1 is missing"):
        SideFeatures.from_long(pl.DataFrame({"id": ["a", "b"], "type": "k", "value": value}), id="id")


def test_an_id_with_an_empty_string_only_is_kept():
    features = SideFeatures.from_long(pd.DataFrame({"id": ["a", "b"], "type": "k", "value": ["", "x"]}), id="id")
    assert features.ids.tolist() == ["a", "b"]
    assert entries(features) == {("b", "k=x"): 1}


def test_a_table_of_ids_only_gives_ids_without_features():
    features = SideFeatures.from_frame(TABLE[["mid"]])
    assert (features.ids.tolist(), entries(features)) == (["a", "b"], {})


@pytest.mark.parametrize("table", [TABLE[:0], pd.DataFrame(index=[1, 2]), pl.DataFrame(), pa.table({})])
def test_a_table_without_rows_or_columns_raises(table):
    with pytest.raises(ValueError, match="The table of features is empty"):
        SideFeatures.from_frame(table)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: SideFeatures.from_frame(pl.LazyFrame({"a": [1]})),
            r"got LazyFrame\. For a lazy frame pass df\.collect",
        ),
        (lambda: SideFeatures.from_frame(TABLE["year"]), r"got Series\. .*from_frame\(series\.reset_index\(\)\)"),
        (lambda: SideFeatures.from_dicts(TABLE["year"]), r"got Series\. .*from_frame\(series\.reset_index\(\)\)"),
        (lambda: SideFeatures.from_dicts([{"a": 1}]), r"got list\. .*from_dicts\(dict\(zip\(ids, features\)\)\)"),
        (
            lambda: SideFeatures.from_dicts({1: TABLE["year"]}),
            r"of id 1 must be a mapping .*to_dict\(\)",
        ),
        (lambda: SideFeatures.from_dicts({1: {1: "x"}}), "must be strings, but id 1 has 1: write '1'"),
        (lambda: SideFeatures.from_dicts({1: {None: "x"}}), "must be strings, but id 1 has None: write 'None'"),
    ],
    ids=["lazy", "series_frame", "series", "list", "series_row", "key", "key_None"],
)
def test_other_containers_raise_with_advice(call, match):
    with pytest.raises(TypeError, match=match):
        call()
