"""Round trip of ids and strengths through fit and recommend, for containers of all libraries."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from estimators import WITH_FACTORS
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.model_selection import KFold, cross_val_score

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    SideFeatures,
    WRMFRecommender,
)
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.preprocessing import (
    describe_interactions,
    interactions_from_matrix,
    threshold_interactions,
    to_matrix,
)

USERS = ["u3", "u1", "u2", "u1", "u3", "u2", "u4"]
ITEMS = ["b", "a", "b", "c", "a", "a", "c"]
USER_INTS = [30, 10, 20, 10, 30, 20, 40]
ITEM_INTS = [2, 1, 2, 3, 1, 1, 3]
STRENGTH = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


def read_only(array):
    array.setflags(write=False)
    return array


def text_frame():
    return pd.DataFrame({"user": USERS, "item": ITEMS})


TEXT_TABLES = {
    "pandas_object": lambda: text_frame().astype(object),
    "pandas_str": lambda: text_frame().astype("str"),
    "pandas_string": lambda: text_frame().astype("string"),
    "pandas_arrow": lambda: text_frame().astype("string[pyarrow]"),
    "pandas_category": lambda: text_frame().astype("category"),
    "pandas_ordered_category": lambda: text_frame().astype(pd.CategoricalDtype(sorted(set(USERS + ITEMS))[::-1], True)),
    "numpy_object": lambda: text_frame().to_numpy(object),
    "numpy_U": lambda: np.array([USERS, ITEMS]).T,
    "numpy_U_fortran": lambda: np.asfortranarray(np.array([USERS, ITEMS]).T),
    "numpy_StringDType": lambda: np.array([USERS, ITEMS], dtype=np.dtypes.StringDType()).T,
    "numpy_read_only": lambda: read_only(np.array([USERS, ITEMS], dtype=object).T),
    "lists": lambda: [list(row) for row in zip(USERS, ITEMS)],
    "tuples": lambda: tuple(zip(USERS, ITEMS)),
    "polars": lambda: pl.DataFrame({"user": USERS, "item": ITEMS}),
    "polars_categorical": lambda: pl.DataFrame({"user": USERS, "item": ITEMS}).cast(pl.Categorical),
    "pyarrow": lambda: pa.table({"user": USERS, "item": ITEMS}),
    "pyarrow_dictionary": lambda: pa.table(
        {"user": pa.array(USERS).dictionary_encode(), "item": pa.array(ITEMS).dictionary_encode()}
    ),
}


def int_frame():
    return pd.DataFrame({"user": USER_INTS, "item": ITEM_INTS})


INT_TABLES = {
    "pandas_int64": int_frame,
    "pandas_int16": lambda: int_frame().astype("int16"),
    "pandas_uint64": lambda: int_frame().astype("uint64"),
    "pandas_Int64": lambda: int_frame().astype("Int64"),
    "pandas_arrow": lambda: int_frame().astype("int64[pyarrow]"),
    "pandas_category": lambda: int_frame().astype("category"),
    "pandas_float": lambda: int_frame().astype("float64"),
    "pandas_float32": lambda: int_frame().astype("float32"),
    "numpy_int32": lambda: int_frame().to_numpy(np.int32),
    "numpy_float": lambda: int_frame().to_numpy(np.float64),
    "numpy_object": lambda: int_frame().to_numpy(object),
    "numpy_object_of_floats": lambda: int_frame().astype(float).to_numpy(object),
    "numpy_read_only": lambda: read_only(int_frame().to_numpy().copy()),
    "lists": lambda: int_frame().to_numpy().tolist(),
    "lists_with_a_float": lambda: [[float(USER_INTS[0]), ITEM_INTS[0]], *zip(USER_INTS[1:], ITEM_INTS[1:])],
    "polars": lambda: pl.DataFrame({"user": USER_INTS, "item": ITEM_INTS}),
    "polars_uint8": lambda: pl.DataFrame({"user": USER_INTS, "item": ITEM_INTS}).cast(pl.UInt8),
    "pyarrow": lambda: pa.table({"user": USER_INTS, "item": ITEM_INTS}),
}

# Rows are the sorted users u1 to u4 (10 to 40), columns are the sorted items a to c (1 to 3).
MATRIX = [[2, 0, 4], [6, 3, 0], [5, 1, 0], [0, 0, 7]]


@pytest.mark.parametrize("make", TEXT_TABLES.values(), ids=TEXT_TABLES)
def test_string_ids_in_any_container(make):
    rec = PopularityRecommender().fit(make(), STRENGTH)
    assert rec.users_.tolist() == ["u1", "u2", "u3", "u4"]
    assert rec.items_.tolist() == ["a", "b", "c"]
    assert rec.users_.dtype == object
    assert {type(user) for user in rec.users_} == {str}
    np.testing.assert_array_equal(rec.interactions_.toarray(), MATRIX)


@pytest.mark.parametrize("make", INT_TABLES.values(), ids=INT_TABLES)
def test_int_ids_in_any_container(make):
    rec = PopularityRecommender().fit(make(), STRENGTH)
    np.testing.assert_array_equal(rec.users_, [10, 20, 30, 40])
    np.testing.assert_array_equal(rec.items_, [1, 2, 3])
    assert rec.users_.dtype.kind in "iu"
    np.testing.assert_array_equal(rec.interactions_.toarray(), MATRIX)


STRENGTHS = {
    "list": list,
    "column": lambda y: y[:, None],
    "int": lambda y: y.astype(int),
    "float32": lambda y: y.astype(np.float32),
    "read_only": lambda y: read_only(y.copy()),
    "series": pd.Series,
    "series_with_another_index": lambda y: pd.Series(y, index=range(100, 107)),
    "nullable": lambda y: pd.Series(y, dtype="Float64"),
    "polars": pl.Series,
    "pyarrow": pa.array,
}


@pytest.mark.parametrize("make", STRENGTHS.values(), ids=STRENGTHS)
def test_strengths_in_any_container(make):
    rec = PopularityRecommender().fit(text_frame(), make(STRENGTH))
    np.testing.assert_array_equal(rec.interactions_.toarray(), MATRIX)


def test_y_none_means_strengths_of_one():
    rec = PopularityRecommender().fit(text_frame())
    np.testing.assert_array_equal(rec.interactions_.toarray(), np.array(MATRIX) > 0)


def test_duplicates_are_summed():
    rec = PopularityRecommender().fit([["a", 1], ["b", 1], ["a", 1]], [1.5, 1, 2])
    np.testing.assert_array_equal(rec.interactions_.toarray(), [[3.5], [1]])


def test_large_strengths_are_summed_before_rounding():
    """2**24 + 1 + 1 is exact in float32, but adding 1 twice to 2**24 in float32 is not."""
    rec = PopularityRecommender().fit([["a", 1]] * 3, [2.0**24, 1, 1])
    assert rec.interactions_[0, 0] == 2.0**24 + 2


def test_rows_of_strength_zero_add_no_ids_and_no_entries():
    rec = PopularityRecommender().fit([["a", 1], ["b", 1], ["a", 2]], [1, 0, 0])
    assert (rec.users_.tolist(), rec.items_.tolist(), rec.interactions_.nnz) == (["a"], [1], 1)


def test_weight_column_multiplies_strength():
    rec = PopularityRecommender().fit([["a", 1, 0.5], ["a", 2, 2.0], ["b", 1, 0.0]], [3, 1, 9])
    np.testing.assert_array_equal(rec.interactions_.toarray(), [[1.5, 2]])
    assert rec.n_features_in_ == 3


def test_unused_categories_are_not_ids_of_the_model():
    X = text_frame().astype("category").iloc[:2]
    rec = PopularityRecommender().fit(X)
    assert (rec.users_.tolist(), rec.items_.tolist()) == (["u1", "u3"], ["a", "b"])


def test_unused_categories_are_not_ids_of_the_model_in_folds():
    """The categories of a training fold still contain the ids of the test rows."""
    X = text_frame().astype("category")
    for train, _ in KFold(3).split(X):
        rec = PopularityRecommender().fit(X.iloc[train])
        assert rec.users_.tolist() == sorted({USERS[row] for row in train})
        assert rec.items_.tolist() == sorted({ITEMS[row] for row in train})


@pytest.mark.parametrize("name", ["pandas_category", "polars_categorical", "numpy_object", "lists"])
def test_cross_validation_does_not_depend_on_the_container(name):
    scorer = make_ranking_scorer("recall@1")
    cv = KFold(2, shuffle=True, random_state=3)
    scores = cross_val_score(PopularityRecommender(), TEXT_TABLES[name](), STRENGTH, cv=cv, scoring=scorer)
    expected = cross_val_score(PopularityRecommender(), text_frame(), STRENGTH, cv=cv, scoring=scorer)
    np.testing.assert_array_equal(scores, expected)


# Neighboring integers of this size share one float64.
HUGE = np.array([[2**60 + 1, 2**60 + 4], [2**60 + 1, 2**60 + 5], [2**60 + 2, 2**60 + 4], [2**60 + 2, 2**60 + 5]])


def test_huge_ids_survive_fit_and_recommend():
    rec = PopularityRecommender().fit(HUGE)
    assert rec.users_.tolist() == [2**60 + 1, 2**60 + 2]
    assert set(rec.recommend(exclude_seen=False)["item"]) == {2**60 + 4, 2**60 + 5}


@pytest.mark.parametrize("weight", [False, True])
def test_huge_ids_survive_the_thresholder(weight):
    X = np.column_stack([HUGE, np.ones(4, np.int64)]) if weight else HUGE
    out = InteractionThresholder(2, 2).fit_transform(X)
    assert out["user"].tolist() == HUGE[:, 0].tolist()
    assert out["item"].tolist() == HUGE[:, 1].tolist()


def test_unsigned_and_signed_ids_are_compared_exactly():
    """Comparing uint64 and int64 ids must not convert them to floats."""
    rec = PopularityRecommender().fit(HUGE.astype(np.uint64))
    rec.partial_fit([[2**60 + 3, 2**60 + 4]])
    assert [int(user) for user in rec.users_] == [2**60 + 1, 2**60 + 2, 2**60 + 3]


def test_unsigned_ids_and_ids_of_features_are_compared_exactly():
    features = SideFeatures.from_dicts({2**60 + 5: {"tag": "a"}, 2**60 + 6: {"tag": "a"}})
    rec = PopularityRecommender().fit(HUGE.astype(np.uint64), item_features=features)
    assert [int(item) for item in rec.items_] == [2**60 + 4, 2**60 + 5, 2**60 + 6]


def test_an_id_beyond_int64_raises_in_every_container():
    """It could be compared with int64 ids only after conversion to floats."""
    rows = [[1, 1], [2**63 + 1, 1]]
    for X in (rows, np.array(rows, dtype=object), np.array(rows, dtype=np.uint64), pd.DataFrame(rows)):
        with pytest.raises(ValueError, match="The user id in row 1 does not fit 64 bits"):
            PopularityRecommender().fit(X)


def snapshot(X):
    return X.copy() if hasattr(X, "copy") else X


def same(a, b):
    return a.equals(b) if hasattr(a, "equals") else np.array_equal(a, b)


@pytest.mark.parametrize("name", ["pandas_object", "pandas_category", "numpy_object", "polars"])
@pytest.mark.parametrize("cls", WITH_FACTORS)
def test_the_data_of_the_caller_are_not_changed(cls, name):
    X, y = TEXT_TABLES[name](), STRENGTH.copy()
    before = snapshot(X) if name != "polars" else X.clone()
    rec = cls(n_components=2, max_iter=2, random_state=0).fit(X, y)
    rec.partial_fit(X, y)
    rec.predict(X)
    rec.score(X, y)
    InteractionThresholder(1, 1).fit(X, y).transform(X)
    threshold_interactions(X, y, user_min=1, item_min=1)
    assert same(X, before)
    np.testing.assert_array_equal(y, STRENGTH)


@pytest.mark.parametrize(
    ("name", "library"),
    [("polars", pl.DataFrame), ("pandas_str", pd.DataFrame), ("numpy_U", pd.DataFrame), ("pyarrow", pd.DataFrame)],
)
def test_recommend_returns_a_frame_of_the_library_of_fit(name, library):
    rec = WRMFRecommender(n_components=2, max_iter=1, random_state=0).fit(TEXT_TABLES[name]())
    for recommended in (rec.recommend(k=2), rec.similar_items(["a"], k=1), rec.similar_users(["u1"], k=1)):
        assert isinstance(recommended, library)


def test_polars_recommendations_have_native_types():
    recommended = PopularityRecommender().fit(TEXT_TABLES["polars"]()).recommend(k=2)
    assert recommended.columns == ["user", "rank", "item", "score"]
    assert recommended.schema["user"] == pl.String


@pytest.mark.parametrize("columns", [["uid", "mid"], ["who", "what"], ["user", "item"]])
def test_recommendations_can_be_predicted_for_any_column_names_in_fit(columns):
    rec = WRMFRecommender(n_components=2, max_iter=2, random_state=0).fit(text_frame().set_axis(columns, axis=1))
    recommended = rec.recommend(k=2)
    # Both are inner products of the same float32 vectors, but summed in different orders.
    np.testing.assert_allclose(rec.predict(recommended[["user", "item"]]), recommended["score"], rtol=1e-5, atol=1e-6)


def test_feature_names_in_come_from_the_last_fit():
    rec = PopularityRecommender().fit(text_frame())
    assert rec.feature_names_in_.tolist() == ["user", "item"]
    rec.fit(text_frame().to_numpy())
    assert not hasattr(rec, "feature_names_in_")


def test_an_array_is_never_swapped():
    X = text_frame().set_axis(["item", "user"], axis=1)
    assert PopularityRecommender().fit(X.to_numpy()).users_.tolist() == ["u1", "u2", "u3", "u4"]


matrices = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.sampled_from([0.0, 0.0, 1.0, 2.5, 7.0]),
).filter(np.any)


@settings(deadline=None, max_examples=60)
@given(
    dense=matrices,
    make=st.sampled_from([sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array, np.asarray]),
    index=st.sampled_from([np.int32, np.int64]),
)
def test_matrix_round_trip(dense, make, index):
    matrix = make(dense)
    if hasattr(matrix, "indices"):
        matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    X, y = interactions_from_matrix(matrix)
    again, users, items = to_matrix(X, y, users=range(dense.shape[0]), items=range(dense.shape[1]))
    np.testing.assert_array_equal(again.toarray(), dense)
    assert (users.tolist(), items.tolist()) == (list(range(dense.shape[0])), list(range(dense.shape[1])))


@settings(deadline=None, max_examples=30)
@given(dense=matrices)
def test_matrix_of_a_table_equals_the_interactions_of_fit(dense):
    X, y = interactions_from_matrix(dense)
    matrix, users, items = to_matrix(X, y)
    rec = PopularityRecommender().fit(X, y)
    np.testing.assert_array_equal(rec.interactions_.toarray(), matrix.toarray())
    assert (rec.users_.tolist(), rec.items_.tolist()) == (users.tolist(), items.tolist())


def test_matrix_keeps_the_order_of_requested_ids():
    matrix, users, items = to_matrix(text_frame(), STRENGTH, users=["u4", "u1", "u3", "u2"], items=["c", "b", "a"])
    np.testing.assert_array_equal(matrix.toarray(), np.array(MATRIX)[[3, 0, 2, 1]][:, ::-1])
    assert (users.tolist(), items.tolist()) == (["u4", "u1", "u3", "u2"], ["c", "b", "a"])


def test_stored_zeros_are_not_interactions():
    matrix = sp.csr_array(([0.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2))
    X, y = interactions_from_matrix(matrix, users=["a", "b"], items=["x", "y"])
    assert (X.to_numpy().tolist(), y.tolist()) == ([["b", "x"]], [2.0])


def test_reading_a_matrix_does_not_change_it():
    matrix = sp.csr_array(([1.0, 2.0, 3.0], [1, 0, 0], [0, 3]), shape=(1, 2))
    indices = matrix.indices.copy()
    _, y = interactions_from_matrix(matrix)
    assert y.sum() == 6
    np.testing.assert_array_equal(matrix.indices, indices)


@pytest.mark.parametrize("make", TEXT_TABLES.values(), ids=TEXT_TABLES)
def test_describe_counts_positive_rows(make):
    # Without the row of strength 0 there are users u1 to u3, items a to c, and 6 of 9 pairs.
    described = describe_interactions(make(), [1, 2, 3, 4, 5, 6, 0])
    assert described.to_dict() == {"users": 3, "items": 3, "rows": 6, "interactions": 6, "density": 6 / 9}


def test_describe_counts_repeated_pairs_once():
    described = describe_interactions([["a", 1], ["a", 1], ["b", 2]])
    assert (described["rows"], described["interactions"], described["density"]) == (3, 2, 0.5)
