"""Splits that hold out whole items or users: test ids have no training rows, and models rank them by features."""

import numpy as np
import pandas as pd
import pytest
from estimators import ONE_PER_TRAINER, small
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_recsketch import PopularityRecommender, SideFeatures
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import ColdItemSplit, ColdUserSplit

COLUMNS = {ColdItemSplit: "item", ColdUserSplit: "user"}
each_splitter = pytest.mark.parametrize("cls", COLUMNS, ids=lambda cls: cls.__name__)
examples = settings(deadline=None, max_examples=80)


@st.composite
def tables(draw):
    """Draw X and y with repeated pairs and rows of strength 0."""
    row = st.tuples(st.integers(0, 6), st.integers(0, 8), st.sampled_from([0.0, 1.0, 1.0, 2.0]))
    rows = draw(st.lists(row, min_size=1, max_size=60))
    return pd.DataFrame([row[:2] for row in rows], columns=["user", "item"]), np.array([row[2] for row in rows])


@st.composite
def splitters(draw):
    cls = draw(st.sampled_from(list(COLUMNS)))
    fraction = draw(st.sampled_from([0.05, 0.2, 0.29, 0.5, 0.99]))
    return cls(draw(st.integers(1, 3)), test_size=fraction, random_state=draw(st.integers(0, 5)))


def ids_of(splitter, X, y, rows):
    """Return the ids with positive strength in the given rows, in the column that the splitter holds out."""
    return set(X.iloc[rows].loc[y[rows] > 0, COLUMNS[type(splitter)]])


def splits_of(splitter, X, y):
    """Return the splits, or an empty list if all ids would be held out."""
    try:
        return list(splitter.split(X, y))
    except ValueError as error:
        assert "must leave at least 1 in the training set" in str(error) or "y is 0 in all" in str(error)
        return []


@examples
@given(table=tables(), splitter=splitters())
def test_rows_are_disjoint_and_complete(table, splitter):
    X, y = table
    for train, test in splits_of(splitter, X, y):
        assert sorted([*train, *test]) == list(range(len(X)))


@examples
@given(table=tables(), splitter=splitters())
def test_no_test_id_has_training_rows(table, splitter):
    X, y = table
    for train, test in splits_of(splitter, X, y):
        assert not ids_of(splitter, X, y, train) & ids_of(splitter, X, y, test)


@examples
@given(table=tables(), splitter=splitters())
def test_rows_of_strength_zero_are_never_tested(table, splitter):
    X, y = table
    for _, test in splits_of(splitter, X, y):
        assert (y[test] > 0).all()


@examples
@given(table=tables(), splitter=splitters())
def test_the_fraction_of_ids_is_held_out(table, splitter):
    X, y = table
    n_ids = len(ids_of(splitter, X, y, np.arange(len(X))))
    # A fraction of at most 9 ids is either an exact integer or far from one, so rounding does not matter.
    n_wanted = max(1, int(np.floor(splitter.test_size * n_ids)))
    for _, test in splits_of(splitter, X, y):
        assert len(ids_of(splitter, X, y, test)) == n_wanted


@examples
@given(table=tables(), splitter=splitters())
def test_two_ids_are_enough(table, splitter):
    X, y = table
    n_ids = len(ids_of(splitter, X, y, np.arange(len(X))))
    assert len(splits_of(splitter, X, y)) == (splitter.get_n_splits() if n_ids >= 2 else 0)


@examples
@given(table=tables(), splitter=splitters())
def test_an_int_seed_repeats_the_splits(table, splitter):
    X, y = table
    for (_, test), (_, again) in zip(splits_of(splitter, X, y), splits_of(splitter, X, y), strict=True):
        np.testing.assert_array_equal(test, again)


@examples
@given(table=tables(), splitter=splitters(), seed=st.integers(0, 5))
def test_the_sample_does_not_depend_on_the_order_of_rows(table, splitter, seed):
    X, y = table
    order = np.random.RandomState(seed).permutation(len(X))
    shuffled = splits_of(splitter, X.iloc[order], y[order])
    for (_, test), (_, again) in zip(splits_of(splitter, X, y), shuffled, strict=True):
        assert sorted(order[again]) == list(test)


@each_splitter
def test_a_size_just_below_an_integer_is_rounded_up(cls):
    X = [[i, i] for i in range(100)]
    (_, test) = next(cls(test_size=0.29, random_state=0).split(X))  # 0.29 * 100 is 28.999...
    assert len(test) == 29


@each_splitter
def test_several_splits_are_different(planted, cls):
    X, y, _ = planted
    (_, first), (_, second) = cls(2, random_state=0).split(X, y)
    assert not np.array_equal(first, second)


@each_splitter
def test_weight_column_does_not_matter(planted, cls):
    X, y, _ = planted
    _, test = next(cls(random_state=0).split(X, y))
    _, weighted = next(cls(random_state=0).split(X.assign(weight=0.0), y))
    np.testing.assert_array_equal(test, weighted)


@each_splitter
def test_the_last_id_is_never_held_out(cls):
    text = (
        rf"would hold out 1 of the 1 {COLUMNS[cls]}s with interactions, but must leave at least 1 in the training set"
    )
    with pytest.raises(ValueError, match=text):
        next(cls().split([[1, 1], [2, 2]], [1.0, 0.0]))


# End to end: models rank cold items by their tags. The expected recall of a random ranking is k / n_cold.

K = 5
COLD = make_ranking_scorer(f"recall@{K}", candidates="cold")
CV = ColdItemSplit(2, random_state=0)
LEARNERS = small(ONE_PER_TRAINER, max_iter=15)
each_learner = pytest.mark.parametrize("rec", LEARNERS, ids=lambda rec: type(rec).__name__)


@pytest.fixture(scope="module")
def tagged():
    """X, item features and the expected recall of a random ranking. Tags matter, popularity hardly does."""
    X, _, tags = make_interactions(
        600, 250, n_components=4, n_tags=30, popularity_exponent=0.2, return_features=True, random_state=0
    )
    train, _ = next(CV.split(X))
    return X, tags, K / (len(tags.ids) - X["item"].iloc[train].nunique())


@each_learner
def test_tags_rank_cold_items_better_than_chance(tagged, rec):
    X, tags, random = tagged
    scores = cross_val_score(rec, X, cv=CV, scoring=COLD, params={"item_features": tags}, error_score="raise")
    # Over several seeds, one ranking for all users reached 0.7 to 1.4 times the recall of a random ranking, and a
    # ranking by tags 2.2 to 3.6 times.
    assert scores.min() > 2 * random


@each_learner
def test_a_search_finds_that_tags_matter(tagged, rec):
    X, tags, _ = tagged
    grid = {"item_encoder__feature_weight": [0.0, 1.0]}
    search = GridSearchCV(rec, grid, cv=CV, scoring=COLD, error_score="raise").fit(X, item_features=tags)
    assert search.best_params_ == {"item_encoder__feature_weight": 1.0}


def test_features_predict_the_items_of_cold_users(checkerboard):
    """Even users interact with even items and odd users with odd items."""
    parity = SideFeatures.from_dicts({u: {"side": "odd" if u % 2 else "even"} for u in range(30)})
    options = {
        "cv": ColdUserSplit(random_state=0),
        "scoring": make_ranking_scorer("recall@15"),
        "params": {"user_features": parity},
        "error_score": "raise",
    }
    (by_features,) = cross_val_score(LEARNERS[0], checkerboard, **options)
    (by_popularity,) = cross_val_score(PopularityRecommender(), checkerboard, **options)
    # By features, nearly all of the first 15 items are right. One ranking for all users is right for half of them.
    assert by_features > 0.9
    assert by_popularity < 0.75
