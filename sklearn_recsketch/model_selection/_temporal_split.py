"""Splits by time: train on the past, test on what came after."""

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
    """Train on the past and test on what came after; `groups` are the times of the rows.

    A pair of user and item is dated by its earliest row of positive strength. Either one cut in time
    holds for all users (`n_items` is None), or each user has a cut before her last `n_items` pairs.
    Rows before the cut train; the test set is all rows of the pairs dated from the cut on. A later
    row of a pair dated before the cut is in neither set: in training it would come from the future,
    and scorers do not count pairs that were seen in fit. Rows of strength 0 stay in training.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits, in order of time. Each tests the window between its cut and the next and
        trains on everything before it, as in :class:`~sklearn.model_selection.TimeSeriesSplit`.
    n_items : int, default=None
        Pairs of a user to test: her last ones, those of one instant taken in the order of their rows.
        Users with at most `n_items` pairs only train. None cuts once for all users.
    test_size : float, default=0.2
        Pairs in the window of a split as a share of all, between 0 and 1. The windows of all splits
        must leave pairs before them: ``n_splits * test_size < 1``. Not used where `n_items` is given.

    See Also
    --------
    UserHoldoutSplit : Holds out random pairs of users, for interactions without times.

    Notes
    -----
    With `n_items`, a model learns from what other users did after the pairs it is tested on: which
    items will be popular leaks into it. One cut for all users lets nothing leak, and its score is the
    honest estimate of tomorrow's. But some of its test users and items may be unknown to fit:
    recommenders represent such users by the mean embedding, and scorers count such items as missed.
    `describe` says how many there are.

    One cut for all users keeps the rows of one instant together. It is the date of a pair, the one for
    which the size of the test set comes closest to `test_size`.

    With `n_items`, split j of `n_splits` is the single split of the table without each user's last
    ``(n_splits - j) * n_items`` pairs; users who have no more than these are not in it.

    Examples
    --------
    >>> from sklearn_recsketch.model_selection import TemporalUserSplit
    >>> X = [["ann", 1], ["ann", 2], ["bob", 1], ["ann", 3], ["bob", 2], ["ann", 1]]  # the last repeats the first
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

    # What halving searches ask of a splitter: the same splits at every call.
    shuffle = False

    def __init__(self, n_splits: int = 1, *, n_items: int | None = None, test_size: float = 0.2) -> None:
        self.n_splits = n_splits
        self.n_items = n_items
        self.test_size = test_size

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and the test rows of each split.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids.
        y : array-like of shape (n_rows,), default=None
            Strengths; rows of strength 0 stay in training.
        groups : array-like of shape (n_rows,)
            Times of the rows, as numbers or as datetimes. Among datetimes with a time zone, those
            without one count as UTC.

        Yields
        ------
        train, test : ndarray of int
            Row numbers, sorted, with no row and no pair in both.
        """
        return super().split(X, y, groups)

    def describe(self, X: Any, y: Any = None, groups: Any = None) -> pd.Series:
        """Who is tested, on what, and what is left out, in the last split.

        Parameters
        ----------
        X, y, groups
            As in `split`.

        Returns
        -------
        Series
            ``users``; ``test_users`` and ``test_interactions``, distinct pairs; ``dropped_rows``,
            later repeats of training pairs, in neither set; ``unknown_users`` and ``unknown_items``
            of the test set, which training does not have; with one cut for all users ``cut``, the
            time of the first test pair.
        """
        self._check_parameters()
        interactions = with_positive_rows(check_interactions(X, y, weighted=False))
        train, test = list(self._sides(interactions, groups))[-1]
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
        return pd.Series(described, dtype=object)  # as counts and a time, not all as floats

    def _sides(self, interactions: Interactions, groups: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        timeline = _timeline(interactions, check_times(groups, len(interactions.y)))
        if self.n_items is None:
            windows = self._windows_of_all(timeline)
        else:
            windows = self._windows_of_users(timeline, interactions.users, self.n_items)
        for begin, end in windows:
            train = (timeline.place < begin) | (timeline.date_of_row < 0)
            yield train, (timeline.date_of_row >= begin) & (timeline.date_of_row < end)

    def _windows_of_all(self, timeline: _Timeline) -> Iterable[tuple[Any, Any]]:
        """First place of each window and of what follows it."""
        if self.n_splits * self.test_size >= 1:
            raise ValueError(
                f"n_splits * test_size must be below 1, so that the first split has a past to learn from, got "
                f"{self.n_splits} * {self.test_size}. Lower one of them."
            )
        dates = np.sort(timeline.date)
        starts = np.searchsorted(timeline.times, timeline.times[dates])
        starts, n_before = np.unique(starts, return_index=True)
        # A cut at the first date would leave nothing to learn from.
        candidates, n_before = starts[1:], n_before[1:]
        wanted = len(dates) * (1 - self.test_size * np.arange(self.n_splits, 0, -1))
        chosen = {int(np.abs(n_before - n).argmin()) for n in wanted if len(candidates)}
        if len(chosen) < self.n_splits:
            raise ValueError(
                f"TemporalUserSplit(n_splits={self.n_splits}, test_size={self.test_size}) would leave a "
                f"training or a test set empty: the {len(dates)} distinct pairs of positive strength have "
                f"{len(starts)} different dates, with room for {len(chosen)} of the {self.n_splits} cuts. "
                f"Lower n_splits, raise test_size, or pass times of finer resolution."
            )
        cuts = [*candidates[sorted(chosen)], len(timeline.place)]
        return pairwise(cuts)

    def _windows_of_users(
        self, timeline: _Timeline, users: IdColumn, n_items: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """First place of each window and of what follows it, for the user of each row."""
        n_rows = len(timeline.place)
        counts = np.bincount(timeline.user, minlength=len(users.ids))
        n_tested = self.n_splits * n_items
        if counts.max() <= n_tested:
            raise ValueError(
                f"None of the {np.count_nonzero(counts)} users has the {n_tested + 1} distinct items that "
                f"TemporalUserSplit(n_splits={self.n_splits}, n_items={n_items}) needs to test {n_tested} and learn "
                f"from one before; the most any has is {counts.max()}. Lower n_items or n_splits."
            )
        dates = np.append(timeline.date[np.lexsort((timeline.date, timeline.user))], n_rows)
        offsets = np.cumsum(counts) - counts
        for n_later in range(n_tested - n_items, -1, -n_items):
            if n_later:
                end = dates[offsets + np.maximum(counts - n_later, 0)]
            else:
                end = np.full(len(counts), n_rows)
            left = counts - n_later - n_items
            begin = np.where(left > 0, dates[offsets + np.maximum(left, 0)], end)
            yield begin[users.codes], end[users.codes]


@dataclass(frozen=True)
class _Timeline:
    """Rows and distinct pairs of positive strength in order of time.

    Attributes
    ----------
    times : ndarray of shape (n_rows,)
        Times, sorted.
    place : ndarray of shape (n_rows,)
        Place of each row among them; rows of one instant are in the order of the table.
    user : ndarray of shape (n_pairs,)
        Code of each pair's user.
    date : ndarray of shape (n_pairs,)
        Place of each pair's first row.
    date_of_row : ndarray of shape (n_rows,)
        Date of each row's pair, -1 for a row of strength 0.
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
