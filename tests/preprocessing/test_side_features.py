"""The container of side features."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.validation import _check_method_params

from sklearn_recsketch import SideFeatures

DICTS = {
    "m2": {"tag": ["VR", "art"], "licence": "CC", "faces": 120.0},
    "m1": {"tag": ["art"], "faces": 0.5},
    "m3": {"licence": "none"},
}
WIDE = {
    "mid": ["m2", "m1", "m3"],
    "tag": [["VR", "art"], ["art"], None],
    "licence": ["CC", None, "none"],
    "faces": [120.0, 0.5, None],
}


def long_frame(number=True):
    rows = [
        (id_, key, value)
        for id_, row in DICTS.items()
        for key, cell in row.items()
        for value in (cell if isinstance(cell, list) else [cell])
        if number or isinstance(value, str)
    ]
    return pd.DataFrame(rows, columns=["mid", "type", "value"])


def as_dict(features):
    """Values of a container by id and name of column."""
    dense = features.matrix.toarray()
    names = features.feature_names()
    return {id_: dict(zip(names, row)) for id_, row in zip(features.ids.tolist(), dense.tolist())}


def texts_only():
    return {id_: {k: v for k, v in row.items() if k != "faces"} for id_, row in DICTS.items()}


FRAMES = {"pandas": pd.DataFrame, "polars": lambda d: pl.DataFrame(d, strict=False), "pyarrow": pa.table}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_from_frame_agrees_with_from_dicts(make):
    assert as_dict(SideFeatures.from_frame(make(WIDE))) == as_dict(SideFeatures.from_dicts(DICTS))


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_from_long_agrees_with_from_dicts(make):
    frame = make(long_frame(number=False).to_dict("list"))
    assert as_dict(SideFeatures.from_long(frame, id="mid")) == as_dict(SideFeatures.from_dicts(texts_only()))


def test_from_long_accepts_strings_and_numbers_in_one_column():
    assert as_dict(SideFeatures.from_long(long_frame(), id="mid")) == as_dict(SideFeatures.from_dicts(DICTS))


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_from_long_without_keys_names_them_after_the_column_of_values(make):
    frame = make({"film": ["f1", "f1", "f2"], "tag": ["art", "VR", "VR"]})
    expected = SideFeatures.from_dicts({"f1": {"tag": ["art", "VR"]}, "f2": {"tag": "VR"}})
    assert as_dict(SideFeatures.from_long(frame, id="film", key=None, value="tag")) == as_dict(expected)


def test_the_error_about_a_missing_column_of_keys_names_the_way_without_keys():
    frame = pd.DataFrame({"film": ["f1"], "tag": ["art"]})
    with pytest.raises(
        ValueError, match=r"no column 'type' for the keys; .* or key=None if all values of 'tag' are of"
    ):
        SideFeatures.from_long(frame, id="film", value="tag")


def test_from_frame_accepts_categories_nullables_and_another_id_column():
    frame = pd.DataFrame({"faces": pd.array([3, None], "Int64"), "kind": pd.Categorical(["a", None]), "mid": [7, 5]})
    features = SideFeatures.from_frame(frame, id="mid")
    assert as_dict(features) == {5: {"faces": 0.0, "kind=a": 0.0}, 7: {"faces": 3.0, "kind=a": 1.0}}


def test_values_follow_the_definition():
    assert as_dict(SideFeatures.from_dicts(DICTS)) == {
        "m1": {"faces": 0.5, "licence=CC": 0, "licence=none": 0, "tag=VR": 0, "tag=art": 1},
        "m2": {"faces": 120.0, "licence=CC": 1, "licence=none": 0, "tag=VR": 1, "tag=art": 1},
        "m3": {"faces": 0, "licence=CC": 0, "licence=none": 1, "tag=VR": 0, "tag=art": 0},
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda: SideFeatures.from_dicts({1: {"tag": ["VR", "vr"]}, 2: {"tag": "Vr"}}, lowercase=True),
        lambda: SideFeatures.from_long(
            pd.DataFrame({"mid": [1, 1, 2], "type": "tag", "value": ["VR", "vr", "Vr"]}), id="mid", lowercase=True
        ),
        lambda: SideFeatures.from_frame(pl.DataFrame({"mid": [1, 2], "tag": [["VR", "vr"], ["Vr"]]}), lowercase=True),
    ],
    ids=["dicts", "long", "frame"],
)
def test_lowercase_makes_one_category(make):
    assert as_dict(make()) == {1: {"tag=vr": 1.0}, 2: {"tag=vr": 1.0}}


@pytest.mark.parametrize("value", [["a", "a"], ("a",), {"a"}, frozenset("a"), np.array(["a"], dtype=object), "a"])
def test_a_list_of_strings_is_a_set_of_categories(value):
    assert as_dict(SideFeatures.from_dicts({1: {"tag": value}})) == {1: {"tag=a": 1.0}}


def test_a_number_is_a_measurement_and_a_string_a_category():
    features = SideFeatures.from_dicts({1: {"year": 2016}, 2: {"year": "2016"}})
    assert as_dict(features) == {1: {"year": 2016.0, "year=2016": 0.0}, 2: {"year": 0.0, "year=2016": 1.0}}


@pytest.mark.parametrize("value", [True, np.bool_(True), np.int8(1), np.float32(1), 1])
def test_all_kinds_of_numbers_are_measurements(value):
    assert as_dict(SideFeatures.from_dicts({1: {"n": value}})) == {1: {"n": 1.0}}


@pytest.mark.parametrize("name", ["__len__", "shape", "__array__", "__getitem__", "__iter__", "__dataframe__"])
def test_there_is_no_interface_for_slicing(name):
    assert not hasattr(SideFeatures.from_dicts(DICTS), name)


def test_scikit_learn_does_not_slice_features():
    features = SideFeatures.from_dicts(DICTS)
    X = np.zeros((3, 2))
    assert _check_method_params(X, {"item_features": features}, indices=[0])["item_features"] is features


@pytest.mark.parametrize("name", ["ids", "keys", "values", "matrix", "other"])
def test_attributes_cannot_be_set(name):
    with pytest.raises(AttributeError, match="SideFeatures is immutable: build a new one"):
        setattr(SideFeatures.from_dicts(DICTS), name, None)


@pytest.mark.parametrize("again", [lambda f: f, lambda f: pickle.loads(pickle.dumps(f))], ids=["new", "unpickled"])
@pytest.mark.parametrize("name", ["ids", "keys", "values", "matrix"])
def test_arrays_cannot_be_written_to(name, again):
    array = getattr(again(SideFeatures.from_dicts(DICTS)), name)
    array = array.data if name == "matrix" else array
    with pytest.raises(ValueError, match="read-only"):
        array[0] = array[1]


def test_pickle_round_trip():
    features = SideFeatures.from_dicts(DICTS)
    again = pickle.loads(pickle.dumps(features))
    assert as_dict(again) == as_dict(features)
    assert again.ids.dtype == features.ids.dtype


def test_pickle_is_small():
    """A value takes 4 bytes and an index of at most 8, an id or a row pointer 8 bytes; names are stored once."""
    features = SideFeatures.from_dicts({i: {"tag": [f"t{j}" for j in range(1 + i % 10)]} for i in range(1000)})
    assert len(pickle.dumps(features)) < 12 * features.matrix.nnz + 16 * len(features.ids) + 2000


@pytest.mark.parametrize("function", [copy.copy, copy.deepcopy])
def test_copies_are_the_same_object(function):
    features = SideFeatures.from_dicts(DICTS)
    assert function(features) is features


def test_align_gives_empty_rows_to_new_ids_and_drops_others():
    aligned = SideFeatures.from_dicts(DICTS).align(np.array(["m0", "m1"], dtype=object), "item")
    assert aligned.ids.tolist() == ["m0", "m1"]
    np.testing.assert_array_equal(aligned.matrix.toarray(), [[0] * 5, [0.5, 0, 0, 0, 1]])


def test_updated_replaces_whole_rows_and_adds_ids_and_columns():
    old = SideFeatures.from_dicts({1: {"tag": "a", "faces": 1.0}, 2: {"tag": ["a", "b"], "faces": 2.0}})
    new = SideFeatures.from_dicts({2: {"tag": "c"}, 3: {"faces": 3.0}})
    merged = SideFeatures.from_dicts(
        {1: {"tag": "a", "faces": 1.0}, 2: {"tag": "c"}, 3: {"faces": 3.0}, 4: {"tag": "b"}}
    )
    expected = {id_: row for id_, row in as_dict(merged).items() if id_ != 4}
    assert as_dict(old.updated(new, "item")) == expected


def test_updated_does_not_change_the_old_features():
    old = SideFeatures.from_dicts({1: {"tag": "a"}})
    old.updated(SideFeatures.from_dicts({1: {"tag": "b"}}), "item")
    assert as_dict(old) == {1: {"tag=a": 1.0}}


TEXT = st.sampled_from(["a", "b", "A", "nan", "null", "a=b", "é", "|", "0", " "])


@settings(deadline=None, max_examples=80)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["tag", "kind"]), TEXT), min_size=1, max_size=20),
    lowercase=st.booleans(),
)
def test_from_long_equals_a_loop_over_rows(rows, lowercase):
    expected: dict = {}
    for id_, key, value in rows:
        expected.setdefault(id_, {})[f"{key}={value.lower() if lowercase else value}"] = 1.0
    frame = pd.DataFrame(rows, columns=["mid", "type", "value"])
    features = as_dict(SideFeatures.from_long(frame, id="mid", lowercase=lowercase))
    assert {id_: {name: v for name, v in row.items() if v} for id_, row in features.items()} == expected


def test_arrays_of_the_caller_stay_writable():
    ids, matrix = np.array([1, 2]), sp.csr_array(np.eye(2, dtype=np.float32))
    SideFeatures(ids, np.array(["a", "b"], object), np.array([None, None], object), matrix)
    assert ids.flags.writeable and matrix.data.flags.writeable


def test_names_of_columns_need_not_be_strings():
    features = SideFeatures.from_frame(pd.DataFrame({0: ["a", "b"], 1: ["x", "y"]}))
    assert features.feature_names().tolist() == ["1=x", "1=y"]


@pytest.mark.parametrize("column", ["name", "tags"])
def test_a_column_of_distinct_strings_warns(column):
    frame = pd.DataFrame({"item": np.arange(60), column: [f"castle|{i}" for i in range(60)]})
    with pytest.warns(UserWarning, match=rf"'{column}' has 60 distinct values in 60 rows.*str\.split") as caught:
        SideFeatures.from_frame(frame)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    "values",
    [
        [f"t{i % 9}" for i in range(60)],
        [[f"t{i % 9}", "x"] for i in range(60)],
        np.arange(60.0),
        ["a", "b"] + [None] * 58,
    ],
    ids=["categories", "lists", "numbers", "few"],
)
def test_other_columns_do_not_warn(values):
    SideFeatures.from_frame(pd.DataFrame({"item": np.arange(60), "value": values}))


def test_from_long_without_keys_accepts_other_names_of_columns():
    frame = pd.DataFrame([["f1", "art"]], columns=["film", ("a", "b")])
    features = SideFeatures.from_long(frame, id="film", key=None, value=("a", "b"))
    assert features.feature_names().tolist() == ["('a', 'b')=art"]
