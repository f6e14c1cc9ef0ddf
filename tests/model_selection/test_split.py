"""Splits by user: each row is in exactly one set, and every test user has training items."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.model_selection import (
    ColdItemSplit,
    ColdUserSplit,
    TemporalUserSplit,
    UserHoldoutSplit,
    UserKFold,
)

FRACTIONS = [0.05, 0.2, 0.5, 1.0]


@st.composite
def tables(draw):
    """Draw X and y with repeated pairs and rows of strength 0."""
    n_rows = draw(st.integers(1, 60))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 6), st.integers(0, 8), st.sampled_from([0.0, 1.0, 1.0, 2.0])),
            min_size=n_rows,
            max_size=n_rows,
        )
    )
    X = pd.DataFrame([row[:2] for row in rows], columns=["user", "item"])
    return X, np.array([row[2] for row in rows])


def distinct_items(X, y):
    """Count the distinct items of positive strength of each user."""
    return X[y > 0].drop_duplicates().groupby("user").size()


def pairs(X, y, rows):
    """Return the distinct pairs of positive strength in the given rows."""
    return {(u, i) for (u, i), d in zip(X.iloc[rows].itertuples(index=False), y[rows]) if d > 0}


def splits_of(splitter, X, y):
    """Return the splits, or None if the data cannot be split."""
    try:
        return list(splitter.split(X, y))
    except ValueError as error:
        expected = ("None of the", "No user has two distinct items", "y is 0 in all", "UserKFold(")
        assert str(error).startswith(expected)
        return None


@st.composite
def splitters(draw):
    seed = draw(st.integers(0, 5))
    if draw(st.booleans()):
        return UserKFold(draw(st.integers(2, 5)), random_state=seed)
    n_items = draw(st.integers(1, 3))
    return UserHoldoutSplit(
        draw(st.integers(1, 3)),
        n_items=n_items,
        user_fraction=draw(st.sampled_from(FRACTIONS)),
        min_interactions=draw(st.sampled_from([None, n_items + 1, n_items + 2])),
        random_state=seed,
    )


holdouts = splitters().filter(lambda splitter: isinstance(splitter, UserHoldoutSplit))
examples = settings(deadline=None, max_examples=80)


def min_interactions(splitter):
    """Minimum number of items of a test user."""
    default = splitter.min_interactions is None
    return 2 * splitter.n_items if default else splitter.min_interactions


@examples
@given(table=tables(), splitter=splitters())
def test_rows_are_disjoint_and_complete(table, splitter):
    X, y = table
    for train, test in splits_of(splitter, X, y) or []:
        assert sorted([*train, *test]) == list(range(len(X)))


@examples
@given(table=tables(), splitter=splitters())
def test_no_pair_is_in_both_sets(table, splitter):
    X, y = table
    for train, test in splits_of(splitter, X, y) or []:
        assert not pairs(X, y, train) & pairs(X, y, test)


@examples
@given(table=tables(), splitter=splitters())
def test_rows_of_strength_zero_are_never_tested(table, splitter):
    X, y = table
    for _, test in splits_of(splitter, X, y) or []:
        assert (y[test] > 0).all()


@examples
@given(table=tables(), splitter=splitters())
def test_every_test_user_has_a_training_pair(table, splitter):
    X, y = table
    for train, test in splits_of(splitter, X, y) or []:
        assert {u for u, _ in pairs(X, y, test)} <= {u for u, _ in pairs(X, y, train)}


@examples
@given(table=tables(), splitter=splitters())
def test_number_of_splits(table, splitter):
    X, y = table
    splits = splits_of(splitter, X, y)
    assert splitter.get_n_splits(X, y) == splitter.n_splits
    assert splits is None or len(splits) == splitter.n_splits


@examples
@given(table=tables(), splitter=splitters())
def test_an_int_seed_repeats_the_splits(table, splitter):
    X, y = table
    once, again = splits_of(splitter, X, y), splits_of(splitter, X, y)
    for (train, test), (train_again, test_again) in zip(once or [], again or []):
        np.testing.assert_array_equal(train, train_again)
        np.testing.assert_array_equal(test, test_again)


@examples
@given(table=tables(), splitter=holdouts)
def test_holdout_takes_exactly_n_items_of_each_test_user(table, splitter):
    X, y = table
    for _, test in splits_of(splitter, X, y) or []:
        held_out = pairs(X, y, test)
        for user in {u for u, _ in held_out}:
            assert sum(u == user for u, _ in held_out) == splitter.n_items


@examples
@given(table=tables(), splitter=holdouts)
def test_holdout_samples_the_fraction_of_users_from_the_eligible(table, splitter):
    X, y = table
    sizes = distinct_items(X, y)
    eligible = set(sizes.index[sizes >= min_interactions(splitter)])
    splits = splits_of(splitter, X, y)
    assert (splits is None) == (not eligible)
    n_wanted = max(1, int(np.floor(splitter.user_fraction * len(sizes))))
    for _, test in splits or []:
        users = {u for u, _ in pairs(X, y, test)}
        assert users <= eligible
        assert len(users) == min(n_wanted, len(eligible))


@examples
@given(table=tables(), splitter=holdouts)
def test_describe_agrees_with_split(table, splitter):
    X, y = table
    splits = splits_of(splitter, X, y)
    if splits is None:
        return
    described = splitter.describe(X, y)
    held_out = pairs(X, y, splits[0][1])
    sizes = distinct_items(X, y)
    assert described.to_dict() == {
        "users": len(sizes),
        "min_interactions": min_interactions(splitter),
        "eligible_users": (sizes >= min_interactions(splitter)).sum(),
        "test_users": len({u for u, _ in held_out}),
        "test_interactions": len(held_out),
    }


@examples
@given(table=tables(), n_splits=st.integers(2, 5), seed=st.integers(0, 5))
def test_kfold_tests_every_pair_once(table, n_splits, seed):
    X, y = table
    splits = splits_of(UserKFold(n_splits, random_state=seed), X, y)
    sizes = distinct_items(X, y)
    expected = {(u, i) for u, i in pairs(X, y, np.arange(len(X))) if sizes[u] >= 2}
    if len(expected) < n_splits:  # some fold would be empty
        assert splits is None
    elif sizes.max() >= n_splits:  # one user fills all folds
        assert splits is not None
    if splits is None:
        return
    assert all(len(test) for _, test in splits)
    tested = [pair for _, test in splits for pair in pairs(X, y, test)]
    assert len(tested) == len(set(tested))
    assert set(tested) == expected


@examples
@given(table=tables(), n_splits=st.integers(2, 5), seed=st.integers(0, 5))
def test_kfold_distributes_the_items_of_each_user_evenly(table, n_splits, seed):
    X, y = table
    tested = [pairs(X, y, test) for _, test in splits_of(UserKFold(n_splits, random_state=seed), X, y) or []]
    for user in {u for fold in tested for u, _ in fold}:
        sizes = [sum(u == user for u, _ in fold) for fold in tested]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("n_splits", [2, 3, 5])
def test_kfold_sizes_are_nearly_equal_with_few_items_a_user(n_splits, seed):
    """Users start at random folds, so fold sizes are sums of 400 independent terms with a common mean."""
    X = pd.DataFrame([(u, i) for u in range(400) for i in range(2 + u % 2)], columns=["user", "item"])
    sizes = [len(test) for _, test in UserKFold(n_splits, random_state=seed).split(X)]
    # The standard deviation of a sum of 400 terms in {0, 1} or {1, 2} is at most 10; allow five times that.
    assert max(abs(size - len(X) / n_splits) for size in sizes) < 50


def test_seeds_give_different_splits(planted):
    X, y, _ = planted
    tests = [next(UserHoldoutSplit(random_state=seed).split(X, y))[1] for seed in (0, 1)]
    assert not np.array_equal(*tests)


def test_several_splits_are_different(planted):
    X, y, _ = planted
    (_, first), (_, second) = UserHoldoutSplit(2, random_state=0).split(X, y)
    assert not np.array_equal(first, second)


def test_weight_column_does_not_matter(planted):
    X, y, _ = planted
    for splitter in (UserHoldoutSplit(random_state=0), UserKFold(random_state=0)):
        for (_, test), (_, weighted) in zip(splitter.split(X, y), splitter.split(X.assign(weight=0.0), y)):
            np.testing.assert_array_equal(test, weighted)


SPLITTERS = [UserHoldoutSplit(2, random_state=0), UserKFold(2, random_state=0)]


@pytest.mark.parametrize("cv", SPLITTERS, ids=["holdout", "kfold"])
def test_groups_are_accepted_and_ignored(planted, cv):
    X, y, _ = planted
    for (_, test), (_, grouped) in zip(cv.split(X, y), cv.split(X, y, np.arange(len(X)))):
        np.testing.assert_array_equal(test, grouped)


@pytest.mark.parametrize("cv", SPLITTERS, ids=["holdout", "kfold"])
def test_cross_val_score_accepts_it(planted, cv):
    X, y, _ = planted
    scores = cross_val_score(PopularityRecommender(), X, y, cv=cv, error_score="raise")
    assert scores.shape == (2,)
    assert (scores > 0).all()


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
@pytest.mark.parametrize("cv", SPLITTERS, ids=["holdout", "kfold"])
def test_searches_accept_it(planted, search, cv):
    X, y, _ = planted
    options = {"resource": "max_iter", "max_resources": 4} if search is HalvingGridSearchCV else {}
    rec = WRMFRecommender(n_components=4, max_iter=1, random_state=0)
    found = search(rec, {"alpha": [1.0, 10.0, 40.0]}, cv=cv, error_score="raise", **options).fit(X, y)
    assert found.n_splits_ == 2
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


def test_halving_over_samples_accepts_an_int_seed(planted):
    X, y, _ = planted
    cv = UserHoldoutSplit(2, user_fraction=0.5, random_state=0)
    rec = WRMFRecommender(n_components=4, max_iter=1, random_state=0)
    search = HalvingGridSearchCV(
        rec, {"alpha": [1.0, 10.0]}, cv=cv, factor=2, min_resources=len(X) // 2, random_state=0, error_score="raise"
    )
    assert search.fit(X, y).n_resources_ == [len(X) // 2, 2 * (len(X) // 2)]


def test_halving_refuses_an_unseeded_splitter(planted):
    """Halving scores all candidates on the same rows, which needs an int seed."""
    X, y, _ = planted
    search = HalvingGridSearchCV(PopularityRecommender(), {}, cv=UserKFold(2))
    with pytest.raises(ValueError, match="cv parameter must yield consistent folds"):
        search.fit(X, y)


FEW = pd.DataFrame({"user": list("aabb"), "item": [1, 2, 1, 3]})


def test_kfold_refuses_empty_test_sets():
    text = (
        r"would leave \d of its test sets empty: 2 users .* at most 2 each and 4 in total\. Lower n_splits to 2 or less"
    )
    with pytest.raises(ValueError, match=text):
        list(UserKFold(5, random_state=0).split(FEW))
    assert len(list(UserKFold(2, random_state=0).split(FEW))) == 2


ALL_SPLITTERS = [
    UserHoldoutSplit(n_items=1),
    UserKFold(2),
    TemporalUserSplit(),
    TemporalUserSplit(n_items=1),
    ColdItemSplit(),
    ColdUserSplit(),
]


@pytest.mark.parametrize("cv", ALL_SPLITTERS, ids=repr)
def test_strengths_that_are_all_zero_are_refused(cv):
    with pytest.raises(ValueError, match=r"^y is 0 in all 4 rows, .* Leave y out if each row is an interaction\.$"):
        list(cv.split(FEW, np.zeros(4), groups=range(4)))


@pytest.mark.parametrize("cv", ALL_SPLITTERS, ids=repr)
def test_one_row_cannot_be_split(cv):
    with pytest.raises(ValueError, match=r"Lower|Use a splitter over rows"):
        list(cv.split(FEW[:1], groups=[0]))
