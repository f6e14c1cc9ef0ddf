"""Checks of the arguments of `recommend`: seen items, exclude, candidates, histories and the lengths of lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch.utils.estimator_checks._check_data import (
    expect,
    expect_close,
    fitted,
    frame,
    items_of,
    make_check_rows,
    new_rows,
    rows_of,
    table_of,
)

__all__ = ["CHECKS"]

ALL = 1000  # more items than there are


def check_seen_items(recommender: Any) -> None:
    """Items of fit are not recommended to the same user, unless exclude_seen=False."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    items = np.unique(X[:, 1])
    table, complete = table_of(model, k=ALL), table_of(model, k=ALL, exclude_seen=False)
    for user in np.unique(X[:, 0]).tolist():
        unseen = np.setdiff1d(items, items_of(X, user))
        _expect_items(table, user, unseen, "all items but those of the user in fit")
        _expect_items(complete, user, items, "all items with exclude_seen=False")


def check_exclude(recommender: Any) -> None:
    """Excluded items are not recommended, whether they are a list, a dict or a table."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    items, (user, other) = np.unique(X[:, 1]), np.unique(X[:, 0])[:2].tolist()
    gone = items[:6]
    both = [user, other]
    options: dict[str, Any] = {"k": ALL, "exclude_seen": False}
    table = table_of(model, both, exclude=gone.tolist(), **options)
    for one in both:
        _expect_items(table, one, items[6:], "all items without those in the list exclude")
    for name, exclude in (("dict", {user: gone.tolist()}), ("table", frame(_pairs(user, gone)))):
        table = table_of(model, both, exclude=exclude, **options)
        _expect_items(table, user, items[6:], f"all items without those of the user in the {name} exclude")
        _expect_items(table, other, items, f"all items, because the {name} exclude has no items of this user")


def check_candidates(recommender: Any) -> None:
    """Only candidates are recommended, whether they are a list, a dict or a table."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    items, (user, other) = np.unique(X[:, 1]), np.unique(X[:, 0])[:2].tolist()
    few, others = items[::4], items[1:3]
    options: dict[str, Any] = {"k": ALL, "exclude_seen": False}
    table = table_of(model, [user, other], candidates=few.tolist(), **options)
    for one in (user, other):
        _expect_items(table, one, few, "the list candidates")
    pairs = np.concatenate([_pairs(user, few), _pairs(other, others)])
    for name, candidates in (("dict", {user: few.tolist(), other: others.tolist()}), ("table", frame(pairs))):
        table = table_of(model, [user, other], candidates=candidates, **options)
        _expect_items(table, user, few, f"the items of the user in the {name} candidates")
        _expect_items(table, other, others, f"the items of the user in the {name} candidates")


def check_short_lists(recommender: Any) -> None:
    """A user with fewer than k items left gets a shorter list, and the other users of the batch get k items."""
    X = make_check_rows()
    items, user, other = np.unique(X[:, 1]), int(X[:, 0].max()) + 1, int(X[0, 0])
    X = np.concatenate([X, _pairs(user, items[:-2])])
    model = fitted(recommender, frame(X))
    table = table_of(model, [other, user], k=5)
    _expect_items(table, user, items[-2:], "the only two items left")
    expect(len(rows_of(table, other)) == 5, f"User {other} must get k=5 items beside a user with a short list")


def check_empty_lists(recommender: Any) -> None:
    """A query in which no item is left returns an empty table with its four columns."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    user = int(X[0, 0])
    seen = items_of(X, user).tolist()
    for name, candidates in (("list", seen), ("dict", {user: seen}), ("table", frame(_pairs(user, np.array(seen))))):
        table = table_of(model, [user], candidates=candidates)
        expect(not len(table), f"The user has seen all items in the {name} candidates, but the list is not empty")


def check_history(recommender: Any) -> None:
    """Users with a history get finite scores, and not the items of the history."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    items, known, new = np.unique(X[:, 1]), int(X[0, 0]), int(X[:, 0].max()) + 1
    seen = items_of(X, known)
    unseen = np.setdiff1d(items, seen)
    for user, past, expected, case in (
        (known, seen, unseen, "all items but those of the user's own history"),
        (known, unseen[:3], unseen[3:], "all items but those of fit and of the history"),
        (new, seen, unseen, "all items but those of the history"),
    ):
        history = frame(_pairs(user, past)).assign(weight=np.arange(1.0, len(past) + 1))
        table = table_of(model, history=history, k=ALL)
        _expect_items(table, user, expected, case)
        expect(np.isfinite(table["score"]).all(), f"The scores of user {user} with a history must be finite")


def check_effect_of_history(recommender: Any) -> None:
    """Two new users with different histories get different scores."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    items, new = np.unique(X[:, 1]), int(X[:, 0].max()) + 1
    tables = [
        table_of(model, history=frame(_pairs(new, past)), k=ALL, exclude_seen=False, candidates=items.tolist())
        for past in (items[:4], items[-4:])
    ]
    first, second = (table.sort_values("item")["score"].to_numpy() for table in tables)
    same = len(first) == len(second) and np.allclose(first, second)
    expect(not same, "The scores of a new user must depend on the history that is passed, but two histories have equal")


def check_partly_known_history(recommender: Any) -> None:
    """A history may consist of unknown items, and leaves the lists of other users as they are."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    user, other = np.unique(X[:, 0])[:2].tolist()
    strange = frame(_pairs(user, X[:, 1].max() + np.arange(1, 4)))
    table = table_of(model, [user, other], k=5, history=strange)
    expect(np.isfinite(table["score"]).all(), "The scores of a user with a history of unknown items must be finite")
    plain = table_of(model, [other], k=5)
    rule = "A history of one user must not change the list of another user"
    expect_close(rows_of(table, other)["score"], plain["score"], rule)
    with_history = table_of(model, history=frame(new_rows(X)[:2]), k=1)
    expect(
        with_history["user"].tolist() == [new_rows(X)[0, 0]],
        "recommend(history=...) without users must return lists for the users in the history",
    )


def _pairs(user: int, items: np.ndarray) -> np.ndarray:
    return np.column_stack([np.full(len(items), user), items])


def _expect_items(table: pd.DataFrame, user: int, items: np.ndarray, what: str) -> None:
    got = np.sort(rows_of(table, user)["item"].to_numpy())
    same = len(got) == len(items) and bool((got == items).all())
    expect(same, f"User {user} must get {what}: {items.tolist()}, got {got.tolist()}")


CHECKS = (
    check_seen_items,
    check_exclude,
    check_candidates,
    check_short_lists,
    check_empty_lists,
    check_history,
    check_effect_of_history,
    check_partly_known_history,
)
