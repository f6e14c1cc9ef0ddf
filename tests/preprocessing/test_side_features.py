"""The container of side features, and their encoder."""

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
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import _check_method_params

from sklearn_recsketch import PopularityRecommender, SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.model_selection import UserHoldoutSplit, UserKFold

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


# The encoder.


def plain(**parameters):
    return SideFeatureEncoder(**{"idf": False, "norm": None, "standardize": False, **parameters})


@pytest.mark.parametrize("separator", ["=", ": "])
def test_encoder_equals_DictVectorizer_next_to_an_identity_matrix(separator):
    encoder = plain(separator=separator)
    encoded = encoder.fit_transform(SideFeatures.from_dicts(DICTS))
    vectorizer = DictVectorizer(separator=separator, sparse=False)
    block = vectorizer.fit_transform([DICTS[id_] for id_ in sorted(DICTS)])
    np.testing.assert_array_equal(encoded.toarray(), np.hstack([np.eye(3), block]))
    identity = [f"id{separator}{id_}" for id_ in sorted(DICTS)]
    assert encoder.get_feature_names_out().tolist() == identity + vectorizer.get_feature_names_out().tolist()


def test_without_identity_only_features_are_encoded():
    encoder = plain(identity=False)
    encoded = encoder.fit_transform(SideFeatures.from_dicts(DICTS))
    assert encoded.shape == (3, 5)
    assert encoder.get_feature_names_out().tolist() == encoder.feature_names_.tolist()


@pytest.mark.parametrize(
    ("min_count", "names"),
    [(1, ["faces", "licence=CC", "licence=none", "tag=VR", "tag=art"]), (2, ["faces", "tag=art"]), (3, [])],
)
def test_min_count_counts_ids(min_count, names):
    encoder = plain(min_count=min_count).fit(SideFeatures.from_dicts(DICTS))
    assert encoder.feature_names_.tolist() == names
    assert encoder.transform(SideFeatures.from_dicts(DICTS)).shape == (3, 3 + len(names))


def test_columns_are_the_positions_of_the_encoded_features():
    features = SideFeatures.from_dicts(DICTS)
    encoder = plain(min_count=2).fit(features)
    assert 0 < len(encoder.columns_) < len(features.keys)
    np.testing.assert_array_equal(features.feature_names()[encoder.columns_], encoder.feature_names_)


def test_idf_equals_that_of_TfidfTransformer():
    features = SideFeatures.from_dicts(texts_only())
    encoded = SideFeatureEncoder(identity=False, norm="l2").fit_transform(features)
    expected = TfidfTransformer(norm="l2").fit_transform(features.matrix).toarray()
    np.testing.assert_allclose(encoded.toarray(), expected, rtol=1e-6)  # float32 compared with float64


def test_idf_does_not_change_measurements():
    encoder = SideFeatureEncoder(norm=None).fit(SideFeatures.from_dicts(DICTS))
    assert encoder.idf_[encoder.feature_names_.tolist().index("faces")] == 1


@pytest.mark.parametrize(("norm", "length"), [("l1", 1), ("l2", 2)])
@pytest.mark.parametrize(("features", "standardize"), [(texts_only(), True), (DICTS, False)], ids=["texts", "all"])
def test_norm_is_the_length_of_the_feature_block(norm, length, features, standardize):
    encoder = SideFeatureEncoder(identity=False, norm=norm, standardize=standardize)
    encoded = encoder.fit_transform(SideFeatures.from_dicts(features)).toarray()
    np.testing.assert_allclose(np.linalg.norm(encoded, length, axis=1), 1, rtol=1e-6)


def test_weights_scale_their_blocks():
    features = SideFeatures.from_dicts(DICTS)
    base = SideFeatureEncoder().fit_transform(features).toarray()
    scaled = SideFeatureEncoder(feature_weight=0.25, identity_weight=2).fit_transform(features).toarray()
    np.testing.assert_array_equal(scaled[:, :3], 2 * base[:, :3])
    np.testing.assert_array_equal(scaled[:, 3:], 0.25 * base[:, 3:])


def test_feature_weight_zero_stores_no_feature():
    assert SideFeatureEncoder(feature_weight=0).fit_transform(SideFeatures.from_dicts(DICTS)).nnz == 3


def test_max_interactions_keeps_features_of_rare_ids_only():
    encoded = plain(max_interactions=4).fit_transform(
        SideFeatures.from_dicts(DICTS), n_interactions=np.array([5, 4, 0])
    )
    np.testing.assert_array_equal(np.diff(encoded.indptr), [1, 1 + 4, 1 + 1])


def test_transform_of_new_ids_and_features():
    encoder = plain().fit(SideFeatures.from_dicts({"m1": {"tag": "a"}, "m2": {"tag": "b"}}))
    encoded = encoder.transform(SideFeatures.from_dicts({"m2": {"tag": ["a", "new"]}, "m9": {"tag": "b"}}))
    np.testing.assert_array_equal(encoded.toarray(), [[0, 1, 1, 0], [0, 0, 0, 1]])


def test_ids_without_features_are_encoded_by_identity():
    features = SideFeatures.from_dicts({"m1": {}, "m2": {}})
    np.testing.assert_array_equal(SideFeatureEncoder().fit_transform(features).toarray(), np.eye(2))


@pytest.mark.parametrize("raw", [DICTS, list(DICTS.values()), np.eye(3), pd.DataFrame(WIDE), None], ids=type)
@pytest.mark.parametrize("method", ["fit", "transform", "fit_transform"])
def test_fit_and_transform_reject_the_same_containers(method, raw):
    encoder = SideFeatureEncoder().fit(SideFeatures.from_dicts(DICTS))
    with pytest.raises(TypeError, match="features must be a SideFeatures, got"):
        getattr(encoder, method)(raw)


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_fit_and_transform_reject_two_features_of_the_same_name(method):
    ambiguous = SideFeatures.from_dicts({"m1": {"a": "b=c", "a=b": "c"}})
    encoder = SideFeatureEncoder().fit(SideFeatures.from_dicts({"m1": {"a": "b=c"}}))
    with pytest.raises(ValueError, match="Two columns are both named 'a=b=c' with separator='='"):
        getattr(encoder, method)(ambiguous)


def test_a_key_named_like_an_identity_column_raises():
    with pytest.raises(ValueError, match="Two columns are both named 'id=7'"):
        SideFeatureEncoder().fit(SideFeatures.from_dicts({7: {"id": "7"}}))


def test_encoder_output_is_sparse_if_frames_are_configured():
    features = SideFeatures.from_dicts(DICTS)
    with config_context(transform_output="pandas"):
        assert sp.issparse(SideFeatureEncoder().fit_transform(features))


def test_arrays_of_the_caller_stay_writable():
    ids, matrix = np.array([1, 2]), sp.csr_array(np.eye(2, dtype=np.float32))
    SideFeatures(ids, np.array(["a", "b"], object), np.array([None, None], object), matrix)
    assert ids.flags.writeable and matrix.data.flags.writeable


def test_names_of_columns_need_not_be_strings():
    features = SideFeatures.from_frame(pd.DataFrame({0: ["a", "b"], 1: ["x", "y"]}))
    assert features.feature_names().tolist() == ["1=x", "1=y"]


def test_encoder_clones_with_its_parameters():
    encoder = SideFeatureEncoder(min_count=3, norm="l1", feature_weight=0.5)
    assert clone(encoder).get_params() == encoder.get_params()
    assert encoder.set_params(min_count=4).min_count == 4


# Inside recommenders and searches.


@pytest.mark.parametrize("side", ["user", "item"])
def test_nested_parameter_creates_the_default_encoder(side):
    rec = WRMFRecommender().set_params(**{f"{side}_encoder__min_count": 5})
    encoder = getattr(rec, f"{side}_encoder")
    assert encoder.get_params() == SideFeatureEncoder(min_count=5).get_params()


def test_nested_parameter_applies_to_the_encoder_set_with_it():
    rec = WRMFRecommender().set_params(item_encoder__min_count=5, item_encoder=SideFeatureEncoder(norm="l1"))
    assert (rec.item_encoder.min_count, rec.item_encoder.norm) == (5, "l1")


def small_search(X, features, cv):
    rec = WRMFRecommender(n_components=4, alpha=40.0, regularization=10.0, max_iter=3, random_state=0)
    search = GridSearchCV(rec, {"item_encoder__min_count": [1, 10**6]}, cv=cv, error_score="raise")
    return search.fit(X, item_features=features)


def test_grid_search_over_a_parameter_of_the_default_encoder(planted):
    X, _, features = planted
    search = small_search(X, features, UserHoldoutSplit(random_state=0))
    assert search.best_estimator_.item_encoder_.min_count == search.best_params_["item_encoder__min_count"]
    # min_count=10**6 removes all features, so that the two candidates differ.
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_as_many_items_as_interactions_are_not_sliced():
    """A fit parameter as long as X would lose the rows of the test fold."""
    X = [[f"u{i % 8}", i % 6] for i in range(48)]
    features = SideFeatures.from_dicts({i: {"tag": f"t{i % 5}"} for i in range(len(X))})
    rec = PopularityRecommender()
    search = GridSearchCV(rec, {}, cv=UserKFold(2, random_state=0), error_score="raise").fit(X, item_features=features)
    assert len(search.best_estimator_.items_) == len(X)
    factors = small_search(X, features, UserKFold(2, random_state=0)).best_estimator_
    assert len(factors.item_features_.ids) == len(factors.items_) == len(X)


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
