"""Items to choose from and items to leave out, for everybody or for each user her own."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from estimators import RECOMMENDERS, small
from random_factors import recommender_of
from sklearn.base import clone

from sklearn_recsketch import PopularityRecommender, SideFeatures, WRMFRecommender
from sklearn_recsketch._ranking.candidates import read_item_selection

EVERY = small(RECOMMENDERS)
names = lambda rec: type(rec).__name__  # noqa: E731
NAN = np.nan
PAIRS = [("ann", "m3"), ("ann", "m1"), ("bob", "m3")]
USERS, ITEMS = (list(ids) for ids in zip(*PAIRS, strict=True))
LIKES = [
    [u, f"m{i}"] for u, items in {"ann": (1, 2), "bob": (2, 3), "eve": (1, 4, 5), "joe": (5,)}.items() for i in items
]


@pytest.fixture(scope="module", params=EVERY, ids=names)
def rec(request):
    return clone(request.param).fit(LIKES)


@pytest.fixture(scope="module", params=EVERY, ids=names)
def planted_rec(request, planted):
    return clone(request.param).fit(*planted[:2])


def lists(table):
    """Ranked items by user."""
    return {user: rows["item"].tolist() for user, rows in table.groupby("user", sort=False)}


def pairs(table):
    return set(table[["user", "item"]].itertuples(index=False, name=None))


def framed(library, **more):
    return library({"user": USERS, "item": ITEMS, **more})


# Each of these says: ann's are m3 and m1, bob's is m3.
OWN = {
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
each_form = pytest.mark.parametrize("form", OWN)


@each_form
def test_candidates_of_each_user(rec, form):
    table = rec.recommend(["ann", "bob", "eve"], exclude_seen=False, candidates=OWN[form]())
    assert pairs(table) == set(PAIRS)


@each_form
def test_exclusions_of_each_user(rec, form):
    everything = rec.recommend(["ann", "bob", "eve"], exclude_seen=False)
    table = rec.recommend(["ann", "bob", "eve"], exclude_seen=False, exclude=OWN[form]())
    assert pairs(table) == pairs(everything) - set(PAIRS)


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
def test_a_list_is_for_everybody(rec, form):
    chosen = rec.recommend(["ann", "eve"], exclude_seen=False, candidates=ALL[form])
    assert pairs(chosen) == {(user, item) for user in ("ann", "eve") for item in ("m1", "m3")}
    left = rec.recommend(["ann", "eve"], exclude_seen=False, exclude=ALL[form])
    assert pairs(left) == {(user, item) for user in ("ann", "eve") for item in ("m2", "m4", "m5")}


# Exactness.


def drawn_pairs(rec, rng, share):
    """A random share of all pairs."""
    grid = pd.MultiIndex.from_product([rec.users_, rec.items_], names=["user", "item"]).to_frame(index=False)
    return grid[rng.random(len(grid)) < share]


def cut(table, wanted, k):
    """The first k of each user's rows that are wanted, numbered again."""
    left = table.merge(wanted).sort_values(["user", "rank"], ignore_index=True)
    left["rank"] = left.groupby("user").cumcount() + 1
    return left[left["rank"] <= k].reset_index(drop=True)


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize(("share", "k"), [(0.05, 3), (0.5, 10), (1.0, 300)])
def test_own_candidates_are_ranked_as_among_all(planted_rec, exclude_seen, share, k, seed):
    wanted = drawn_pairs(planted_rec, np.random.default_rng(seed), share)
    everything = planted_rec.recommend(k=10**6, exclude_seen=exclude_seen)
    table = planted_rec.recommend(planted_rec.users_, k, candidates=wanted, exclude_seen=exclude_seen)
    expected = cut(everything, wanted, k)
    # Both are float32 products, summed in another order; a rank may differ where two scores are equal but for that.
    np.testing.assert_allclose(table["score"], expected["score"], rtol=1e-4, atol=1e-5)
    assert (table["item"] == expected["item"]).mean() > 0.99
    pd.testing.assert_frame_equal(table[["user", "rank"]], expected[["user", "rank"]])


def test_ties_break_by_the_order_of_items():
    rec = PopularityRecommender().fit([["ann", 3], ["bob", 1], ["eve", 2]])
    table = rec.recommend(["joe"], candidates={"joe": [3, 2, 1]})
    assert table["item"].tolist() == [1, 2, 3]


def test_exclusions_hold_among_own_candidates(rec):
    options = {"exclude_seen": False, "candidates": {"ann": ["m1", "m2", "m3"], "bob": ["m1"]}}
    assert pairs(rec.recommend(exclude={"ann": ["m2"]}, **options)) == {("ann", "m1"), ("ann", "m3"), ("bob", "m1")}
    assert pairs(rec.recommend(exclude=["m1"], **options)) == {("ann", "m2"), ("ann", "m3")}


def test_seen_items_are_left_out_of_own_candidates(rec):
    assert pairs(rec.recommend(candidates={"ann": ["m1", "m3"], "bob": ["m3"]})) == {("ann", "m3")}


def test_a_history_is_left_out_of_own_candidates(rec):
    table = rec.recommend(["new"], history=[["new", "m1"]], candidates={"new": ["m1", "m3"]})
    assert pairs(table) == {("new", "m3")}


def test_new_items_may_be_own_candidates(rec):
    table = rec.recommend(candidates={"ann": ["m9", "m3"]}, item_history=[["joe", "m9"]])
    assert pairs(table) == {("ann", "m9"), ("ann", "m3")}


def test_memory_is_that_of_the_pairs():
    n_users, n_items, each = 20_000, 30_000, 5
    rng = np.random.default_rng(0)
    rec = recommender_of(rng.standard_normal((n_items, 2)), rng.standard_normal((n_users, 2)))
    candidates = np.column_stack([np.repeat(rec.users_, each), rng.integers(n_items, size=n_users * each)])
    tracemalloc.start()
    table = rec.recommend(candidates=candidates, k=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) > 2.9 * n_users
    assert peak < 500 * len(candidates)  # bytes; as a matrix of all pairs it were 24,000 in float32


# Users.


def test_users_are_those_with_candidates_of_their_own(rec):
    table = rec.recommend(candidates={"bob": ["m1"], "stranger": ["m1", "m2"], "ann": ["m3"]})
    assert {user: sorted(items) for user, items in lists(table).items()} == {
        "ann": ["m3"],
        "bob": ["m1"],
        "stranger": ["m1", "m2"],
    }


def test_users_with_candidates_come_before_those_of_a_history(rec):
    table = rec.recommend(history=[["new", "m1"], ["other", "m1"]], candidates={"new": ["m3"]})
    assert lists(table) == {"new": ["m3"]}


def test_a_user_without_candidates_gets_none(rec):
    table = rec.recommend(["eve", "ann", "bob"], candidates={"ann": ["m3"], "bob": []})
    assert lists(table) == {"ann": ["m3"]}


def test_users_come_in_the_order_asked_and_as_often(rec):
    options = {"candidates": {"ann": ["m3"], "bob": ["m1"]}, "exclude": {"bob": ["m4"]}}
    assert rec.recommend(["bob", "ann", "bob"], **options)["user"].tolist() == ["bob", "ann", "bob"]


def test_lists_of_users_who_are_not_asked_for_are_no_error(rec):
    table = rec.recommend(["ann"], candidates={"ann": ["m3"], "eve": ["m2"]}, exclude={"bob": ["m1"], "joe": []})
    assert lists(table) == {"ann": ["m3"]}


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
def test_users_that_nobody_knows_are_counted(rec, parameter):
    text = rf"1 of the 2 users of {parameter} are neither asked for nor known to the recommender \(first: 'Bob'\)"
    with pytest.warns(UserWarning, match=text) as caught:
        rec.recommend(["ann"], **{parameter: {"ann": ["m3"], "Bob": ["m1"]}})
    assert caught[0].filename == __file__


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
def test_a_table_may_hold_users_that_nobody_knows(rec, parameter):
    pairs = [["ann", "m3"], ["somebody new", "m1"]]
    table = rec.recommend(["ann"], **{parameter: pairs})
    pd.testing.assert_frame_equal(table, rec.recommend(["ann"], **{parameter: pairs[:1]}))


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
@pytest.mark.parametrize("value", [{"m3": ["ann"]}, [["m3", "ann"]], [["m1", "m2"], ["m3", "m4"]]])
def test_items_in_the_place_of_users_are_an_error(rec, parameter, value):
    with pytest.raises(ValueError, match=rf"None of the \d users of {parameter} \(first: 'm\d'\) is asked"):
        rec.recommend(["ann", "bob"], **{parameter: value})


def test_candidates_of_others_only_are_an_error(rec):
    with pytest.raises(ValueError, match=r"None of the 1 users asked for \(first: 'ann'\) has candidates: .* 'eve'"):
        rec.recommend(["ann"], candidates={"eve": ["m3"]})


def test_nothing_to_exclude(rec):
    for nothing in ({}, [], (), pd.DataFrame(), pd.DataFrame({"user": [], "item": []}), np.empty((0, 2)), {"ann": []}):
        pd.testing.assert_frame_equal(rec.recommend(exclude=nothing), rec.recommend())


@pytest.mark.parametrize("form", ["dict_of_lists", "dict_of_arrays", "list_of_lists", "objects", "pandas", "missing"])
def test_what_is_passed_stays_as_it_is(rec, form):
    value = OWN[form]()
    rec.recommend(["ann", "bob"], candidates=value, exclude=value)
    assert str(value) == str(OWN[form]())


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


def test_new_items_are_cold():
    rec = PopularityRecommender().fit(LIKES)
    features = SideFeatures.from_dicts({"m1": {"tag": "a"}, "m9": {"tag": "a"}})
    table = rec.recommend(["ann"], candidates="cold", item_features=features, item_history=[["bob", "m8"]])
    assert set(table["item"]) == {"m8", "m9"}


def test_no_item_is_cold(rec):
    with pytest.raises(ValueError, match=r"candidates='cold' names the items without .* all its 5 items have some"):
        rec.recommend(candidates="cold")


def test_an_item_called_cold():
    rec = PopularityRecommender().fit([["ann", "cold"], ["bob", "warm"], ["cold", "warm"]])
    assert rec.recommend("cold", candidates=["cold"])["item"].tolist() == ["cold"]
    assert rec.recommend(candidates={"cold": ["cold"]})["user"].tolist() == ["cold"]
    with pytest.raises(ValueError, match=r"exclude must be .* got 'cold' of type str\. .* exclude=\['cold'\]"):
        rec.recommend(exclude="cold")


def test_two_columns_of_one_name_are_taken_by_position():
    table = pa.table([["ann"], ["m1"], [None]], names=["user", "item", "item"])
    assert read_item_selection(table, "exclude").items.ids.tolist() == ["m1"]
