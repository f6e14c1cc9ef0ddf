"""Forms of the parameters history and item_history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.inspection import explain


@pytest.fixture(scope="module")
def rec(planted):
    return WRMFRecommender(4, max_iter=3, random_state=0).fit(*planted[:2])


@pytest.fixture
def items(rec):
    return rec.items_[[4, 1, 9]].tolist()


FORMS = {
    "list": list,
    "iterator": iter,
    "generator": lambda items: (item for item in items),
    "dict keys": lambda items: dict.fromkeys(items).keys(),
    "tuple": tuple,
    "array": np.array,
    "objects": lambda items: np.array(items, dtype=object),
    "Series": pd.Series,
    "set": set,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_list_is_the_history_of_the_only_user(rec, items, form):
    expected = rec.recommend(history=[[7777, item] for item in items])
    pd.testing.assert_frame_equal(rec.recommend(7777, history=form(items)), expected)


def test_a_list_without_a_user_belongs_to_an_anonymous_user(rec, items):
    table = rec.recommend(history=items, k=5)
    assert set(table["user"]) == {-1}
    expected = rec.recommend(history=[[7777, item] for item in items], k=5)
    pd.testing.assert_frame_equal(table.drop(columns="user"), expected.drop(columns="user"))


def test_the_anonymous_user_is_a_string_among_strings():
    rec = WRMFRecommender(2, max_iter=2, random_state=0).fit([["u", "a"], ["u", "b"], ["v", "b"], ["v", "c"]])
    assert set(rec.recommend(history=["a"])["user"]) == {"anonymous"}


def test_a_dict_holds_the_items_of_each_user(rec, items):
    history = {7: items, 8888: items[:1]}
    expected = rec.recommend(history=[[user, item] for user, of_user in history.items() for item in of_user])
    pd.testing.assert_frame_equal(rec.recommend(history=history), expected)


def test_a_dict_holds_the_users_of_each_item(rec):
    users = rec.users_[:3].tolist()
    expected = rec.recommend(users, item_history=[[user, 9999] for user in users])
    pd.testing.assert_frame_equal(rec.recommend(users, item_history={9999: users}), expected)


EMPTY = [{}, {7: []}, [], (), iter([]), np.array([]), pd.DataFrame({"user": [], "item": []})]


@pytest.mark.parametrize("empty", EMPTY, ids=lambda empty: type(empty).__name__)
def test_an_empty_history_of_a_user_changes_nothing(rec, empty):
    pd.testing.assert_frame_equal(rec.recommend(7, history=empty), rec.recommend(7))


@pytest.mark.parametrize("empty", [{}, pd.DataFrame({"user": [], "item": []})], ids=["dict", "frame"])
def test_histories_of_nobody_give_an_empty_table(rec, empty):
    """They do not give everybody's recommendations."""
    table = rec.recommend(history=empty)
    assert table.shape == (0, 4)
    assert table.columns.tolist() == ["user", "rank", "item", "score"]


@pytest.mark.parametrize("empty", [[], (), np.array([], dtype=int)], ids=repr)
def test_an_empty_list_is_the_history_of_an_anonymous_user(rec, empty):
    table = rec.recommend(history=empty, k=3)
    assert table["user"].tolist() == [-1, -1, -1]


def test_the_caller_s_dict_is_not_changed(rec, items):
    history = {7: list(items)}
    rec.recommend(history=history)
    assert history == {7: items}


def test_explain_reads_a_list(rec, items):
    target = rec.items_[20]
    expected = explain(rec, 7777, target, history=[[7777, item] for item in items])
    pd.testing.assert_frame_equal(explain(rec, 7777, target, history=items), expected)


def test_a_list_for_several_users_raises(rec, items):
    with pytest.raises(ValueError, match="history is a list of items, which must belong to a single user, but 2 users"):
        rec.recommend([1, 2], history=items)


def test_a_single_id_as_item_history_raises(rec):
    with pytest.raises(
        ValueError, match=r"item_history must be a table of interactions, a dict of item to user ids or None"
    ):
        rec.recommend(7, item_history="a")


def test_a_list_without_a_user_raises_if_the_anonymous_id_is_known():
    rec = WRMFRecommender(2, max_iter=2).fit([[-1, 1], [-1, 2], [5, 2]])
    with pytest.raises(ValueError, match="the id -1 of anonymous users belongs to a known user"):
        rec.recommend(history=[1])


@pytest.mark.parametrize(
    "history, message",
    [
        ({7: 3}, r"history\[7\] must be a list of item ids, got 3 of type int. For a single id, write \[3\]"),
        ({7: [1, None]}, r"history\[7\]"),
        ({7: [[1]]}, r"history\[7\]"),
        ([1, None], "The item id in row 1 is missing"),
        ([1.5], "The item id"),
        ("a", r"history must be a table of interactions, .* got 'a'\. For a single id, write history=\['a'\]\."),
        (3.0, r"history must be a table of interactions, .* got 3\.0\."),
        (np.array(3), r"history must be a table of interactions, .* got array\(3\)\."),
        (3, r"history must be a table of interactions, .* got 3\. For a single id, write history=\[3\]\."),
        (b"a", r"history must be a table of interactions, .* Decode it first"),
    ],
    ids=repr,
)
def test_invalid_histories_name_the_place(rec, history, message):
    with pytest.raises((TypeError, ValueError), match=message):
        rec.recommend(7, history=history)
