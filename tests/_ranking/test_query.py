"""Ids of queries in all containers and all methods: single, several, repeated and no ids."""

import array
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from estimators import RECOMMENDERS, small
from sklearn.base import clone

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.inspection import explain, suggest_features
from sklearn_recsketch.metrics import catalog_coverage_at_k, precision_at_k
from sklearn_recsketch.preprocessing import to_matrix
from sklearn_recsketch.serving import to_index

by_type = {"ids": lambda value: type(value).__name__}
MODELS = small(RECOMMENDERS, 3)
INTERACTIONS = {"ann": ["7", "8"], "bob": ["8", "9"], "eve": ["7", "10"], "joe": ["10"], "7": ["8"]}
STRINGS = pd.DataFrame(
    [(user, item) for user, items in INTERACTIONS.items() for item in items], columns=["user", "item"]
)
CODES = {user: code for code, user in enumerate(INTERACTIONS, start=54)}  # 55 is both bob and the byte of "7"
NUMBERS = pd.DataFrame({"user": STRINGS["user"].map(CODES), "item": STRINGS["item"].astype(int)})
TAGS = SideFeatures.from_dicts({item: {"tag": f"t{item}"} for item in ("7", "8", "9", "10")})


def fitted(X, model=MODELS[0]):
    features = TAGS if X is STRINGS and model is not MODELS[-1] else None
    return clone(model).fit(X, item_features=features)


@pytest.fixture(scope="module", params=MODELS, **by_type)
def strings(request):
    """A recommender whose ids are strings."""
    return fitted(STRINGS, request.param)


@pytest.fixture(scope="module", params=MODELS, **by_type)
def numbers(request):
    """A recommender whose ids are integers."""
    return fitted(NUMBERS, request.param)


SOME_STRINGS = {
    "list": ["bob", "ann"],
    "tuple": ("bob", "ann"),
    "keys": {"bob": 0, "ann": 0}.keys(),
    "array": np.array(["bob", "ann"]),
    "objects": np.array(["bob", "ann"], dtype=object),
    "series": pd.Series(["bob", "ann"], index=[5, 3]),
    "categories": pd.Series(["bob", "ann"], dtype="category"),
    "string_array": pd.array(["bob", "ann"], dtype="string"),
    "index": pd.Index(["bob", "ann"]),
    "polars": pl.Series(["bob", "ann"]),
    "polars_categories": pl.Series(["bob", "ann"], dtype=pl.Categorical),
    "arrow": pa.array(["bob", "ann"]),
    "arrow_large": pa.array(["bob", "ann"], pa.large_string()),
    "arrow_chunks": pa.chunked_array([["bob"], ["ann"]]),
    "arrow_dictionary": pa.array(["bob", "ann"]).dictionary_encode(),
}
SOME_NUMBERS = {
    "list": [55, 54],
    "floats": [55.0, 54.0],
    "range": range(55, 53, -1),
    "array": np.array([55, 54]),
    "small": np.array([55, 54], dtype=np.uint8),
    "big_endian": np.array([55, 54], dtype=">i8"),
    "big_endian_small": np.array([55, 54], dtype=">u2"),
    "big_endian_floats": np.array([55, 54], dtype=">f8"),
    "python_array": array.array("i", [55, 54]),
    "read_only": np.broadcast_to(np.array([55, 54]), (2,)),
    "strided": np.array([[55, 0], [54, 0]])[:, 0],
    "masked_nowhere": np.ma.array([55, 54], mask=[False, False]),
    "series": pd.Series([55, 54]),
    "nullable": pd.Series([55, 54], dtype="Int64"),
    "polars": pl.Series([55, 54]),
    "arrow": pa.array([55, 54]),
}


@pytest.mark.parametrize("form", SOME_STRINGS)
def test_strings_in_any_container(strings, form):
    pd.testing.assert_frame_equal(strings.recommend(SOME_STRINGS[form]), strings.recommend(["bob", "ann"]))


@pytest.mark.parametrize("form", SOME_NUMBERS)
def test_integers_in_any_container(numbers, form):
    pd.testing.assert_frame_equal(numbers.recommend(SOME_NUMBERS[form]), numbers.recommend([55, 54]))


def test_a_generator_is_read_once(strings):
    pd.testing.assert_frame_equal(strings.recommend(user for user in ("bob", "ann")), strings.recommend(["bob", "ann"]))


@pytest.mark.parametrize("kind", [set, frozenset])
def test_users_of_a_set_are_sorted(strings, kind):
    pd.testing.assert_frame_equal(
        strings.recommend(kind(["joe", "bob", "ann"])), strings.recommend(["ann", "bob", "joe"])
    )


@pytest.mark.parametrize("one", ["bob", np.str_("bob"), np.array("bob"), pa.scalar("bob")], **by_type)
def test_a_single_string(strings, one):
    assert strings.recommend(one, 1)["user"].tolist() == ["bob"]


SINGLES = [55, 55.0, np.int64(55), np.uint8(55), np.float64(55), np.array(55), np.array(55.0), pa.scalar(55)]


@pytest.mark.parametrize("one", SINGLES, ids=lambda one: f"{type(one).__name__}_{one}")
def test_a_single_integer(numbers, one):
    assert numbers.recommend(one, 1)["user"].tolist() == [55]


# All methods with queries.

QUERIES = {
    "recommend": lambda rec, ids: rec.recommend(ids),
    "similar_users": lambda rec, ids: rec.similar_users(ids),
    "similar_items": lambda rec, ids: rec.similar_items(ids),
    "index": lambda rec, ids: to_index(rec, "exact").recommend(ids),
    "graph": lambda rec, ids: to_index(rec).recommend(ids),
    "index_of_items": lambda rec, ids: to_index(rec, "exact", metric="cosine").similar_items(ids),
    "index_of_users": lambda rec, ids: to_index(rec, "exact", of="users", metric="cosine").similar_users(ids),
    "suggest_features": lambda rec, ids: suggest_features(rec, ids),
}
each_query = pytest.mark.parametrize("query", QUERIES)


@pytest.fixture(scope="module")
def wrmf():
    return fitted(STRINGS)


@each_query
@pytest.mark.parametrize("ids", [b"7", np.bytes_(b"7"), bytearray(b"7"), memoryview(b"7")], **by_type)
def test_bytes_are_not_accepted_as_ids(wrmf, query, ids):
    with pytest.raises(TypeError, match=r"(user|item) ids must be ints or strings, got .* of type .*Decode it"):
        QUERIES[query](wrmf, ids)


@pytest.mark.parametrize("ids", [b"7", memoryview(b"7")])
def test_bytes_are_not_read_as_integers(numbers, ids):
    with pytest.raises(TypeError, match="user ids must be ints or strings"):
        numbers.recommend(ids)


@each_query
@pytest.mark.parametrize(
    "no_ids", [[], (), set(), np.array([]), pd.Series([], dtype=object), pa.array([], pa.string())]
)
def test_empty_query_gives_an_empty_table_with_the_usual_types(wrmf, query, no_ids):
    empty, full = (QUERIES[query](wrmf, ids) for ids in (no_ids, ["7"]))
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


@pytest.mark.parametrize("X", [STRINGS, NUMBERS], ids=["strings", "numbers"])
@pytest.mark.parametrize("model", MODELS, **by_type)
def test_empty_query_gives_an_empty_polars_table(X, model):
    rec = clone(model).fit(pl.DataFrame(dict(X)))
    empty = rec.recommend([])
    assert isinstance(empty, pl.DataFrame)
    assert len(empty) == 0
    assert empty.schema == rec.recommend().schema


@each_query
def test_repeated_ids_have_repeated_lists(wrmf, query):
    single, twice = (QUERIES[query](wrmf, ids) for ids in (["7"], ["7", "7"]))
    pd.testing.assert_frame_equal(twice, pd.concat([single, single], ignore_index=True))


@each_query
def test_lists_end_with_the_candidates(wrmf, query):
    if query == "recommend":
        assert len(wrmf.recommend("ann", 10**9, exclude_seen=False)) == len(wrmf.items_)
    assert len(QUERIES[query](wrmf, ["7"])) < 10


WRONG = {
    "frame": (
        STRINGS[["user"]],
        ValueError,
        r"got a frame of shape \(8, 1\)\. Pass one .* frame\['user'\]",
    ),
    "table": (STRINGS, ValueError, r"got a frame of shape \(8, 2\)\. Pass one column"),
    "polars_frame": (pl.DataFrame({"user": ["ann"]}), ValueError, r"got a frame of shape \(1, 1\)\. Pass one column"),
    "arrow_table": (pa.table({"user": ["ann"]}), ValueError, r"got a frame of shape \(1, 1\)\. Pass one column"),
    "column_of_an_array": (np.array([["ann"]]), ValueError, r"got an array of shape \(1, 1\)\. Pass one column"),
    "list_of_lists": ([["ann", "bob"]], ValueError, r"got an array of shape \(1, 2\)"),
    "dict": ({"ann": ["7"]}, TypeError, r"must be a list of ints or strings, got \{'ann': \['7'\]\} of type dict"),
    "bool": (True, TypeError, r"got True of type bool"),
    "bools": ([True, False], ValueError, r"id in row 0 is True of type bool"),
    "bytes_in_a_list": ([b"ann"], ValueError, r"id in row 0 is b'ann' of type bytes"),
    "array_of_bytes": (np.array([b"ann"]), ValueError, r"id in row 0 is b'ann' of type bytes"),
    "pairs": (pd.MultiIndex.from_tuples([("ann", "7")]), ValueError, r"id in row 0 is \('ann', '7'\) of type tuple"),
    "missing": (["ann", None], ValueError, r"id in row 1 is missing"),
    "masked": (np.ma.array(["ann", "bob"], mask=[False, True]), ValueError, r"id in row 1 is missing"),
    "null_of_arrow": (pa.array(["ann", None]), ValueError, r"id in row 1 is missing"),
    "nan": (float("nan"), ValueError, r"id in row 0 is missing"),
    "sparse": (fitted(STRINGS).interactions_, TypeError, r"of type csr_array"),
    "function": (len, TypeError, r"of type builtin_function_or_method"),
    "date": (pd.Timestamp("2020-01-01"), TypeError, r"of type Timestamp"),
    "numbers": ([7], ValueError, r"ids are integers \(first: 7\), but .* strings \(first: '"),
}


@each_query
@pytest.mark.parametrize("name", WRONG)
def test_other_values_than_ids_raise(wrmf, query, name):
    ids, error, text = WRONG[name]
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        QUERIES[query](wrmf, ids)


def test_ids_of_a_matrix_are_checked_likewise():
    assert to_matrix(NUMBERS, users=np.array([*CODES.values()], dtype=">i4"))[0].shape[0] == len(CODES)
    with pytest.raises(TypeError, match="user ids must be ints or strings"):
        to_matrix(NUMBERS, users=b"78")


def test_explain_checks_the_id_of_the_user(wrmf):
    assert len(explain(wrmf, pa.array(["ann"]), np.array("9"))) > 0
    with pytest.raises(TypeError, match="user ids must be ints or strings, got b'7'"):
        explain(wrmf, b"7", "9")


# Tables with repeated users.


@pytest.mark.parametrize("metric", [precision_at_k, catalog_coverage_at_k])
def test_metrics_of_a_table_with_a_repeated_user_raise(strings, metric):
    table = strings.recommend(["bob", "ann", "bob"], 2)
    row = int(np.flatnonzero(table["user"] == "bob")[2])
    text = rf"row {row} repeats rank 1 of the user 'bob'\. .* as in recommend\(X\['user'\]\.unique\(\)\)"
    with pytest.raises(ValueError, match=text):
        metric(STRINGS, table, k=1)
