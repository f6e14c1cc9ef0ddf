"""Splitters that hold out some items of each test user. All rows with the same user and item are in the same set."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from sklearn_recsketch._data.interactions import Interactions, check_interactions, check_rows
from sklearn_recsketch._data.user_order import ShuffledPairs, shuffle_pairs_per_user
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._compat import Interval, validate_parameter_constraints

__all__ = ["UserHoldoutSplit", "UserKFold"]


class _PairSplit(BaseCrossValidator):
    """Base class of splitters. Subclasses implement `_test_rows`, which yields a mask of the test rows for each split.

    All other rows are training rows. If some rows are neither test rows nor training rows, the subclass
    must override `_train_test_masks` instead.
    """

    _parameter_constraints: dict[str, Any]

    # skopt.BayesSearchCV passes groups to every splitter, so every splitter must accept them.
    __metadata_request__split = {"groups": True}

    n_splits: int

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate indices to split the interactions into a training and a test set.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions. Rows with strength 0 are never test rows.
        groups : object
            Ignored, exists for API compatibility.

        Yields
        ------
        train, test : ndarray of int
            Sorted row indices. Each row is in exactly one of the two sets. Rows with the same user and
            item are always in the same set.
        """
        self._check_parameters()
        interactions = with_positive_rows(check_rows(X, y))
        for train, test in self._train_test_masks(interactions, groups):
            yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    def _check_parameters(self) -> None:
        names = self._parameter_constraints
        values = {name: getattr(self, name) for name in names}
        validate_parameter_constraints(names, values, caller_name=type(self).__name__)

    def _train_test_masks(self, interactions: Interactions, groups: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for test in self._test_rows(interactions):
            yield ~test, test

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        raise NotImplementedError


def with_positive_rows(interactions: Interactions) -> Interactions:
    """Return the interactions unchanged. Raise a ValueError if none of them has a positive strength."""
    if not (interactions.y > 0).any():
        raise ValueError(
            f"y is 0 in all {len(interactions.y)} rows, but only rows of positive strength can be held out. "
            f"Leave y out if each row is an interaction."
        )
    return interactions


class UserHoldoutSplit(_PairSplit):
    """Hold out `n_items` random items of each user in a random sample of users.

    Users are eligible if they have at least `min_interactions` distinct items. Test users are
    sampled from the eligible users. The number of test users is ``floor(user_fraction * n_users)``,
    or the number of eligible users if it is smaller. All rows that are not held out are
    training rows. Splits are sampled independently of each other, so their test sets may overlap.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    n_items : int, default=5
        Number of items held out per test user. It is not called `test_size`, because the size of the test set also
        depends on `user_fraction`.
    user_fraction : float, default=0.2
        Number of test users as a fraction of all users.
    min_interactions : int, default=None
        Minimum number of distinct items that a test user must have. If None, ``2 * n_items`` is
        used. The value must be greater than `n_items`, so that every test user has at least one
        training item.
    random_state : int, RandomState instance or None, default=None
        Controls the random sampling. Pass an int to get the same splits on every call.
        HalvingGridSearchCV requires an int.

    See Also
    --------
    UserKFold : Hold out each item of each user exactly once.

    Notes
    -----
    Only users with at least `min_interactions` items are evaluated. A model may perform differently
    for users with fewer items. Call `describe` to get the number of eligible users.

    Examples
    --------
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.model_selection import UserHoldoutSplit
    >>> X, y = make_interactions(n_users=100, n_items=60, random_state=0)
    >>> train, test = next(UserHoldoutSplit(random_state=0).split(X))
    >>> len(test)
    100
    """

    _parameter_constraints = {
        "n_splits": [Interval(Integral, 1, None, closed="left")],
        "n_items": [Interval(Integral, 1, None, closed="left")],
        "user_fraction": [Interval(Real, 0, 1, closed="right")],
        "min_interactions": [Interval(Integral, 2, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_splits: int = 1,
        *,
        n_items: int = 5,
        user_fraction: float = 0.2,
        min_interactions: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_splits = n_splits
        self.n_items = n_items
        self.user_fraction = user_fraction
        self.min_interactions = min_interactions
        self.random_state = random_state

    def describe(self, X: Any, y: Any = None) -> pd.Series:
        """Count the eligible users, the test users and the test interactions.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions.

        Returns
        -------
        Series
            Series with the following entries. ``users`` is the number of users.
            ``min_interactions`` is the minimum number of distinct items of a test user.
            ``eligible_users`` is the number of users with at least ``min_interactions`` distinct
            items. ``test_users`` is the number of users in each test set. ``test_interactions`` is
            the number of distinct user-item pairs in each test set.
        """
        self._check_parameters()
        interactions = with_positive_rows(check_interactions(X, y, weighted=False))
        eligible, n_users, n_test = self._eligible(shuffle_pairs_per_user(interactions, check_random_state(0)))
        return pd.Series(
            {
                "users": n_users,
                "min_interactions": self._min_interactions(),
                "eligible_users": len(eligible),
                "test_users": n_test,
                "test_interactions": n_test * self.n_items,
            }
        )

    def _min_interactions(self) -> int:
        minimum = 2 * self.n_items if self.min_interactions is None else self.min_interactions
        if minimum <= self.n_items:
            raise ValueError(
                f"min_interactions must be greater than n_items={self.n_items}, so that every test user has at least "
                f"one training item, got {minimum}."
            )
        return minimum

    def _eligible(self, pairs: ShuffledPairs) -> tuple[np.ndarray, int, int]:
        users = np.unique(pairs.user)
        eligible = np.unique(pairs.user[pairs.n_pairs >= self._min_interactions()])
        if not len(eligible):
            most = int(pairs.n_pairs.max(initial=0))
            raise ValueError(
                f"None of the {len(users)} users has the {self._min_interactions()} distinct items needed to hold out "
                f"{self.n_items}; the maximum is {most}. Lower n_items or min_interactions."
            )
        n_wanted = max(1, int(self.user_fraction * len(users) + 1e-9))  # 0.29 * 100 is 28.999...
        return eligible, len(users), min(n_wanted, len(eligible))

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        random_state = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            pairs = shuffle_pairs_per_user(interactions, random_state)
            eligible, _, n_test = self._eligible(pairs)
            chosen = random_state.choice(eligible, size=n_test, replace=False)
            is_test = np.zeros(len(interactions.users.ids), dtype=bool)
            is_test[chosen] = True
            yield pairs.rows(is_test[pairs.user] & (pairs.rank < self.n_items))


class UserKFold(_PairSplit):
    """K-fold splitter that distributes the items of each user across the folds.

    For each user, the number of items differs by at most one between any two folds. If a user has
    at least two items, each of these items is in exactly one test set, and the user has training
    items in every split. If a user has only one item, all rows of the user are training rows. A
    ValueError is raised if a test set would be empty.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds. Must be at least 2.
    random_state : int, RandomState instance or None, default=None
        Controls the random assignment of items to folds. Pass an int to get the same folds on every
        call.

    See Also
    --------
    UserHoldoutSplit : Hold out a fixed number of items for each user in a random sample.

    Examples
    --------
    >>> from sklearn_recsketch.model_selection import UserKFold
    >>> X = [["ann", 1], ["ann", 2], ["ann", 3], ["ann", 4], ["bob", 1]]
    >>> [test.tolist() for _, test in UserKFold(2, random_state=0).split(X)]
    [[0, 1], [2, 3]]
    """

    _parameter_constraints = {
        "n_splits": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_splits: int = 5, *, random_state: RandomState = None) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        pairs = shuffle_pairs_per_user(interactions, check_random_state(self.random_state))
        if not (pairs.n_pairs >= 2).any():
            raise ValueError(
                f"No user has two distinct items in the {len(pairs.pair_of_row)} rows, so no user can have both test "
                f"and training items. Use a splitter over rows, such as sklearn's KFold(shuffle=True)."
            )
        # Each user starts at a random fold, so that folds have about the same size even if users have few items.
        fold = (pairs.rank + np.floor(pairs.user_draw * self.n_splits).astype(int)) % self.n_splits
        tested = pairs.n_pairs >= 2
        n_empty = self.n_splits - len(np.unique(fold[tested]))
        if n_empty:
            raise ValueError(
                f"UserKFold(n_splits={self.n_splits}) would leave {n_empty} of its test sets empty: "
                f"{len(np.unique(pairs.user[tested]))} users have at least two distinct items, at most "
                f"{pairs.n_pairs.max()} each and {np.count_nonzero(tested)} in total. Lower n_splits to "
                f"{pairs.n_pairs.max()} or less, or use UserHoldoutSplit(n_items=1)."
            )
        for k in range(self.n_splits):
            yield pairs.rows((fold == k) & tested)
