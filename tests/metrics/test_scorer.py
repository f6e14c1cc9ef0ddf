"""Options of scorers: samples of users, fold-in of new users, and rows that are read once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from estimators import RECOMMENDERS, small
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from sklearn_recsketch import PopularityRecommender
from sklearn_recsketch.metrics import _evaluation, make_ranking_scorer, ranking_report, recall_at_k
from sklearn_recsketch.metrics._evaluation_task import Options, make_evaluation_task
from sklearn_recsketch.metrics._scorer import on_rows
from sklearn_recsketch.model_selection import ColdUserSplit

MODELS = small(RECOMMENDERS, max_iter=3)
WRMF, POPULARITY = MODELS[0], MODELS[-1]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
NAMES = ["precision@5", "auc", "neg_preference_mse"]
each_name = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def fitted(split):
    return clone(WRMF).fit(split[0], split[1])


def test_repr_of_scorers():
    assert repr(make_ranking_scorer("auc")) == "make_ranking_scorer('auc')"
    assert repr(make_ranking_scorer(["auc", "ndcg@5"])) == "make_ranking_scorer(['auc', 'ndcg@5'])"


@pytest.mark.parametrize("metrics", ["auc", ["auc"]])
def test_unfitted_recommender_raises(metrics, split):
    with pytest.raises(NotFittedError, match="This WRMFRecommender instance is not fitted yet"):
        make_ranking_scorer(metrics)(clone(WRMF), split[2])


# Samples of users.


@each_name
def test_sample_is_the_same_in_every_call(fitted, split, name):
    scorer = make_ranking_scorer(name, n_users=20)
    assert scorer(fitted, split[2]) == scorer(fitted, split[2])


def test_all_models_are_scored_on_the_same_sample(split):
    X, y, X_test, _ = split
    reports = [ranking_report(clone(model).fit(X, y), X_test, n_users=20, per_user=True) for model in MODELS]
    assert all(report.index.equals(reports[0].index) for report in reports)


def test_sample_does_not_depend_on_the_order_of_rows(fitted, split, seed):
    scorer = make_ranking_scorer("ndcg@5", n_users=20)
    assert scorer(fitted, split[2].sample(frac=1, random_state=seed)) == scorer(fitted, split[2])


def test_random_states_draw_different_samples(fitted, split):
    samples = [ranking_report(fitted, split[2], n_users=20, random_state=seed, per_user=True).index for seed in (0, 1)]
    # Two samples of 20 of 300 share 1.3 users on average.
    assert len(samples[0].intersection(samples[1])) < 10


@each_name
@pytest.mark.parametrize("n_users", [300, 10**9])
def test_sample_of_all_users_changes_nothing(fitted, split, name, n_users):
    assert make_ranking_scorer(name, n_users=n_users)(fitted, split[2]) == make_ranking_scorer(name)(fitted, split[2])


@pytest.mark.parametrize("fold_in", [None, 0.5])
def test_values_of_sampled_users_equal_those_among_all_users(fitted, split, fold_in):
    """Histories are drawn for all users before users are sampled."""
    X_test = split[2].assign(user=split[2]["user"] + 10_000) if fold_in else split[2]
    options = {"per_user": True, "fold_in": fold_in}
    full = ranking_report(fitted, X_test, **options)
    sample = ranking_report(fitted, X_test, n_users=20, **options)
    assert len(sample) == 20
    # Equal up to rounding: the vectors of a batch of another size may differ in the last bit.
    pd.testing.assert_frame_equal(sample, full.loc[sample.index])


@pytest.mark.parametrize("metric", ["precision", "ndcg", "recall"])
def test_mean_of_a_sample_is_close_to_that_of_all_users(fitted, split, metric, seed):
    full = ranking_report(fitted, split[2], ks=[5]).set_index("metric")
    sample = ranking_report(fitted, split[2], ks=[5], n_users=100, random_state=seed).set_index("metric")
    error = abs(sample.loc[metric, "mean"] - full.loc[metric, "mean"])
    # Four standard errors: a random failure in one of 16,000 seeds.
    assert error < 4 * sample.loc[metric, "standard error"]


# Fold-in: a part of the items of new users is their history.

FIT = [["ann", 1], ["bob", 1], ["joe", 1], ["ann", 2], ["bob", 2], ["ann", 3], ["eve", 4]]  # popularity 1, 2, 3, 4
pair = st.tuples(st.integers(0, 4), st.integers(0, 7))


def pairs(interactions):
    """Return the pairs of ids of checked interactions."""
    users, items = interactions.users, interactions.items
    return set(zip(users.ids[users.codes].tolist(), items.ids[items.codes].tolist()))


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(pair, min_size=1, max_size=40), fold_in=st.sampled_from([0.1, 0.5, 0.8]), seed=st.integers(0, 3))
def test_pairs_of_new_users_are_in_the_history_or_relevant(rows, fold_in, seed):
    rec = PopularityRecommender().fit([[100, 0], [100, 1], [101, 2]])
    task = make_evaluation_task(rec, rows, None, Options(fold_in=fold_in, random_state=seed))
    history = pairs(task.history)
    for user, n_relevant in zip(task.query.user_ids, task.n_relevant):
        items = {i for u, i in set(rows) if u == user}
        in_history = {i for u, i in history if u == user}
        assert in_history <= items
        assert n_relevant == len(items) - len(in_history) >= 1
        # The number is rounded up or down at random.
        assert np.floor(min(fold_in * len(items), len(items) - 1)) <= len(in_history) <= np.ceil(fold_in * len(items))
    assert set(task.query.user_ids) == {u for u, _ in rows}


@each_model
def test_fold_in_equals_recommending_with_history(model, planted):
    X, _, _ = planted
    train, test = next(ColdUserSplit(random_state=0).split(X))
    rec, X_test = clone(model).fit(X.iloc[train]), X.iloc[test]
    history = pairs(make_evaluation_task(rec, X_test, None, Options(fold_in=0.6)).history)
    in_history = np.array([pair in history for pair in zip(X_test["user"], X_test["item"])])
    table = rec.recommend(X_test["user"].unique(), history=X_test[in_history], k=7)
    expected = recall_at_k(X_test[~in_history], table, k=7)
    assert 0.5 < in_history.mean() < 0.7
    assert make_ranking_scorer("recall@7", fold_in=0.6)(rec, X_test) == expected


def test_history_is_not_recommended():
    """Whichever of the two most popular items is the history, the other one is ranked first."""
    rec = PopularityRecommender().fit(FIT)
    scores = [
        make_ranking_scorer("reciprocal_rank@4", fold_in=0.5, random_state=seed)(rec, [["new", 1], ["new", 2]])
        for seed in range(10)
    ]
    assert scores == [1.0] * 10


def test_each_item_can_be_the_history():
    rec = PopularityRecommender().fit(FIT)
    histories = {
        tuple(
            pairs(
                make_evaluation_task(
                    rec, [["new", 1], ["new", 2]], None, Options(fold_in=0.5, random_state=seed)
                ).history
            )
        )
        for seed in range(20)
    }
    assert histories == {(("new", 1),), (("new", 2),)}


def test_user_with_one_item_has_no_history():
    rec = PopularityRecommender().fit(FIT)
    assert make_ranking_scorer("reciprocal_rank@4", fold_in=0.99)(rec, [["new", 3]]) == 1 / 3


def test_known_users_have_no_history(fitted, split):
    X_test = split[2][split[2]["user"].isin(fitted.users_)]
    assert make_ranking_scorer("ndcg@5", fold_in=0.5)(fitted, X_test) == make_ranking_scorer("ndcg@5")(fitted, X_test)


def test_rows_of_strength_zero_are_not_in_the_history():
    rec = PopularityRecommender().fit(FIT)
    task = make_evaluation_task(rec, [["new", 1], ["new", 2], ["new", 3]], [1, 0, 1], Options(fold_in=0.5))
    assert len(task.history.y) == 1
    assert pairs(task.history) < {("new", 1), ("new", 3)}


def test_int_random_state_draws_the_same_histories_in_every_call(planted):
    X, _, _ = planted
    train, test = next(ColdUserSplit(random_state=0).split(X))
    rec = clone(WRMF).fit(X.iloc[train])
    scores = [make_ranking_scorer("ndcg@5", fold_in=0.5, random_state=s)(rec, X.iloc[test]) for s in (0, 0, 1)]
    assert scores[0] == scores[1] != scores[2]


def test_fold_in_personalizes_recommendations_to_cold_users(checkerboard):
    """Users interact with items of their own parity. A warning about unknown users would raise an error here."""
    options = {
        "cv": ColdUserSplit(random_state=0),
        "scoring": make_ranking_scorer("recall@8", fold_in=0.5),
        "error_score": "raise",
    }
    (by_history,) = cross_val_score(WRMF, checkerboard, **options)
    (by_popularity,) = cross_val_score(POPULARITY, checkerboard, **options)
    # Of the approximately 23 remaining items, 8 have the right parity, and 7 of them are relevant.
    assert by_history > 0.9
    assert by_popularity < 0.6


# Rows that are read once.


def two_recommenders():
    """Return two recommenders fitted on different rows."""
    return (PopularityRecommender().fit(rows) for rows in (FIT, [*FIT[2:], ["ann", 9], ["zoe", 3]]))


X_EVAL = [["ann", 4], ["bob", 3], ["eve", 1], ["ann", 1]]


@pytest.mark.parametrize("metrics", [*NAMES, ["ndcg@2", "auc"]])
def test_rows_are_read_again_for_other_interactions(metrics):
    scorer = make_ranking_scorer(metrics)
    fixed = on_rows(scorer, X_EVAL, None)
    first, second = two_recommenders()
    for rec in (first, second, first):
        assert fixed(rec) == scorer(rec, X_EVAL)
    assert fixed(first) != fixed(second)


def test_rows_are_read_again_after_partial_fit():
    scorer = make_ranking_scorer("auc")
    fixed = on_rows(scorer, X_EVAL, None)
    rec, _ = two_recommenders()
    before = fixed(rec)
    rec.partial_fit([["ann", 4], ["joe", 3], ["eve", 3]])
    assert fixed(rec) == scorer(rec, X_EVAL) != before


def test_rows_are_read_once_for_the_same_interactions(fitted, split, monkeypatch):
    made = []
    monkeypatch.setattr(
        _evaluation, "make_evaluation_task", lambda *args: made.append(args) or make_evaluation_task(*args)
    )
    fixed = on_rows(make_ranking_scorer("ndcg@5"), split[2], split[3])
    assert [fixed(fitted) for _ in range(3)] == [make_ranking_scorer("ndcg@5")(fitted, split[2], split[3])] * 3
    assert len(made) == 2


@each_name
@pytest.mark.parametrize("model", small(max_iter=3), ids=lambda model: type(model).__name__)
def test_validation_scores_equal_those_of_rows_read_in_every_epoch(model, split, name):
    X, y, X_test, y_test = split
    scorer = make_ranking_scorer(name)
    scores = []
    for scoring in (scorer, lambda *args: scorer(*args)):  # other callables get the rows in every call
        rec = clone(model).set_params(early_stopping=True, max_iter=6, n_iter_no_change=6, scoring=scoring)
        scores.append(rec.fit(X, y, X_val=X_test, y_val=y_test).validation_scores_)
    assert len(np.unique(scores[0])) > 1
    np.testing.assert_array_equal(*scores)


def test_other_callables_get_the_rows(fitted):
    assert on_rows(lambda *args: args, "X", None)(fitted) == (fitted, "X", None)
    assert on_rows(lambda *args: args, "X", "y")(fitted) == (fitted, "X", "y")
