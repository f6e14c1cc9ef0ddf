"""Scores with restricted candidates: one list for all users, or a list per user."""

import numpy as np
import pandas as pd
import pytest
from estimators import RECOMMENDERS, small
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from sklearn_recsketch import PopularityRecommender
from sklearn_recsketch.metrics import (
    make_ranking_scorer,
    ndcg_at_k,
    precision_at_k,
    ranking_report,
    recall_at_k,
)
from sklearn_recsketch.model_selection import UserHoldoutSplit

TABLE_METRICS = {"precision": precision_at_k, "recall": recall_at_k, "ndcg": ndcg_at_k}


@pytest.fixture(scope="module", params=small(RECOMMENDERS), ids=lambda rec: type(rec).__name__)
def fitted(request, split):
    return clone(request.param).fit(*split[:2])


@pytest.fixture(scope="module")
def sampled(split):
    """A table with the held-out items of each user and 20 sampled items, as in the sampled metrics of many papers."""
    rng = np.random.default_rng(0)
    X, _, X_test, _ = split
    items = np.unique(X["item"])
    users = np.unique(X_test["user"])
    others = pd.DataFrame({"user": np.repeat(users, 20), "item": rng.choice(items, 20 * len(users))})
    return pd.concat([X_test, others]).sample(frac=1, random_state=0)


def new_rows(split, rec):
    """Return the held-out pairs that were not in fit."""
    X, _, X_test, _ = split
    return X_test[~X_test.apply(tuple, axis=1).isin(set(X.itertuples(index=False, name=None)))]


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.parametrize("name", TABLE_METRICS)
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_score_with_candidates_per_user_is_the_metric_of_the_table(fitted, split, sampled, name, exclude_seen):
    score = make_ranking_scorer(f"{name}@5", candidates=sampled, exclude_seen=exclude_seen)(fitted, split[2])
    wanted = new_rows(split, fitted)
    table = fitted.recommend(wanted["user"].unique(), candidates=sampled, exclude_seen=exclude_seen)
    assert score == pytest.approx(TABLE_METRICS[name](wanted, table, k=5), abs=1e-3)


def scored_candidates(rec, split, sampled):
    """Yield the candidates of each evaluated user, with scores and relevance, and the number of relevant items."""
    wanted = new_rows(split, rec).drop_duplicates()
    seen = split[0]
    own = sampled.drop_duplicates()
    own = own[~own.apply(tuple, axis=1).isin(set(seen.itertuples(index=False, name=None)))]
    own = own[own["user"].isin(wanted["user"]) & own["item"].isin(rec.items_)]
    relevant = own.apply(tuple, axis=1).isin(set(wanted.itertuples(index=False, name=None)))
    scores = rec.predict(own)
    n_relevant = wanted.groupby("user").size()
    for user, rows in own.assign(score=scores, relevant=relevant).groupby("user"):
        yield rows.sort_values("item"), n_relevant[user]


def test_auc_with_candidates_per_user_is_a_loop_over_pairs(fitted, split, sampled):
    values = []
    for rows, n_relevant in scored_candidates(fitted, split, sampled):
        n_correct = n_irrelevant = 0
        relevant = rows[rows["relevant"]]
        for irrelevant in rows[~rows["relevant"]].itertuples():
            n_irrelevant += 1
            for one in relevant.itertuples():
                tied = one.score == irrelevant.score
                n_correct += one.score > irrelevant.score or (tied and one.item < irrelevant.item)
        values.append(n_correct / (n_relevant * n_irrelevant))
    score = make_ranking_scorer("auc", candidates=sampled)(fitted, split[2])
    assert score == pytest.approx(np.mean(values), abs=1e-3)


def test_preference_mse_with_candidates_per_user_is_a_loop(fitted, split, sampled):
    values = []
    for rows, n_relevant in scored_candidates(fitted, split, sampled):
        missed = n_relevant - rows["relevant"].sum()
        errors = (rows["relevant"] - rows["score"].astype(float)) ** 2
        values.append(-(errors.sum() + missed) / (len(rows) + missed))
    score = make_ranking_scorer("neg_preference_mse", candidates=sampled)(fitted, split[2])
    assert score == pytest.approx(np.mean(values), rel=1e-4)


@pytest.mark.parametrize("metric", ["precision@5", "auc", "neg_preference_mse"])
def test_all_items_as_candidates_per_user_change_nothing(fitted, split, metric):
    grid = pd.MultiIndex.from_product([np.unique(split[2]["user"]), fitted.items_])
    own = make_ranking_scorer(metric, candidates=grid)(fitted, split[2])
    # The terms of the products are summed in another order.
    assert own == pytest.approx(make_ranking_scorer(metric)(fitted, split[2]), rel=1e-4)


def test_user_without_candidates_has_recall_zero_and_auc_one_half(split):
    rec = PopularityRecommender().fit([["ann", 1], ["bob", 2], ["eve", 3]])
    scorer = make_ranking_scorer(["recall@5", "auc"], candidates={"ann": [2, 3], "bob": [1]})
    report = scorer(rec, [["ann", 2], ["bob", 3], ["eve", 1]])
    assert report["recall@5"] == pytest.approx(1 / 3)
    # The item of ann precedes the other candidate, that of bob is not a candidate, and eve has no candidates.
    assert report["auc"] == pytest.approx((1 + 0 + 0.5) / 3)


def test_dict_and_table_of_candidates_give_the_same_report(fitted, split, sampled):
    own = {user: rows["item"].to_numpy() for user, rows in sampled.groupby("user")}
    scores = [ranking_report(fitted, split[2], candidates=candidates) for candidates in (own, sampled)]
    pd.testing.assert_frame_equal(*scores)


def test_candidates_per_user_in_cross_validation(planted, sampled):
    scorer = make_ranking_scorer("recall@5", candidates=sampled)
    scores = cross_val_score(
        PopularityRecommender(), *planted[:2], cv=UserHoldoutSplit(random_state=0), scoring=scorer, error_score="raise"
    )
    assert 0 < scores[0] < 1


def test_candidates_are_read_once(fitted, split):
    """A generator serves more than one score, and changing a list later has no effect."""
    once = make_ranking_scorer("recall@5", candidates=(item for item in fitted.items_[:50].tolist()))
    again = make_ranking_scorer("recall@5", candidates=(listed := fitted.items_[:50].tolist()))
    listed.clear()
    assert once(fitted, split[2]) == once(fitted, split[2]) == again(fitted, split[2]) > 0


@pytest.mark.parametrize("make", [make_ranking_scorer, lambda name, **options: ranking_report(None, None, **options)])
@pytest.mark.parametrize("value", ["m3", b"m3", 7, {1: 7}, np.array(7)])
def test_invalid_candidates_raise_when_the_scorer_is_made(make, value):
    with pytest.raises((TypeError, ValueError), match=r"candidates.* must be a list of item ids"):
        make("recall@5", candidates=value)


def test_candidates_of_unknown_users_raise(fitted, split):
    with pytest.raises(ValueError, match=r"None of the 1 users of candidates \(first: -1\) is in the query or known"):
        make_ranking_scorer("recall@5", candidates={-1: [1]})(fitted, split[2])
