"""Splits that hold out items of users, never a user's last ones and never half of a repeated pair."""

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
from sklearn_recsketch.utils._compat import Interval, validate_parameter_constraints

__all__ = ["UserHoldoutSplit", "UserKFold"]


class _PairSplit(BaseCrossValidator):
    """Base of splitters: `_test_rows` yields a mask of test rows per split.

    All other rows train; where some are on neither side, `_sides` yields both masks instead.
    """

    _parameter_constraints: dict[str, Any]

    # Plain skopt passes groups to every splitter; they are accepted and, where unused, ignored.
    __metadata_request__split = {"groups": True}

    n_splits: int

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and the test rows of each split.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids.
        y : array-like of shape (n_rows,), default=None
            Strengths; rows of strength 0 stay in training.
        groups : ignored

        Yields
        ------
        train, test : ndarray of int
            Row numbers, sorted; together all rows, with no row and no pair in both.
        """
        self._check_parameters()
        interactions = with_positive_rows(check_rows(X, y))
        for train, test in self._sides(interactions, groups):
            yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits."""
        return self.n_splits

    def _check_parameters(self) -> None:
        names = self._parameter_constraints
        values = {name: getattr(self, name) for name in names}
        validate_parameter_constraints(names, values, caller_name=type(self).__name__)

    def _sides(self, interactions: Interactions, groups: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for test in self._test_rows(interactions):
            yield ~test, test

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        raise NotImplementedError


def with_positive_rows(interactions: Interactions) -> Interactions:
    """The interactions, if there is something to hold out."""
    if not (interactions.y > 0).any():
        raise ValueError(
            f"y is 0 in all {len(interactions.y)} rows, and only rows of positive strength can be held out. "
            f"Leave y out if each row is an interaction."
        )
    return interactions


class UserHoldoutSplit(_PairSplit):
    """Move `n_items` random items of some users to the test set.

    Eligible are users with at least `min_interactions` distinct items; ``floor(user_fraction *
    n_users)`` of them are drawn, all of them where there are fewer. All other rows train. Several
    splits are independent draws.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    n_items : int, default=5
        Items of a user to hold out.
    user_fraction : float, default=0.2
        Test users as a share of all users.
    min_interactions : int, default=None
        Least number of distinct items of a test user; None is ``2 * n_items``. It must exceed
        `n_items`, so that every test user keeps an item to learn from.
    random_state : int, RandomState instance or None, default=None
        An int gives the same splits at every call; HalvingGridSearchCV demands one.

    See Also
    --------
    UserKFold : Every item of every user is tested once.

    Notes
    -----
    Holding out only from users with many items measures the model on them: see `describe`.

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
        random_state: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.n_items = n_items
        self.user_fraction = user_fraction
        self.min_interactions = min_interactions
        self.random_state = random_state

    def describe(self, X: Any, y: Any = None) -> pd.Series:
        """Who is eligible.

        Parameters
        ----------
        X, y
            As in `split`.

        Returns
        -------
        Series
            ``users``; ``eligible_users`` with at least ``min_interactions`` distinct items;
            ``test_users`` and ``test_interactions`` of each split.
        """
        self._check_parameters()
        interactions = with_positive_rows(check_interactions(X, y, weighted=False))
        eligible, n_users, n_test = self._eligible(shuffle_pairs_per_user(interactions, check_random_state(0)))
        return pd.Series(
            {
                "users": n_users,
                "min_interactions": self._least(),
                "eligible_users": len(eligible),
                "test_users": n_test,
                "test_interactions": n_test * self.n_items,
            }
        )

    def _least(self) -> int:
        least = 2 * self.n_items if self.min_interactions is None else self.min_interactions
        if least <= self.n_items:
            raise ValueError(
                f"min_interactions must exceed n_items={self.n_items}, so that test users keep an item to learn "
                f"from, got {least}."
            )
        return least

    def _eligible(self, pairs: ShuffledPairs) -> tuple[np.ndarray, int, int]:
        users = np.unique(pairs.user)
        eligible = np.unique(pairs.user[pairs.n_pairs >= self._least()])
        if not len(eligible):
            most = int(pairs.n_pairs.max(initial=0))
            raise ValueError(
                f"None of the {len(users)} users has the {self._least()} distinct items needed to hold out "
                f"{self.n_items}; the most any has is {most}. Lower n_items or min_interactions."
            )
        wanted = max(1, int(self.user_fraction * len(users) + 1e-9))  # .29 * 100 is 28.999...
        return eligible, len(users), min(wanted, len(eligible))

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
    """Deal each user's items into `n_splits` folds of equal size.

    Every distinct pair of a user with at least two items is tested in exactly one split, and in
    each split every user keeps items to learn from. The rows of users with one item always train.
    A fold without any pair is an error.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    random_state : int, RandomState instance or None, default=None
        An int gives the same folds at every call.

    See Also
    --------
    UserHoldoutSplit : A fixed number of items of some users.

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

    def __init__(self, n_splits: int = 5, *, random_state: Any = None) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        pairs = shuffle_pairs_per_user(interactions, check_random_state(self.random_state))
        if not (pairs.n_pairs >= 2).any():
            raise ValueError(
                f"No user has two distinct items among the {len(pairs.pair_of_row)} rows, so none can be tested "
                f"and still be learnt from. Use a splitter over rows, such as sklearn's KFold(shuffle=True)."
            )
        # A random first fold per user keeps the folds equal where users have few items.
        fold = (pairs.rank + np.floor(pairs.user_draw * self.n_splits).astype(int)) % self.n_splits
        tested = pairs.n_pairs >= 2
        n_empty = self.n_splits - len(np.unique(fold[tested]))
        if n_empty:
            raise ValueError(
                f"UserKFold(n_splits={self.n_splits}) would leave {n_empty} of its test sets empty: "
                f"{len(np.unique(pairs.user[tested]))} users have at least two distinct items, at most "
                f"{pairs.n_pairs.max()} each and {np.count_nonzero(tested)} in all. Lower n_splits to "
                f"{pairs.n_pairs.max()} or less, or use UserHoldoutSplit(n_items=1)."
            )
        for k in range(self.n_splits):
            yield pairs.rows((fold == k) & tested)
