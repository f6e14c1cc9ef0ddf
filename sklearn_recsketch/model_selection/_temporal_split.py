"""Splitter that trains on earlier interactions and tests on later interactions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._data.interactions import Interactions, check_interactions
from sklearn_recsketch._data.matrix import pair_keys
from sklearn_recsketch.model_selection._split import _PairSplit, with_positive_rows
from sklearn_recsketch.model_selection._times import check_times
from sklearn_recsketch.utils._compat import Interval

__all__ = ["TemporalUserSplit"]


class TemporalUserSplit(_PairSplit):
    """Train on earlier interactions and test on later interactions. Pass the times of the rows as `groups`.

    Each split has a cutoff time. If `n_items` is None, the cutoff is the same for all users.
    Otherwise, each user has their own cutoff, right before their last `n_items` user-item pairs.
    The time of a user-item pair is the time of its earliest row with positive strength.

    Rows before the cutoff are training rows. If the time of a pair is at or after the cutoff, all
    rows of the pair are test rows. If the time of a pair is before the cutoff, its rows at or after
    the cutoff are in neither set. If these rows were used for training, they would leak
    information about the future. If they were used for testing, they would have no effect, because
    scorers ignore pairs that were seen in `fit`. Rows with strength 0 are always training rows.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits, in chronological order. As in
        :class:`~sklearn.model_selection.TimeSeriesSplit`, the test set of each split covers the
        period from its cutoff to the next cutoff. The training set covers the period before the
        cutoff.
    n_items : int, default=None
        Number of pairs to hold out per user in each split. The last pairs of each user are held
        out. Pairs with equal times are ordered by row index. If a user has at most `n_items`
        pairs, all rows of the user are training rows. If None, all users have the same cutoff time.
    test_size : float, default=0.2
        Number of test pairs in each split as a fraction of all pairs, between 0 and 1.
        ``n_splits * test_size`` must be less than 1, so that the first split has training pairs.
        This parameter is only used if `n_items` is None.

    See Also
    --------
    UserHoldoutSplit : Hold out random items of each test user. This splitter does not require times.

    Notes
    -----
    If `n_items` is set, a user's test pairs may be earlier than the training interactions of other
    users. Information about future item popularity then leaks into the model. If all users have the
    same cutoff, no information leaks, and the score is a realistic estimate of the performance on
    future interactions. However, some test users and test items may be unknown
    to the model. Recommenders represent an unknown user by the mean user embedding, and scorers
    count an unknown item as a miss. Call `describe` to get the number of unknown users and the number of
    unknown items.

    If all users have the same cutoff, rows with equal times are never separated by the cutoff. The
    cutoff is the time of one of the pairs. It is chosen such that the proportion of test pairs is as
    close to `test_size` as possible.

    If `n_items` is set, each split ignores the test pairs of later splits. Split j, counted from 1,
    ignores the last ``(n_splits - j) * n_items`` pairs of each user. If a user has no other pairs,
    the split ignores this user.

    Examples
    --------
    >>> from sklearn_recsketch.model_selection import TemporalUserSplit
    >>> X = [["ann", 1], ["ann", 2], ["bob", 1], ["ann", 3], ["bob", 2], ["ann", 1]]  # the last row repeats the first
    >>> t = [2020, 2021, 2022, 2023, 2024, 2025]
    >>> for train, test in TemporalUserSplit(2).split(X, groups=t):
    ...     print(train, test)
    [0 1 2] [3]
    [0 1 2 3] [4]
    >>> for train, test in TemporalUserSplit(n_items=1).split(X, groups=t):
    ...     print(train, test)
    [0 1 2] [3 4]
    """

    _parameter_constraints = {
        "n_splits": [Interval(Integral, 1, None, closed="left")],
        "n_items": [Interval(Integral, 1, None, closed="left"), None],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
    }

    # Halving searches read this attribute to check that every call returns the same splits.
    shuffle = False

    def __init__(self, n_splits: int = 1, *, n_items: int | None = None, test_size: float = 0.2) -> None:
        self.n_splits = n_splits
        self.n_items = n_items
        self.test_size = test_size

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate indices to split the interactions into a training and a test set.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions. Rows with strength 0 are always training rows.
        groups : array-like of shape (n_rows,)
            Times of the rows, as numbers or as datetimes. Datetimes without a time zone are
            interpreted as UTC.

        Yields
        ------
        train, test : ndarray of int
            Sorted row indices. No row and no user-item pair is in both sets.
        """
        return super().split(X, y, groups)

    def describe(self, X: Any, y: Any = None, groups: Any = None) -> pd.Series:
        """Count the test users, test interactions and dropped rows in the last split.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions.
        groups : array-like of shape (n_rows,)
            Times of the rows.

        Returns
        -------
        Series
            Series with the following entries. ``users`` is the number of users. ``test_users`` is
            the number of users in the test set. ``test_interactions`` is the number of distinct
            user-item pairs in the test set. ``dropped_rows`` is the number of rows that are neither
            training rows nor test rows. ``unknown_users`` is the number of test users who are not
            in the training set. ``unknown_items`` is the number of test items that are not in the
            training set. ``cut`` is the time of the first test pair. It is only included if
            `n_items` is None.
        """
        self._check_parameters()
        interactions = with_positive_rows(check_interactions(X, y, weighted=False))
        train, test = list(self._train_test_masks(interactions, groups))[-1]
        users, items, positive = interactions.users.codes, interactions.items.codes, interactions.y > 0
        described = {
            "users": len(np.unique(users[positive])),
            "test_users": len(np.unique(users[test])),
            "test_interactions": len(np.unique(pair_keys(interactions)[test])),
            "dropped_rows": int((~train & ~test).sum()),
            "unknown_users": len(np.setdiff1d(users[test], users[train & positive])),
            "unknown_items": len(np.setdiff1d(items[test], items[train & positive])),
        }
        if self.n_items is None:
            rows = np.flatnonzero(test)
            earliest = int(rows[np.argmin(check_times(groups, len(test))[rows])])
            described["cut"] = groups.iloc[earliest] if hasattr(groups, "iloc") else groups[earliest]
        return pd.Series(described, dtype=object)  # keep the counts as ints and the cutoff as a time

    def _train_test_masks(self, interactions: Interactions, groups: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        timeline = _timeline(interactions, check_times(groups, len(interactions.y)))
        if self.n_items is None:
            windows = self._common_windows(timeline)
        else:
            windows = self._windows_per_user(timeline, interactions.users, self.n_items)
        for begin, end in windows:
            train = (timeline.place < begin) | (timeline.date_of_row < 0)
            yield train, (timeline.date_of_row >= begin) & (timeline.date_of_row < end)

    def _common_windows(self, timeline: _Timeline) -> Iterable[tuple[Any, Any]]:
        """Return the start and end positions of each test window. The windows are the same for all users."""
        if self.n_splits * self.test_size >= 1:
            raise ValueError(
                f"n_splits * test_size must be less than 1, so that the first split has training rows, got "
                f"{self.n_splits} * {self.test_size}. Lower one of them."
            )
        dates = np.sort(timeline.date)
        starts = np.searchsorted(timeline.times, timeline.times[dates])
        starts, n_before = np.unique(starts, return_index=True)
        # A cutoff at the first date would leave the training set empty.
        candidates, n_before = starts[1:], n_before[1:]
        n_wanted = len(dates) * (1 - self.test_size * np.arange(self.n_splits, 0, -1))
        chosen = {int(np.abs(n_before - n).argmin()) for n in n_wanted if len(candidates)}
        if len(chosen) < self.n_splits:
            raise ValueError(
                f"TemporalUserSplit(n_splits={self.n_splits}, test_size={self.test_size}) would leave a "
                f"training or a test set empty: the {len(dates)} distinct pairs of positive strength have "
                f"{len(starts)} different dates, which allow {len(chosen)} of the {self.n_splits} cutoffs. "
                f"Lower n_splits, raise test_size, or pass times of a finer resolution."
            )
        cutoffs = [*candidates[sorted(chosen)], len(timeline.place)]
        return pairwise(cutoffs)

    def _windows_per_user(
        self, timeline: _Timeline, users: IdColumn, n_items: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the start and end positions of each test window as arrays with one value per row."""
        n_rows = len(timeline.place)
        counts = np.bincount(timeline.user, minlength=len(users.ids))
        n_tested = self.n_splits * n_items
        if counts.max() <= n_tested:
            raise ValueError(
                f"None of the {np.count_nonzero(counts)} users has the {n_tested + 1} distinct items that "
                f"TemporalUserSplit(n_splits={self.n_splits}, n_items={n_items}) needs to test {n_tested} and to train "
                f"on one; the maximum is {counts.max()}. Lower n_items or n_splits."
            )
        dates = np.append(timeline.date[np.lexsort((timeline.date, timeline.user))], n_rows)
        offsets = np.cumsum(counts) - counts
        for n_later in range(n_tested - n_items, -1, -n_items):
            if n_later:
                end = dates[offsets + np.maximum(counts - n_later, 0)]
            else:
                end = np.full(len(counts), n_rows)
            n_training = counts - n_later - n_items
            begin = np.where(n_training > 0, dates[offsets + np.maximum(n_training, 0)], end)
            yield begin[users.codes], end[users.codes]


@dataclass(frozen=True)
class _Timeline:
    """Chronological order of the rows and of the distinct user-item pairs with positive strength.

    Attributes
    ----------
    times : ndarray of shape (n_rows,)
        Sorted times.
    place : ndarray of shape (n_rows,)
        Chronological position of each row. Rows with equal times keep their order.
    user : ndarray of shape (n_pairs,)
        User code of each pair.
    date : ndarray of shape (n_pairs,)
        Chronological position of the first row of each pair.
    date_of_row : ndarray of shape (n_rows,)
        Value of `date` for the pair of each row. The value is -1 for rows with strength 0.
    """

    times: np.ndarray
    place: np.ndarray
    user: np.ndarray
    date: np.ndarray
    date_of_row: np.ndarray


def _timeline(interactions: Interactions, times: np.ndarray) -> _Timeline:
    order = np.argsort(times, kind="stable")
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    positive = interactions.y > 0
    keys, pair_of_row = np.unique(pair_keys(interactions)[positive], return_inverse=True)
    date = np.full(len(keys), len(order))
    np.minimum.at(date, pair_of_row, place[positive])
    date_of_row = np.full(len(order), -1)
    date_of_row[positive] = date[pair_of_row]
    return _Timeline(times[order], place, keys // len(interactions.items.ids), date, date_of_row)
