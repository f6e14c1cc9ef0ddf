"""Candidates and exclusions: one list for all users, or a list per user."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from estimators import RECOMMENDERS, WITH_ITEM_WEIGHTS, small
from random_factors import recommender_of
from sklearn.base import clone

from sklearn_recsketch import PopularityRecommender, SideFeatures, WRMFRecommender
from sklearn_recsketch._ranking.candidates import read_item_selection

FACTOR_MODELS = small()
MODELS = small(RECOMMENDERS)
names = lambda rec: type(rec).__name__  # noqa: E731
NAN = np.nan
PAIRS = [("ann", "m3"), ("ann", "m1"), ("bob", "m3")]
USERS, ITEMS = (list(ids) for ids in zip(*PAIRS, strict=True))
INTERACTIONS = [
    [u, f"m{i}"] for u, items in {"ann": (1, 2), "bob": (2, 3), "eve": (1, 4, 5), "joe": (5,)}.items() for i in items
]


@pytest.fixture(scope="module", params=MODELS, ids=names)
def rec(request):
    return clone(request.param).fit(INTERACTIONS)


@pytest.fixture(scope="module", params=MODELS, ids=names)
def planted_rec(request, planted):
    return clone(request.param).fit(*planted[:2])


def lists(table):
    """Return the ranked items of each user."""
    return {user: rows["item"].tolist() for user, rows in table.groupby("user", sort=False)}


def pairs(table):
    return set(table[["user", "item"]].itertuples(index=False, name=None))


def framed(library, **more):
    return library({"user": USERS, "item": ITEMS, **more})


# All of these mean: m3 and m1 for ann, m3 for bob.
PER_USER = {
    "dict_of_lists": lambda: {"ann": ["m3", "m1"], "bob": ["m3"]},
    "dict_of_tuples": lambda: {"ann": ("m3", "m1"), "bob": ("m3",)},
    "dict_of_sets": lambda: {"ann": {"m3", "m1"}, "bob": frozenset(["m3"])},
    "dict_of_arrays": lambda: {"ann": np.array(["m3", "m1"]), "bob": np.array(["m3"], dtype=object)},
    "dict_of_series": lambda: {"ann": pd.Series(["m3", "m1"]), "bob": pl.Series(["m3"])},
    "dict_of_columns": lambda: {"ann": pd.Index(["m3", "m1"]), "bob": pa.array(["m3"])},
    "dict_of_iterators": lambda: {"ann": iter(["m3", "m1"]), "bob": (item for item in ["m3"])},
    "dict_with_repeats": lambda: {"ann": ["m3", "m1", "m3"], "bob": ["m3"] * 3},
    "dict_of_groups": lambda: framed(pd.DataFrame).groupby("user")["item"].agg(list).to_dict(),
    "list_of_lists": lambda: [list(pair) for pair in PAIRS],
    "list_of_tuples": lambda: list(PAIRS),
    "list_of_arrays": lambda: [np.array(pair) for pair in PAIRS],
    "tuple_of_tuples": lambda: tuple(PAIRS),
    "set": lambda: set(PAIRS),
    "generator": lambda: (pair for pair in PAIRS),
    "zip": lambda: zip(USERS, ITEMS, strict=True),
    "rows_of_three": lambda: [(*pair, 0.0) for pair in PAIRS],
    "array": lambda: np.array(PAIRS),
    "objects": lambda: np.array(PAIRS, dtype=object),
    "array_of_three": lambda: np.array([(*pair, None) for pair in PAIRS], dtype=object),
    "index": lambda: pd.MultiIndex.from_tuples(PAIRS),
    "pandas": lambda: framed(pd.DataFrame),
    "categories": lambda: framed(pd.DataFrame).astype("category"),
    "polars": lambda: framed(pl.DataFrame),
    "pyarrow": lambda: framed(pa.table),
    "zeros": lambda: framed(pd.DataFrame, weight=0.0),
    "negative": lambda: framed(pl.DataFrame, weight=[-1.0, NAN, np.inf]),
    "missing": lambda: framed(pd.DataFrame, weight=[None, NAN, "?"]),
    "dates": lambda: framed(pd.DataFrame, weight=pd.to_datetime(["2020-01-01"] * 3)),
    "texts": lambda: framed(pa.table, weight=["?", "", "a"]),
}
each_form = pytest.mark.parametrize("form", PER_USER)


@each_form
def test_candidates_of_each_user(rec, form):
    table = rec.recommend(["ann", "bob", "eve"], exclude_seen=False, candidates=PER_USER[form]())
    assert pairs(table) == set(PAIRS)


@each_form
def test_exclusions_of_each_user(rec, form):
    unrestricted = rec.recommend(["ann", "bob", "eve"], exclude_seen=False)
    table = rec.recommend(["ann", "bob", "eve"], exclude_seen=False, exclude=PER_USER[form]())
    assert pairs(table) == pairs(unrestricted) - set(PAIRS)


ALL = {
    "list": ["m3", "m1"],
    "tuple_of_two": ("m3", "m1"),
    "set": {"m3", "m1"},
    "keys": {"m3": 0, "m1": 0}.keys(),
    "array": np.array(["m3", "m1"]),
    "objects": np.array(["m3", "m1"], dtype=object),
    "series": pd.Series(["m3", "m1"], index=["ann", "bob"]),
    "strings": pd.array(["m3", "m1"], dtype="string"),
    "categories": pd.Categorical(["m3", "m1"]),
    "index": pd.Index(["m3", "m1"]),
    "polars": pl.Series(["m3", "m1"]),
    "arrow": pa.array(["m3", "m1"]),
    "chunks": pa.chunked_array([["m3"], ["m1"]]),
    "repeats": ["m3", "m1", "m3"],
}


@pytest.mark.parametrize("form", ALL)
def test_a_list_applies_to_all_users(rec, form):
    table = rec.recommend(["ann", "eve"], exclude_seen=False, candidates=ALL[form])
    assert pairs(table) == {(user, item) for user in ("ann", "eve") for item in ("m1", "m3")}
    remaining = rec.recommend(["ann", "eve"], exclude_seen=False, exclude=ALL[form])
    assert pairs(remaining) == {(user, item) for user in ("ann", "eve") for item in ("m2", "m4", "m5")}


# Ranking.


def sampled_pairs(rec, rng, share):
    """Return a random share of all pairs of a known user and a known item."""
    grid = pd.MultiIndex.from_product([rec.users_, rec.items_], names=["user", "item"]).to_frame(index=False)
    return grid[rng.random(len(grid)) < share]


def cut(table, wanted, k):
    """Return the rows of a table that are in `wanted`, with new ranks up to k."""
    kept = table.merge(wanted).sort_values(["user", "rank"], ignore_index=True)
    kept["rank"] = kept.groupby("user").cumcount() + 1
    return kept[kept["rank"] <= k].reset_index(drop=True)


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize(("share", "k"), [(0.05, 3), (0.5, 10), (1.0, 300)])
def test_candidates_per_user_are_ranked_as_among_all_items(planted_rec, exclude_seen, share, k, seed):
    wanted = sampled_pairs(planted_rec, np.random.default_rng(seed), share)
    unrestricted = planted_rec.recommend(k=10**6, exclude_seen=exclude_seen)
    table = planted_rec.recommend(planted_rec.users_, k, candidates=wanted, exclude_seen=exclude_seen)
    expected = cut(unrestricted, wanted, k)
    # Both scores are float32 products summed in different orders, which may swap items with almost equal scores.
    np.testing.assert_allclose(table["score"], expected["score"], rtol=1e-4, atol=1e-5)
    assert (table["item"] == expected["item"]).mean() > 0.99
    pd.testing.assert_frame_equal(table[["user", "rank"]], expected[["user", "rank"]])


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_ties_are_broken_by_the_order_of_items():
    rec = PopularityRecommender().fit([["ann", 3], ["bob", 1], ["eve", 2]])
    table = rec.recommend(["joe"], candidates={"joe": [3, 2, 1]})
    assert table["item"].tolist() == [1, 2, 3]


def test_exclusions_apply_to_candidates_per_user(rec):
    options = {"exclude_seen": False, "candidates": {"ann": ["m1", "m2", "m3"], "bob": ["m1"]}}
    assert pairs(rec.recommend(exclude={"ann": ["m2"]}, **options)) == {("ann", "m1"), ("ann", "m3"), ("bob", "m1")}
    assert pairs(rec.recommend(exclude=["m1"], **options)) == {("ann", "m2"), ("ann", "m3")}


def test_seen_items_are_excluded_from_candidates_per_user(rec):
    assert pairs(rec.recommend(candidates={"ann": ["m1", "m3"], "bob": ["m3"]})) == {("ann", "m3")}


def test_history_is_excluded_from_candidates_per_user(rec):
    table = rec.recommend(["new"], history=[["new", "m1"]], candidates={"new": ["m1", "m3"]})
    assert pairs(table) == {("new", "m3")}


def test_new_items_may_be_candidates_of_a_user(rec):
    if type(rec) in WITH_ITEM_WEIGHTS:
        pytest.skip(f"{type(rec).__name__} computes no scores of new items from item_history")
    table = rec.recommend(candidates={"ann": ["m9", "m3"]}, item_history=[["joe", "m9"]])
    assert pairs(table) == {("ann", "m9"), ("ann", "m3")}


def test_memory_is_proportional_to_the_number_of_pairs():
    n_users, n_items, each = 20_000, 30_000, 5
    rng = np.random.default_rng(0)
    rec = recommender_of(rng.standard_normal((n_items, 2)), rng.standard_normal((n_users, 2)))
    candidates = np.column_stack([np.repeat(rec.users_, each), rng.integers(n_items, size=n_users * each)])
    tracemalloc.start()
    table = rec.recommend(candidates=candidates, k=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) > 2.9 * n_users
    assert peak < 500 * len(candidates)  # in bytes; a float32 matrix of all pairs would take 24,000 per candidate


# Users.


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_default_users_are_those_with_their_own_candidates(rec):
    table = rec.recommend(candidates={"bob": ["m1"], "stranger": ["m1", "m2"], "ann": ["m3"]})
    assert {user: sorted(items) for user, items in lists(table).items()} == {
        "ann": ["m3"],
        "bob": ["m1"],
        "stranger": ["m1", "m2"],
    }


def test_users_with_candidates_take_precedence_over_those_with_a_history(rec):
    table = rec.recommend(history=[["new", "m1"], ["other", "m1"]], candidates={"new": ["m3"]})
    assert lists(table) == {"new": ["m3"]}


def test_user_without_candidates_gets_no_items(rec):
    table = rec.recommend(["eve", "ann", "bob"], candidates={"ann": ["m3"], "bob": []})
    assert lists(table) == {"ann": ["m3"]}


def test_order_and_repetition_of_users_are_kept(rec):
    options = {"candidates": {"ann": ["m3"], "bob": ["m1"]}, "exclude": {"bob": ["m4"]}}
    assert rec.recommend(["bob", "ann", "bob"], **options)["user"].tolist() == ["bob", "ann", "bob"]


def test_lists_of_users_outside_the_query_are_ignored(rec):
    table = rec.recommend(["ann"], candidates={"ann": ["m3"], "eve": ["m2"]}, exclude={"bob": ["m1"], "joe": []})
    assert lists(table) == {"ann": ["m3"]}


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
def test_unknown_users_of_a_dict_cause_a_warning(rec, parameter):
    text = rf"1 of the 2 users of {parameter} are neither in the query nor known to the recommender \(first: 'Bob'\)"
    with pytest.warns(UserWarning, match=text) as caught:
        rec.recommend(["ann"], **{parameter: {"ann": ["m3"], "Bob": ["m1"]}})
    assert caught[0].filename == __file__


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
def test_unknown_users_of_a_table_are_ignored(rec, parameter):
    pairs = [["ann", "m3"], ["somebody new", "m1"]]
    table = rec.recommend(["ann"], **{parameter: pairs})
    pd.testing.assert_frame_equal(table, rec.recommend(["ann"], **{parameter: pairs[:1]}))


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
@pytest.mark.parametrize("value", [{"m3": ["ann"]}, [["m3", "ann"]], [["m1", "m2"], ["m3", "m4"]]])
def test_items_in_place_of_users_raise(rec, parameter, value):
    with pytest.raises(ValueError, match=rf"None of the \d users of {parameter} \(first: 'm\d'\) is in the query"):
        rec.recommend(["ann", "bob"], **{parameter: value})


def test_candidates_of_other_users_only_raise(rec):
    with pytest.raises(ValueError, match=r"None of the 1 users of the query \(first: 'ann'\) has candidates: .* 'eve'"):
        rec.recommend(["ann"], candidates={"eve": ["m3"]})


def test_empty_exclusions_change_nothing(rec):
    for empty in ({}, [], (), pd.DataFrame(), pd.DataFrame({"user": [], "item": []}), np.empty((0, 2)), {"ann": []}):
        pd.testing.assert_frame_equal(rec.recommend(exclude=empty), rec.recommend())


@pytest.mark.parametrize("form", ["dict_of_lists", "dict_of_arrays", "list_of_lists", "objects", "pandas", "missing"])
def test_arguments_are_not_modified(rec, form):
    value = PER_USER[form]()
    rec.recommend(["ann", "bob"], candidates=value, exclude=value)
    assert str(value) == str(PER_USER[form]())


# Items without interactions.


def test_cold_items_are_those_without_interactions(planted):
    X, y, features = planted
    cold = np.unique(X["item"])[:7]
    rec = WRMFRecommender(4, max_iter=2, random_state=0).fit(
        *(part[~X["item"].isin(cold)] for part in (X, y)), item_features=features
    )
    expected = np.setdiff1d(rec.items_, X["item"][~X["item"].isin(cold)])
    table = rec.recommend(k=200, candidates="cold")
    assert np.array_equal(np.unique(table["item"]), expected)
    pd.testing.assert_frame_equal(table, rec.recommend(k=200, candidates=expected))


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_new_items_of_a_query_are_cold():
    rec = PopularityRecommender().fit(INTERACTIONS)
    features = SideFeatures.from_dicts({"m1": {"tag": "a"}, "m9": {"tag": "a"}})
    table = rec.recommend(["ann"], candidates="cold", item_features=features, item_history=[["bob", "m8"]])
    assert set(table["item"]) == {"m8", "m9"}


def test_cold_candidates_raise_if_no_item_is_cold(rec):
    with pytest.raises(ValueError, match=r"candidates='cold' selects the items without .* all 5 items of the recomm"):
        rec.recommend(candidates="cold")


def test_ids_may_be_the_string_cold():
    rec = PopularityRecommender().fit([["ann", "cold"], ["bob", "warm"], ["cold", "warm"]])
    assert rec.recommend("cold", candidates=["cold"])["item"].tolist() == ["cold"]
    assert rec.recommend(candidates={"cold": ["cold"]})["user"].tolist() == ["cold"]
    with pytest.raises(ValueError, match=r"exclude must be .* got 'cold' of type str\. .* exclude=\['cold'\]"):
        rec.recommend(exclude="cold")


def test_columns_with_equal_names_are_read_by_position():
    table = pa.table([["ann"], ["m1"], [None]], names=["user", "item", "item"])
    assert read_item_selection(table, "exclude").items.ids.tolist() == ["m1"]
