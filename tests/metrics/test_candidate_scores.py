"""Scores of rankings of some items only: for everybody, or for each user her own."""

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
    """Of each user her held-out items and 20 others, as a table: the sampled metrics of many papers."""
    rng = np.random.default_rng(0)
    X, _, X_test, _ = split
    items = np.unique(X["item"])
    users = np.unique(X_test["user"])
    others = pd.DataFrame({"user": np.repeat(users, 20), "item": rng.choice(items, 20 * len(users))})
    return pd.concat([X_test, others]).sample(frac=1, random_state=0)


def new_rows(split, rec):
    """Held-out pairs that were not in fit."""
    X, _, X_test, _ = split
    return X_test[~X_test.apply(tuple, axis=1).isin(set(X.itertuples(index=False, name=None)))]


@pytest.mark.parametrize("name", TABLE_METRICS)
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_own_candidates_are_scored_as_their_table(fitted, split, sampled, name, exclude_seen):
    score = make_ranking_scorer(f"{name}@5", candidates=sampled, exclude_seen=exclude_seen)(fitted, split[2])
    wanted = new_rows(split, fitted)
    table = fitted.recommend(wanted["user"].unique(), candidates=sampled, exclude_seen=exclude_seen)
    assert score == pytest.approx(TABLE_METRICS[name](wanted, table, k=5), abs=1e-3)


def values_of_pairs(rec, split, sampled):
    """Of each user of the new held-out rows: scores of her own candidates, and which are relevant."""
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


def test_auc_of_own_candidates(fitted, split, sampled):
    values = []
    for rows, n_relevant in values_of_pairs(fitted, split, sampled):
        won = n_others = 0
        relevant = rows[rows["relevant"]]
        for other in rows[~rows["relevant"]].itertuples():
            n_others += 1
            for one in relevant.itertuples():
                won += one.score > other.score or (one.score == other.score and one.item < other.item)
        values.append(won / (n_relevant * n_others))
    score = make_ranking_scorer("auc", candidates=sampled)(fitted, split[2])
    assert score == pytest.approx(np.mean(values), abs=1e-3)


def test_squared_errors_of_own_candidates(fitted, split, sampled):
    values = []
    for rows, n_relevant in values_of_pairs(fitted, split, sampled):
        missed = n_relevant - rows["relevant"].sum()
        errors = (rows["relevant"] - rows["score"].astype(float)) ** 2
        values.append(-(errors.sum() + missed) / (len(rows) + missed))
    score = make_ranking_scorer("neg_preference_mse", candidates=sampled)(fitted, split[2])
    assert score == pytest.approx(np.mean(values), rel=1e-4)


@pytest.mark.parametrize("metric", ["precision@5", "auc", "neg_preference_mse"])
def test_all_items_as_own_candidates_are_all_items(fitted, split, metric):
    grid = pd.MultiIndex.from_product([np.unique(split[2]["user"]), fitted.items_])
    own = make_ranking_scorer(metric, candidates=grid)(fitted, split[2])
    # The same products, summed in another order.
    assert own == pytest.approx(make_ranking_scorer(metric)(fitted, split[2]), rel=1e-4)


def test_a_user_without_candidates_finds_nothing(split):
    rec = PopularityRecommender().fit([["ann", 1], ["bob", 2], ["eve", 3]])
    scorer = make_ranking_scorer(["recall@5", "auc"], candidates={"ann": [2, 3], "bob": [1]})
    report = scorer(rec, [["ann", 2], ["bob", 3], ["eve", 1]])
    assert report["recall@5"] == pytest.approx(1 / 3)
    # Ann's item is before the other, Bob's is missed, and Eve has nothing that it could be before.
    assert report["auc"] == pytest.approx((1 + 0 + 0.5) / 3)


def test_a_dict_and_a_table_are_one(fitted, split, sampled):
    own = {user: rows["item"].to_numpy() for user, rows in sampled.groupby("user")}
    scores = [ranking_report(fitted, split[2], candidates=given) for given in (own, sampled)]
    pd.testing.assert_frame_equal(*scores)


def test_own_candidates_in_cross_validation(planted, sampled):
    scorer = make_ranking_scorer("recall@5", candidates=sampled)
    scores = cross_val_score(
        PopularityRecommender(), *planted[:2], cv=UserHoldoutSplit(random_state=0), scoring=scorer, error_score="raise"
    )
    assert 0 < scores[0] < 1


def test_candidates_are_read_once(fitted, split):
    """A generator is not used up by the first score, and a list that is changed later changes nothing."""
    once = make_ranking_scorer("recall@5", candidates=(item for item in fitted.items_[:50].tolist()))
    again = make_ranking_scorer("recall@5", candidates=(listed := fitted.items_[:50].tolist()))
    listed.clear()
    assert once(fitted, split[2]) == once(fitted, split[2]) == again(fitted, split[2]) > 0


@pytest.mark.parametrize("make", [make_ranking_scorer, lambda name, **options: ranking_report(None, None, **options)])
@pytest.mark.parametrize("value", ["m3", b"m3", 7, {1: 7}, np.array(7)])
def test_anything_else_is_refused_when_the_scorer_is_made(make, value):
    with pytest.raises((TypeError, ValueError), match=r"candidates.* must be a list of item ids"):
        make("recall@5", candidates=value)


def test_candidates_of_unknown_users_are_refused(fitted, split):
    with pytest.raises(ValueError, match=r"None of the 1 users of candidates \(first: -1\) is asked for or known"):
        make_ranking_scorer("recall@5", candidates={-1: [1]})(fitted, split[2])
