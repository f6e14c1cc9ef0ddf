"""Splits by time: training rows are earlier than test rows, and no pair is in both sets."""

from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import TemporalUserSplit


class Case:
    """A random table, a splitter, its splits, and the sets of training and test pairs of each split."""

    def __init__(self, X, y, t, splitter):
        self.X, self.y, self.t, self.splitter = X, y, t, splitter
        self.splits = splits_of(splitter, X, y, t)
        self.pairs = [(pairs(X, y, train), pairs(X, y, test)) for train, test in self.splits]
        self.dates = dates_of(X, y, t)


@st.composite
def tables(draw, distinct_times=False):
    """Draw X, y and times, with repeated pairs, rows of strength 0 and, unless `distinct_times`, equal times."""
    row = st.tuples(st.integers(0, 2), st.integers(0, 6), st.sampled_from([0.0, 1.0, 1.0, 2.0]), st.integers(-3, 20))
    rows = draw(st.lists(row, min_size=draw(st.sampled_from([1, 25])), max_size=60))
    X = pd.DataFrame([row[:2] for row in rows], columns=["user", "item"])
    t = np.array([row[3] for row in rows])
    if distinct_times:
        t = np.argsort(np.argsort(t, kind="stable"))
    return X, np.array([row[2] for row in rows]), t


common_cutoff = st.builds(TemporalUserSplit, st.integers(1, 3), test_size=st.sampled_from([0.05, 0.2, 0.29, 0.33]))
per_user = st.builds(TemporalUserSplit, st.integers(1, 3), n_items=st.integers(1, 2))


def holds_for(splitters, **options):
    """Decorate a test of a property of all splits, to run it on random tables and splitters."""
    cases = st.builds(lambda table, splitter: Case(*table, splitter), tables(**options), splitters)
    return lambda test: settings(deadline=None, max_examples=80)(given(case=cases.filter(lambda c: c.splits))(test))


def splits_of(splitter, X, y, t):
    """Return the splits, or an empty list if the data cannot be split."""
    try:
        return list(splitter.split(X, y, groups=t))
    except ValueError as error:
        assert (
            "would leave a training or a test set empty" in str(error)
            or "None of the" in str(error)
            or "y is 0" in str(error)
        )
        return []


def pairs(X, y, rows):
    """Return the distinct pairs of positive strength in the given rows."""
    return {(u, i) for (u, i), d in zip(X.iloc[rows].itertuples(index=False), y[rows]) if d > 0}


def dates_of(X, y, t):
    """Return the time and row number of the first row of positive strength of each pair, in order of time."""
    dates = {}
    for row in np.argsort(t, kind="stable"):
        if y[row] > 0:
            dates.setdefault(tuple(X.iloc[row]), (t[row], row))
    return dates


def last_pairs(dates, n):
    """Return the last n pairs of each user with more than n pairs."""
    by_user = {user: [pair for pair in dates if pair[0] == user] for user, _ in dates}
    return {pair for ordered in by_user.values() if len(ordered) > n for pair in ordered[len(ordered) - n :]}


# Properties of all splits


@holds_for(common_cutoff | per_user)
def test_no_row_is_in_both_sets(case):
    for train, test in case.splits:
        assert not set(train) & set(test)


@holds_for(common_cutoff | per_user)
def test_no_pair_is_in_both_sets(case):
    for trained, tested in case.pairs:
        assert not trained & tested


@holds_for(common_cutoff | per_user)
def test_no_set_is_empty(case):
    for trained, tested in case.pairs:
        assert trained
        assert tested


@holds_for(common_cutoff | per_user)
def test_rows_of_strength_zero_are_training_rows(case):
    for train, _ in case.splits:
        assert set(np.flatnonzero(case.y == 0)) <= set(train)


@holds_for(common_cutoff | per_user)
def test_a_test_set_contains_all_rows_of_its_pairs(case):
    for (_, test), (_, tested) in zip(case.splits, case.pairs):
        assert list(test) == [row for row in np.flatnonzero(case.y > 0) if tuple(case.X.iloc[row]) in tested]


@holds_for(common_cutoff | per_user)
def test_the_last_split_leaves_out_later_repeats_of_training_pairs_only(case):
    (train, test), (trained, _) = case.splits[-1], case.pairs[-1]
    for row in set(range(len(case.X))) - set(train) - set(test):
        pair = tuple(case.X.iloc[row])
        assert pair in trained
        assert case.dates[pair] < (case.t[row], row)


@holds_for(common_cutoff | per_user)
def test_training_sets_grow_from_split_to_split(case):
    for (train, _), (later, _) in pairwise(case.splits):
        assert set(train) <= set(later)


@holds_for(common_cutoff | per_user)
def test_no_pair_is_tested_twice(case):
    assert sum(len(tested) for _, tested in case.pairs) == len(set().union(*(tested for _, tested in case.pairs)))


@holds_for(common_cutoff | per_user)
def test_number_of_splits(case):
    assert len(case.splits) == case.splitter.get_n_splits(case.X) == case.splitter.n_splits


@holds_for(common_cutoff | per_user)
def test_every_call_gives_the_same_splits(case):
    for rows, again in zip(case.splits, case.splitter.split(case.X, case.y, case.t), strict=True):
        np.testing.assert_array_equal(rows[0], again[0])
        np.testing.assert_array_equal(rows[1], again[1])


@holds_for(common_cutoff | per_user, distinct_times=True)
def test_the_order_of_rows_does_not_matter_if_times_are_distinct(case):
    order = np.random.RandomState(0).permutation(len(case.X))
    shuffled = case.splitter.split(case.X.iloc[order], case.y[order], case.t[order])
    for rows, again in zip(case.splits, shuffled, strict=True):
        np.testing.assert_array_equal(rows[0], np.sort(order[again[0]]))
        np.testing.assert_array_equal(rows[1], np.sort(order[again[1]]))


# One cutoff for all users


@holds_for(common_cutoff)
def test_all_training_is_before_every_test_pair(case):
    for (train, _), (_, tested) in zip(case.splits, case.pairs):
        assert case.t[train][case.y[train] > 0].max() < min(case.dates[pair][0] for pair in tested)


@holds_for(common_cutoff)
def test_windows_are_in_order_of_time_and_extend_to_the_end(case):
    windows = [[case.dates[pair][0] for pair in tested] for _, tested in case.pairs]
    for window, later in pairwise(windows):
        assert max(window) < min(later)
    assert sum(map(len, windows)) == sum(time >= min(windows[0]) for time, _ in case.dates.values())


@holds_for(common_cutoff)
def test_no_other_cutoff_comes_closer_to_test_size(case):
    times = np.array([time for time, _ in case.dates.values()])
    for j in range(len(case.pairs)):
        n_wanted = len(times) * case.splitter.test_size * (case.splitter.n_splits - j)
        closest = min(abs((times >= cut).sum() - n_wanted) for cut in set(times) - {min(times)})
        # The rounding error of a fraction of at most 60 pairs is smaller than this.
        assert abs(sum(len(tested) for _, tested in case.pairs[j:]) - n_wanted) <= closest + 1e-9


@settings(deadline=None, max_examples=80)
@given(table=tables())
def test_two_dates_are_enough_for_one_cutoff(table):
    n_dates = len({time for time, _ in dates_of(*table).values()})
    assert len(splits_of(TemporalUserSplit(), *table)) == (n_dates >= 2)


def test_windows_have_size_test_size():
    X = [[u, i] for i in range(10) for u in range(10)]
    splits = TemporalUserSplit(3, test_size=0.1).split(X, groups=np.arange(100))
    assert [(len(train), len(test)) for train, test in splits] == [(70, 10), (80, 10), (90, 10)]


# The last pairs of each user


@holds_for(per_user)
def test_training_rows_of_a_test_user_are_before_their_test_pairs(case):
    for (train, _), (_, tested) in zip(case.splits, case.pairs):
        for row in train[case.y[train] > 0]:
            dates = [case.dates[pair] for pair in tested if pair[0] == case.X["user"][row]]
            # Rows with equal times are in the order of the table.
            assert (case.t[row], row) < min(dates, default=(np.inf, 0))


@holds_for(per_user)
def test_each_test_user_has_n_items_test_pairs_and_a_training_pair(case):
    for trained, tested in case.pairs:
        users = [user for user, _ in tested]
        assert {users.count(user) for user in users} == {case.splitter.n_items}
        assert set(users) <= {user for user, _ in trained}


@settings(deadline=None, max_examples=80)
@given(table=tables(), n_items=st.integers(1, 3))
def test_the_last_pairs_of_all_users_with_more_are_tested(table, n_items):
    splits = splits_of(TemporalUserSplit(n_items=n_items), *table)
    tested = {pair for _, test in splits for pair in pairs(*table[:2], test)}
    assert tested == last_pairs(dates_of(*table), n_items)


@holds_for(per_user)
def test_an_earlier_split_is_the_last_one_of_an_earlier_table(case):
    n_items, n_splits = case.splitter.n_items, case.splitter.n_splits
    for j, expected in enumerate(case.pairs, start=1):
        n_later = (n_splits - j) * n_items
        users = [user for user, _ in case.dates]
        too_few = {pair for pair in case.dates if users.count(pair[0]) <= n_later}
        later = last_pairs(case.dates, n_later) | too_few
        rows = [row for row in range(len(case.X)) if tuple(case.X.iloc[row]) not in later]
        earlier = Case(case.X.iloc[rows], case.y[rows], case.t[rows], TemporalUserSplit(n_items=n_items))
        assert earlier.pairs == [expected]


def test_a_user_with_few_pairs_has_training_rows_only():
    X = [["ann", 1], ["ann", 2], ["ann", 3], ["bob", 1], ["bob", 2]]
    ((train, test),) = TemporalUserSplit(n_items=2).split(X, groups=[1, 2, 3, 4, 5])
    assert (train.tolist(), test.tolist()) == ([0, 3, 4], [1, 2])


def test_rows_with_equal_times_are_in_the_order_of_the_table():
    """There are enough rows that a sort that is not stable would change their order."""
    t = np.random.RandomState(0).randint(2, size=1000)
    ((_, test),) = TemporalUserSplit(n_items=10).split([["ann", i] for i in range(1000)], groups=t)
    np.testing.assert_array_equal(test, np.flatnonzero(t)[-10:])


def test_test_size_is_not_used_with_n_items():
    splits = TemporalUserSplit(5, n_items=1, test_size=0.9).split([["ann", i] for i in range(6)], groups=range(6))
    assert [test.tolist() for _, test in splits] == [[1], [2], [3], [4], [5]]


# Description


@holds_for(common_cutoff | per_user)
def test_describe_agrees_with_the_last_split(case):
    (train, test), (trained, tested) = case.splits[-1], case.pairs[-1]
    expected = {
        "users": case.X["user"][case.y > 0].nunique(),
        "test_users": len({u for u, _ in tested}),
        "test_interactions": len(tested),
        "dropped_rows": len(case.X) - len(train) - len(test),
        "unknown_users": len({u for u, _ in tested} - {u for u, _ in trained}),
        "unknown_items": len({i for _, i in tested} - {i for _, i in trained}),
    }
    if case.splitter.n_items is None:
        expected["cut"] = min(case.dates[pair][0] for pair in tested)
    assert case.splitter.describe(case.X, case.y, groups=case.t).to_dict() == expected


def test_the_cutoff_has_the_type_of_the_times():
    t = pd.Series(pd.date_range("2024-01-01", periods=5, tz="Asia/Tokyo"), index=[4, 3, 2, 1, 0])
    described = TemporalUserSplit().describe([[1, i] for i in range(5)], groups=t)
    assert described["cut"] == pd.Timestamp("2024-01-05", tz="Asia/Tokyo")


def test_weight_column_does_not_matter(planted):
    X, y, _ = planted
    t = np.arange(len(X))
    for cv in (TemporalUserSplit(2), TemporalUserSplit(n_items=2)):
        for (_, test), (_, weighted) in zip(cv.split(X, y, t), cv.split(X.assign(weight=0.0), y, t)):
            np.testing.assert_array_equal(test, weighted)


# Within scikit-learn

SCORER = make_ranking_scorer("precision@5")
CVS = [TemporalUserSplit(), TemporalUserSplit(2, n_items=2)]
each_cv = pytest.mark.parametrize("cv", CVS, ids=["all", "user"])


@pytest.fixture(scope="module")
def dated(planted):
    """X, y and random times, which leave few users and items unknown to the model."""
    X, y, _ = planted
    return X, y, np.random.RandomState(0).permutation(len(X))


@each_cv
def test_cross_val_score_accepts_it(dated, cv):
    X, y, t = dated
    scores = cross_val_score(PopularityRecommender(), X, y, groups=t, cv=cv, scoring=SCORER, error_score="raise")
    assert scores.shape == (cv.n_splits,)
    assert (scores > 0).all()


@each_cv
def test_times_are_passed_by_metadata_routing(dated, cv):
    X, y, t = dated
    options = {"cv": cv, "scoring": SCORER, "error_score": "raise"}
    expected = cross_val_score(PopularityRecommender(), X, y, groups=t, **options)
    with config_context(enable_metadata_routing=True):
        routed = cross_val_score(PopularityRecommender(), X, y, params={"groups": t}, **options)
    np.testing.assert_array_equal(routed, expected)


def test_polars_tables_and_times(dated):
    X, y, t = dated
    frame = pl.DataFrame({"user": X["user"].to_numpy(), "item": X["item"].to_numpy(), "t": t})
    options = {"cv": TemporalUserSplit(), "scoring": SCORER, "error_score": "raise"}
    scores = cross_val_score(PopularityRecommender(), frame[["user", "item"]], y, groups=frame["t"], **options)
    np.testing.assert_array_equal(scores, cross_val_score(PopularityRecommender(), X, y, groups=t, **options))


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
@each_cv
def test_searches_accept_it(dated, search, cv):
    X, y, t = dated
    options = {"resource": "max_iter", "max_resources": 4} if search is HalvingGridSearchCV else {}
    rec = WRMFRecommender(n_components=4, max_iter=1, random_state=0)
    found = search(rec, {"alpha": [1.0, 10.0, 40.0]}, cv=cv, scoring=SCORER, error_score="raise", **options)
    found.fit(X, y, groups=t)
    assert found.n_splits_ == cv.n_splits
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


def test_the_error_of_a_search_without_times_shows_how_to_pass_them(dated):
    X, y, _ = dated
    search = GridSearchCV(PopularityRecommender(), {}, cv=TemporalUserSplit())
    with pytest.raises(ValueError, match=r"passed as groups, got None\. Write .*search\.fit\(X, y, groups=t\)"):
        search.fit(X, y)


# Errors

PAIRS = [["ann", 1], ["ann", 2], ["bob", 1]]
BAD_SPLITS = {
    "one date": (
        {"test_size": 0.9},
        [5, 5, 5],
        r"would leave a training or a test set empty: the 3 distinct pairs .* have 1 different dates, which allow 0 "
        r"of the 1 cutoffs\. Lower n_splits, raise test_size",
    ),
    "thin": ({"n_splits": 2, "test_size": 0.01}, [1, 2, 3], "3 different dates, which allow 1 of the 2 cutoffs"),
    "no training rows": (
        {"n_splits": 2, "test_size": 0.5},
        [1, 2, 3],
        r"n_splits \* test_size must be less than 1, .* got 2 \* 0\.5\. Lower one of them",
    ),
    "few items": (
        {"n_splits": 2, "n_items": 1},
        [1, 2, 3],
        r"None of the 2 users has the 3 distinct items that .* needs to test 2 and to train on one; the "
        r"maximum is 2\. Lower n_items or n_splits",
    ),
    "n_items": ({"n_items": 0}, [1, 2, 3], "The 'n_items' parameter of TemporalUserSplit must be"),
    "fraction": ({"test_size": 1.0}, [1, 2, 3], "The 'test_size' parameter of TemporalUserSplit must be"),
}


@pytest.mark.parametrize(("params", "t", "text"), BAD_SPLITS.values(), ids=BAD_SPLITS)
def test_impossible_splits_are_refused(params, t, text):
    with pytest.raises(ValueError, match=text):
        next(TemporalUserSplit(**params).split(PAIRS, groups=t))


@each_cv
def test_a_table_without_interactions_is_refused(cv):
    with pytest.raises(ValueError, match="y is 0 in all 3 rows"):
        next(cv.split(PAIRS, [0.0, 0.0, 0.0], groups=[1, 2, 3]))
