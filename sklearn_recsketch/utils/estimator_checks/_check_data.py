"""Data that the checks of recommenders fit, and comparisons of fitted recommenders and of their lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_recsketch._data.ids import show_id

__all__ = [
    "all_pairs",
    "assert_same_lists",
    "assert_same_model",
    "expect",
    "expect_close",
    "expect_error",
    "expect_ids",
    "fitted",
    "frame",
    "items_of",
    "make_check_data",
    "make_check_rows",
    "new_rows",
    "rows_of",
    "table_of",
]

N_USERS, N_ITEMS, N_GROUPS = 24, 18, 3
# Relative to the largest score. Sums of float32 values in another order differ by about 1e-6, and a few epochs of
# training amplify this.
TOLERANCE = 1e-3
ROUNDING = 1e-5  # of scores of one model, relative to the largest


def make_check_rows() -> np.ndarray:
    """Return pairs of 24 users and 18 items in random order, as an array of integers.

    The users of a group share most of their items. Ids have gaps, so that they differ from row numbers. Every pair
    occurs once, every item has several users, and every user has at least seven unseen items.
    """
    rng = np.random.RandomState(0)
    users, items = np.arange(N_USERS), np.arange(N_ITEMS)
    alike = users[:, None] % N_GROUPS == items % N_GROUPS
    taken = rng.random_sample((N_USERS, N_ITEMS)) < np.where(alike, 0.8, 0.2)
    taken[users, users % N_ITEMS] = True
    return rng.permutation(np.argwhere(taken)) * [7, 11] + [3, 105]


def make_check_data() -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of `make_check_rows`, and their strengths, which are counts from 1 to 9."""
    X = make_check_rows()
    return X, np.random.RandomState(1).randint(1, 10, size=len(X)).astype(np.float64)


def frame(X: np.ndarray) -> pd.DataFrame:
    """Convert rows to a pandas frame with the columns user and item."""
    return pd.DataFrame({"user": X[:, 0], "item": X[:, 1]})


def fitted(recommender: Any, X: Any, y: Any = None) -> Any:
    """Fit a clone of a recommender, with `random_state=0` if it has this parameter."""
    model = clone(recommender)
    if "random_state" in model.get_params(deep=False):
        model.set_params(random_state=0)
    return model.fit(X, y)


def items_of(X: np.ndarray, user: Any) -> np.ndarray:
    """Return the sorted items of a user in rows of users and items."""
    return np.unique(X[X[:, 0] == user, 1])


def new_rows(X: np.ndarray) -> np.ndarray:
    """Return two rows for each user, with the first items, by id, that the user has no interactions with."""
    items = np.unique(X[:, 1])
    rows = [(user, item) for user in np.unique(X[:, 0]) for item in np.setdiff1d(items, items_of(X, user))[:2]]
    return np.array(rows)


def all_pairs(model: Any) -> pd.DataFrame:
    """Return all pairs of known users and known items of a model."""
    users, items = np.asarray(model.users_), np.asarray(model.items_)
    return pd.DataFrame({"user": np.repeat(users, len(items)), "item": np.tile(items, len(users))})


def table_of(model: Any, *args: Any, **kwargs: Any) -> pd.DataFrame:
    """Call `recommend`, and return its table as a pandas frame."""
    table = model.recommend(*args, **kwargs)
    columns = list(table.columns)
    expect(
        columns == ["user", "rank", "item", "score"],
        f"recommend must return a table with the columns user, rank, item, score, got {columns}",
    )
    return pd.DataFrame({name: np.asarray(table[name]) for name in columns})


def rows_of(table: pd.DataFrame, user: Any) -> pd.DataFrame:
    """Return the list of a user in a table of recommendations."""
    return table[table["user"] == user]


def expect(condition: Any, message: str) -> None:
    """Raise an AssertionError with a message unless a condition holds."""
    if not condition:
        raise AssertionError(f"{message}.")


def expect_close(got: Any, expected: Any, rule: str) -> None:
    """Raise an AssertionError unless scores are as expected, up to the rounding of sums of float32 values."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    expect(got.shape == expected.shape, f"{rule}, but there are {len(got)} scores instead of {len(expected)}")
    # Written so that NaN is not close to anything.
    far = ~(np.abs(got - expected) <= ROUNDING * np.abs(expected).max(initial=0.0))
    if far.any():
        first = int(np.argmax(far))
        raise AssertionError(f"{rule}, but a score is {got[first]:g} instead of {expected[first]:g}.")


def expect_ids(got: Any, expected: Any, rule: str) -> None:
    """Raise an AssertionError unless `got` contains the expected distinct ids, sorted."""
    got, expected = list(np.asarray(got)), sorted(set(expected))
    if got != expected:
        missing, extra = (
            ", ".join([show_id(one) for one in some if one not in others][:3]) or "none"
            for some, others in ((expected, got), (got, expected))
        )
        same = missing == extra == "none"
        differ = "they are not sorted or not distinct" if same else f"missing: {missing}, unexpected: {extra}"
        raise AssertionError(f"{rule}, but {differ}.")


def expect_error(call: Any, case: str) -> None:
    """Check that a call raises a ValueError or a TypeError."""
    try:
        call()
    except (ValueError, TypeError):
        return
    raise AssertionError(f"{case} must raise a ValueError or a TypeError, but no error was raised.")


def assert_same_model(one: Any, other: Any, change: str, *, renamed: Any = None) -> None:
    """Check that two recommenders predict the same, and recommend the same up to near ties.

    Parameters
    ----------
    one, other : fitted recommenders
    change : str
        Difference of their fits, which is named in the error message.
    renamed : callable, default=None
        Function from an array of ids of `one` to the ids that `other` has instead. If None, the ids are the same.
    """
    pairs = all_pairs(one)
    theirs = pairs if renamed is None else pairs.apply(renamed)
    for side in ("user", "item"):
        expect_ids(getattr(other, f"{side}s_"), theirs[side].unique(), f"{change} must not change {side}s_")
    expected, got = one.predict(pairs), other.predict(theirs)
    scale = float(np.abs(expected).max())
    difference = np.abs(np.asarray(got, dtype=np.float64) - expected)
    worst = int(np.argmax(difference))
    expect(
        difference.max() <= TOLERANCE * scale,
        f"{change} must not change the model, but the prediction for user {show_id(pairs['user'][worst])} and item "
        f"{show_id(pairs['item'][worst])} changes from {expected[worst]:g} to {got[worst]:g}",
    )
    if renamed is None:
        assert_same_lists(one, table_of(one, k=5), table_of(other, k=5), change)


def assert_same_lists(model: Any, expected: pd.DataFrame, got: pd.DataFrame, change: str) -> None:
    """Check that two tables have the same lists, up to items whose scores by a model are nearly equal."""
    same = len(got) == len(expected) and all(
        bool((got[name].to_numpy() == expected[name].to_numpy()).all()) for name in ("user", "rank")
    )
    expect(same, f"{change} must not change the users or the lengths of the lists")
    if not len(got):
        return
    scores = np.asarray(model.predict(expected[["user", "item"]]), dtype=np.float64)
    others = model.predict(got[["user", "item"]])
    difference = np.abs(others - scores)
    worst = int(np.argmax(difference))
    user, rank = show_id(expected["user"].iloc[worst]), expected["rank"].iloc[worst]
    items = [show_id(table["item"].iloc[worst]) for table in (expected, got)]
    expect(
        difference.max() <= TOLERANCE * max(float(np.abs(scores).max()), float(np.ptp(scores))),
        f"{change} must not change the lists, but at rank {rank} of user {user}, item {items[0]} becomes item "
        f"{items[1]}, whose score differs by {difference[worst]:g}",
    )
