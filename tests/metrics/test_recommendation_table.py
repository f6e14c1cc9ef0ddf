"""Metrics of tables of recommendations: AUC, catalog coverage and novelty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_metrics import auc, mean_over_users

from sklearn_recsketch import PopularityRecommender
from sklearn_recsketch.metrics import catalog_coverage_at_k, novelty_at_k, ranking_auc


def ranking(lists):
    """Return a table like that of recommend() from a dict of lists."""
    rows = [(user, rank, item) for user, items in lists.items() for rank, item in enumerate(items, start=1)]
    return pd.DataFrame(rows, columns=["user", "rank", "item"])


# Area under the ROC curve. Of the items 1 to 5, ann has seen 5, and bob has seen 3 and 4.

LISTS = {"ann": [1, 2, 3, 4], "bob": [5, 1, 2], "eve": [1, 2, 3, 4, 5]}
TRUE = [["ann", 1], ["ann", 3], ["bob", 1]]


def test_auc_by_hand():
    values = ranking_auc(TRUE, ranking(LISTS), per_user=True)
    # ann: 1 precedes 2 and 4, and 3 precedes 4. bob: 1 precedes 2, but not 5.
    assert values.to_dict() == {"ann": 3 / 4, "bob": 1 / 2}
    assert (values.index.name, values.name) == ("user", "auc")


def test_auc_is_the_mean_over_users():
    assert ranking_auc(TRUE, ranking(LISTS)) == (3 / 4 + 1 / 2) / 2


@settings(deadline=None, max_examples=100)
@given(
    orders=st.dictionaries(st.integers(0, 4), st.permutations(range(6)), min_size=1),
    true=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), min_size=1, max_size=25),
    data=st.data(),
)
def test_auc_equals_the_reference(orders, true, data):
    """Each list has the items that the user has not seen; one user has seen none."""
    lists = {9: list(range(6))}
    for user, order in orders.items():
        lists[user] = order[data.draw(st.integers(0, 5)) :]
    # Pairs that were seen in fit are not evaluated.
    true = [(u, i) for u, i in true if i > 5 or i in lists.get(u, [])]
    if true:
        expected = mean_over_users(lambda ranked, relevant, _: auc(ranked, relevant), lists, set(true), None)
        assert ranking_auc(true, ranking(lists)) == pytest.approx(expected, rel=1e-12)  # mean of a few float64 values


def test_auc_counts_pairs_of_unknown_items_as_incorrect():
    assert ranking_auc([["ann", 1], ["ann", 99]], ranking(LISTS)) == 1 / 2


def test_auc_is_one_half_if_all_candidates_are_relevant():
    assert ranking_auc([["bob", 5], ["bob", 1], ["bob", 2]], ranking(LISTS)) == 1 / 2


def test_auc_counts_repeated_pairs_once():
    assert ranking_auc(TRUE * 2 + TRUE[:1], ranking(LISTS)) == ranking_auc(TRUE, ranking(LISTS))


def test_auc_does_not_depend_on_the_order_of_rows(seed):
    table = ranking(LISTS).sample(frac=1, random_state=seed)
    assert ranking_auc(TRUE[::-1], table) == ranking_auc(TRUE, ranking(LISTS))


def test_auc_allows_that_every_user_has_seen_items():
    """Lists of different lengths cannot all have been cut at the same rank."""
    lists = {user: LISTS[user] for user in ("ann", "bob")}
    assert ranking_auc(TRUE, ranking(lists)) == ranking_auc(TRUE, ranking(LISTS))


def test_auc_raises_for_cut_lists():
    lists = {user: items[:2] for user, items in LISTS.items()}
    with pytest.raises(ValueError, match=r"All lists .* have 2 items, but the table has 3 items.*k=len\(rec.items_\)"):
        ranking_auc(TRUE, ranking(lists))


def test_auc_raises_if_a_relevant_item_is_in_other_lists_only():
    with pytest.raises(
        ValueError, match=r"Item 4 is relevant to user 'bob' and occurs in other lists .* seen in fit from X_true"
    ):
        ranking_auc([*TRUE, ["bob", 4]], ranking(LISTS))


def test_auc_raises_for_a_user_without_a_list():
    with pytest.raises(ValueError, match=r"Item 4 is relevant to user 'zoe' .* the list is cut or missing"):
        ranking_auc([*TRUE, ["zoe", 4]], ranking(LISTS))


def test_auc_raises_for_lists_with_missing_ranks():
    table = ranking(LISTS)
    with pytest.raises(ValueError, match=r"The list of user 'eve' has ranks up to 5, but only 4 rows"):
        ranking_auc(TRUE, table[(table["user"] != "eve") | (table["rank"] != 2)])


# Coverage and novelty. All four users have item 7, two have item 8, and one has item 9.

TRAIN = [["ann", 7], ["bob", 7], ["eve", 7], ["joe", 7], ["ann", 8], ["bob", 8], ["eve", 9], ["eve", 9]]
RECOMMENDED = {"ann": [9, 7], "bob": [9, 99], "new": [8]}


@pytest.mark.parametrize("k, share", [(1, 2 / 3), (2, 3 / 3)])
def test_coverage_by_hand(k, share):
    assert catalog_coverage_at_k(TRAIN, ranking(RECOMMENDED), k=k) == share


def test_coverage_ignores_items_outside_the_catalog():
    assert catalog_coverage_at_k(TRAIN, ranking({"ann": [99, 98]}), k=2) == 0


def test_coverage_of_popularity_is_that_of_one_list(planted):
    X, _, _ = planted
    table = PopularityRecommender().fit(X).recommend(k=5, exclude_seen=False)
    assert catalog_coverage_at_k(X, table) == 5 / X["item"].nunique()


def test_novelty_by_hand():
    values = novelty_at_k(TRAIN, ranking(RECOMMENDED), k=2, per_user=True)
    # -log2 of the shares 1/4 and 4/4 for ann, 1/4 and 1/4 (of an unknown item) for bob, and 2/4 for new.
    assert values.to_dict() == {"ann": (2 + 0) / 2, "bob": (2 + 2) / 2, "new": 1}
    assert (values.index.name, values.name) == ("user", "novelty@2")


def test_novelty_is_the_mean_over_users():
    assert novelty_at_k(TRAIN, ranking(RECOMMENDED), k=2) == (1 + 2 + 1) / 3
    assert novelty_at_k(TRAIN, ranking(RECOMMENDED), k=1) == (2 + 2 + 1) / 3


@settings(deadline=None, max_examples=60)
@given(
    lists=st.dictionaries(
        st.integers(0, 4), st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True), min_size=1
    ),
    train=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=25),
    data=st.data(),
)
def test_coverage_and_novelty_equal_loops(lists, train, data):
    k = data.draw(st.integers(1, max(map(len, lists.values()))))
    users, items = {u for u, _ in train}, {i for _, i in train}
    recommended = set()
    for ranked in lists.values():
        recommended |= set(ranked[:k]) & items
    assert catalog_coverage_at_k(train, ranking(lists), k=k) == len(recommended) / len(items)
    means = []
    for ranked in lists.values():
        bits = [-np.log2(max(1, len({u for u, i in train if i == item})) / len(users)) for item in ranked[:k]]
        means.append(sum(bits) / len(bits))
    assert novelty_at_k(train, ranking(lists), k=k) == pytest.approx(np.mean(means), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("metric", [catalog_coverage_at_k, novelty_at_k])
def test_lists_shorter_than_k_raise(metric):
    with pytest.raises(ValueError, match=r"The largest rank in the table .* is 2, which is not enough for k=5"):
        metric(TRAIN, ranking(RECOMMENDED))


@pytest.mark.parametrize("metric", [catalog_coverage_at_k, novelty_at_k, ranking_auc])
def test_integer_and_string_ids_raise(metric):
    with pytest.raises(ValueError, match=r"The item ids are strings .*, but those of X_\w+ are integers"):
        metric(TRAIN, ranking({"ann": ["7", "8", "9", "1", "2"]}))


@pytest.mark.parametrize("metric", [catalog_coverage_at_k, novelty_at_k, ranking_auc])
def test_polars_tables_are_accepted(metric):
    polars = pytest.importorskip("polars")
    table = ranking({"ann": [8, 9, 7, 1, 2]})
    assert metric(TRAIN[:1], polars.from_pandas(table)) == metric(TRAIN[:1], table)
