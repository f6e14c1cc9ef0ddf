"""Behaviour that all recommenders share."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from estimators import RECOMMENDERS, small
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_recsketch import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    SideFeatures,
    WRMFRecommender,
)
from sklearn_recsketch.metrics import precision_at_k

EVERY = pytest.mark.parametrize("rec", small(RECOMMENDERS, 6, max_iter=20), ids=lambda rec: type(rec).__name__)
WITH_FACTORS = pytest.mark.parametrize("rec", small(n_components=6, max_iter=20), ids=lambda rec: type(rec).__name__)


@pytest.fixture
def fitted(rec, planted):
    """A clone fitted on the planted data."""
    return clone(rec).fit(*planted[:2])


def scores_of(table):
    return {(row.user, row.item): row.score for row in table.itertuples()}


# The table of recommendations.


@EVERY
def test_table_has_ranks_from_one_and_descending_scores(fitted):
    table = fitted.recommend(k=7)
    assert table.columns.tolist() == ["user", "rank", "item", "score"]
    for _, rows in table.groupby("user"):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert (np.diff(rows["score"]) <= 0).all()


@EVERY
def test_users_keep_the_order_of_the_query(fitted):
    users = fitted.users_[[5, 0, 9]]
    assert fitted.recommend(users, k=2)["user"].drop_duplicates().tolist() == users.tolist()


@EVERY
def test_repeated_users_get_repeated_lists(fitted):
    table = fitted.recommend([fitted.users_[3]] * 2, k=4)
    assert table["item"][:4].tolist() == table["item"][4:].tolist()


@EVERY
def test_a_single_id_equals_a_list_of_one_id(fitted):
    user = int(fitted.users_[0])
    pd.testing.assert_frame_equal(fitted.recommend(user, k=3), fitted.recommend([user], k=3))


@EVERY
def test_scores_equal_predict(fitted):
    table = fitted.recommend(k=5)
    # The same float32 inner products, summed in a different order.
    np.testing.assert_allclose(fitted.predict(table[["user", "item"]]), table["score"], rtol=1e-4, atol=1e-5)


@EVERY
def test_best_items_have_the_largest_dense_scores(fitted):
    users = fitted.users_[:20]
    grid = pd.MultiIndex.from_product([users, fitted.items_], names=["user", "item"]).to_frame(index=False)
    scores = fitted.predict(grid).reshape(len(users), -1)
    table = fitted.recommend(users, k=1, exclude_seen=False)
    picked = np.searchsorted(fitted.items_, table["item"])
    np.testing.assert_allclose(scores[np.arange(len(users)), picked], scores.max(axis=1), rtol=1e-4)


@EVERY
def test_seen_items_are_excluded_unless_requested(fitted, planted):
    seen = set(map(tuple, planted[0].to_numpy().tolist()))
    assert not seen & set(scores_of(fitted.recommend(k=10)))
    assert seen & set(scores_of(fitted.recommend(k=10, exclude_seen=False)))


@EVERY
def test_large_k_gives_all_unseen_items(fitted):
    user = fitted.users_[0]
    n_seen = np.diff(fitted.interactions_.indptr)[0]
    assert len(fitted.recommend([user], k=10_000)) == len(fitted.items_) - n_seen


@EVERY
def test_user_who_has_seen_everything_gets_no_rows(rec):
    X = [["all", i] for i in range(4)] + [["some", 1], ["some", 2]]
    table = clone(rec).fit(X).recommend(["all", "some"], k=3)
    assert set(table["user"]) == {"some"}
    assert sorted(table["item"]) == [0, 3]


@EVERY
def test_one_user_and_one_item(rec):
    model = clone(rec).fit([["ann", 7]])
    assert len(model.recommend(k=5)) == 0
    assert model.recommend(k=5, exclude_seen=False)["item"].tolist() == [7]
    assert np.isfinite(model.predict([["ann", 7], ["bob", 8]])).all()


@EVERY
def test_ties_break_by_the_order_of_items(rec):
    # Popularity and equal vectors give all items the same score.
    model = clone(rec).fit([["ann", i] for i in (3, 1, 2)])
    if hasattr(model, "item_factors_"):
        model.item_factors_ = np.ones_like(model.item_factors_)
        if hasattr(model, "item_biases_"):
            model.item_biases_ = np.zeros_like(model.item_biases_)
    assert model.recommend(["ann"], k=3, exclude_seen=False)["item"].tolist() == [1, 2, 3]


@EVERY
def test_duplicate_rows_are_summed(rec, planted):
    X, y, _ = planted
    model = clone(rec).fit(pd.concat([X, X]), np.concatenate([y, y]))
    once = clone(rec).fit(X, 2 * y)
    np.testing.assert_array_equal(model.interactions_.toarray(), once.interactions_.toarray())
    np.testing.assert_array_equal(model.predict(X[:50]), once.predict(X[:50]))


# Unknown ids.


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@EVERY
def test_unknown_users_get_finite_recommendations(fitted):
    table = fitted.recommend([-1, int(fitted.users_[0]), 10**9], k=3)
    assert len(table) == 9
    assert np.isfinite(table["score"]).all()
    assert table["item"][:3].tolist() == table["item"][6:].tolist()


@EVERY
def test_unknown_pairs_have_finite_predictions(fitted):
    user, item = fitted.users_[0], fitted.items_[0]
    assert np.isfinite(fitted.predict([[user, -5], [-5, item], [-5, -5]])).all()


@WITH_FACTORS
def test_unknown_user_is_the_mean_user(fitted):
    item = fitted.items_[3]
    mean = np.mean(fitted.predict([[u, item] for u in fitted.users_]), dtype=np.float64)
    assert fitted.predict([[-1, item]])[0] == pytest.approx(mean, abs=1e-4)  # scores are linear in the user's vector


@WITH_FACTORS
def test_unknown_item_is_the_mean_item(fitted):
    user = fitted.users_[3]
    mean = np.mean(fitted.predict([[user, i] for i in fitted.items_]), dtype=np.float64)
    assert fitted.predict([[user, -1]])[0] == pytest.approx(mean, abs=1e-4)


# Candidates and exclusions.


@EVERY
def test_candidates_limit_the_items(fitted):
    chosen = fitted.items_[[8, 2, 5]]
    table = fitted.recommend(k=10, candidates=chosen, exclude_seen=False)
    assert set(table["item"]) == set(chosen)
    assert len(table) == 3 * len(fitted.users_)


@EVERY
def test_candidates_have_the_same_scores_as_without_candidates(fitted):
    user = fitted.users_[:1]
    expected = scores_of(fitted.recommend(user, k=500))
    found = scores_of(fitted.recommend(user, k=500, candidates=fitted.items_[::3]))
    assert found.keys() == {pair for pair in expected if pair[1] in set(fitted.items_[::3])}
    for pair, score in found.items():
        assert score == pytest.approx(expected[pair], rel=1e-4, abs=1e-5)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@EVERY
def test_unknown_candidates_are_ranked(fitted):
    table = fitted.recommend(fitted.users_[:2], k=5, candidates=[-7, int(fitted.items_[0])], exclude_seen=False)
    assert set(table["item"]) == {-7, fitted.items_[0]}


@EVERY
def test_excluded_items_are_recommended_to_nobody(fitted):
    excluded = fitted.recommend(k=1)["item"].unique()
    assert not set(fitted.recommend(k=20, exclude=excluded)["item"]) & set(excluded)


@EVERY
@pytest.mark.parametrize("as_array", [False, True])
def test_excluded_pairs_apply_only_to_their_user(fitted, as_array):
    first = fitted.recommend(k=1)
    pairs = first[["user", "item"]][:5]
    table = fitted.recommend(k=20, exclude=pairs.to_numpy() if as_array else pairs)
    recommended = set(scores_of(table))
    assert not recommended & set(map(tuple, pairs.to_numpy().tolist()))
    assert set(map(tuple, first[["user", "item"]][5:].to_numpy().tolist())) <= recommended


@EVERY
def test_excluding_all_items_gives_an_empty_table(fitted):
    assert len(fitted.recommend(k=3, exclude=fitted.items_)) == 0


@EVERY
def test_empty_candidates_raise(fitted):
    with pytest.raises(ValueError, match="candidates is empty"):
        fitted.recommend(k=3, candidates=[])


@EVERY
@pytest.mark.parametrize("k", [0, -1, 2.5, "3", True])
def test_invalid_cutoffs_raise(fitted, k):
    with pytest.raises(ValueError, match="k must be an int of at least 1"):
        fitted.recommend(k=k)


@EVERY
def test_unfitted_recommender_raises(rec):
    for call in (lambda r: r.recommend(), lambda r: r.predict([[1, 2]]), lambda r: r.score([[1, 2]])):
        with pytest.raises(NotFittedError):
            call(clone(rec))


# Histories.


@EVERY
def test_items_of_a_history_are_excluded(fitted):
    history = pd.DataFrame({"user": -1, "item": fitted.items_[:5]})
    table = fitted.recommend(history=history, k=200)
    assert set(table["user"]) == {-1}
    assert not set(table["item"]) & set(fitted.items_[:5])
    assert len(fitted.recommend(history=history, k=200, exclude_seen=False)) == len(fitted.items_)


@WITH_FACTORS
def test_history_moves_an_unknown_user_towards_its_items(rec, planted):
    X = planted[0]
    model = clone(rec).fit(X)
    history = X[X["user"].isin(X["user"].value_counts().index[:20])]
    history = history.assign(user=-1 - history["user"])
    table = model.recommend(history=history, k=500, exclude_seen=False)
    in_history = table.merge(history, on=["user", "item"])
    # By chance, the mean rank is (n + 1) / 2.
    assert in_history["rank"].mean() < 0.6 * (len(model.items_) + 1) / 2


@WITH_FACTORS
def test_history_predicts_held_out_items_of_unknown_users(rec, planted):
    X, _, _ = planted
    users = np.unique(X["user"])[::4]
    cold = X["user"].isin(users).to_numpy()
    model = clone(rec).fit(X[~cold])
    held_out = np.random.default_rng(0).random(len(X)) < 1 / 3
    table = model.recommend(users, history=X[cold & ~held_out], k=5)
    popular = PopularityRecommender().fit(X[~cold]).recommend(users, history=X[cold & ~held_out], k=5)
    test = X[cold & held_out & X["user"].isin(X[cold & ~held_out]["user"]).to_numpy()]
    assert precision_at_k(test, table, k=5) > precision_at_k(test, popular, k=5)


def test_fold_in_of_one_user_equals_a_batch(planted):
    X, y, _ = planted
    model = WRMFRecommender(6, max_iter=5, random_state=0).fit(X, y)
    history = X[:400].assign(y=y[:400])
    batch = scores_of(model.recommend(history=history, k=200))
    for user in history["user"].unique()[:5]:
        single = scores_of(model.recommend(history=history[history["user"] == user], k=200))
        for pair, score in single.items():
            assert score == pytest.approx(batch[pair], abs=1e-5)  # the same row, but the shape of the product differs


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@EVERY
def test_history_may_contain_unknown_items(fitted):
    table = fitted.recommend(history=[[-1, -8], [-1, int(fitted.items_[0])], [-2, -9]], k=3)
    assert np.isfinite(table["score"]).all()
    assert len(table) == 6


@EVERY
def test_history_does_not_change_the_model(fitted):
    before = {name: copy.deepcopy(value) for name, value in vars(fitted).items() if isinstance(value, np.ndarray)}
    fitted.recommend(history=[[-1, int(fitted.items_[0])]], k=3)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(fitted, name), value)


# Updates.


@EVERY
def test_partial_fit_adds_ids_and_interactions(fitted, planted):
    old_users, old_items = fitted.users_, fitted.items_
    fitted.partial_fit([[9001, int(old_items[0])], [int(old_users[0]), 9002]])
    assert set(fitted.users_) == {*old_users, 9001}
    assert set(fitted.items_) == {*old_items, 9002}
    assert fitted.interactions_.nnz == len(planted[0].drop_duplicates()) + 2
    assert np.isfinite(fitted.recommend([9001], k=3)["score"]).all()


@WITH_FACTORS
def test_partial_fit_keeps_learned_factors(fitted):
    users, before = fitted.users_, fitted.user_factors_
    fitted.partial_fit([[9001, int(fitted.items_[0])]])
    after = fitted.user_factors_[np.isin(fitted.users_, users)]
    cosine = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    # WRMF runs another iteration over all users. Independent vectors would have a mean cosine of 0.
    assert np.mean(cosine) > 0.9


@EVERY
def test_partial_fit_works_on_an_unfitted_estimator(rec, planted):
    model = clone(rec).partial_fit(*planted[:2])
    assert len(model.users_) == planted[0]["user"].nunique()
    assert np.isfinite(model.recommend(k=3)["score"]).all()


@WITH_FACTORS
def test_partial_fit_accepts_features_of_new_items(rec, planted):
    X, y, features = planted
    model = clone(rec).fit(X, y, item_features=features)
    tags = features.feature_names()[features.matrix[[0]].indices]
    new = SideFeatures.from_dicts({9002: {"tag": [tag.partition("=")[2] for tag in tags]}})
    model.partial_fit([[int(X["user"].iloc[0]), int(X["item"].iloc[0])]], item_features=new)
    # Item 9002 has the tags of item 0: its vector is the sum of their embeddings and the mean identity embedding.
    n, design = len(model.items_), model.item_encoder_.transform(model.item_features_)
    by_tags = design[[0], n:] @ model.item_embeddings_[n:]
    mean = model.item_embeddings_[:n][np.asarray(model.interactions_.sum(axis=0)).ravel() > 0].mean(axis=0)
    np.testing.assert_allclose(model.item_factors_[model.items_ == 9002], by_tags + mean, rtol=1e-4, atol=1e-5)


@EVERY
def test_partial_fit_in_parts_has_the_ids_and_interactions_of_fit(rec, planted):
    X, y, _ = planted
    parts = clone(rec).partial_fit(X[:1000], y[:1000]).partial_fit(X[1000:], y[1000:])
    whole = clone(rec).fit(X, y)
    np.testing.assert_array_equal(parts.users_, whole.users_)
    np.testing.assert_array_equal(parts.interactions_.toarray(), whole.interactions_.toarray())


def test_failed_partial_fit_keeps_the_model(planted):
    X, _, _ = planted
    model = BPRRecommender(4, max_iter=2, random_state=0).fit(X)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match="The model is the same as before"):
        model.set_params(learning_rate=1e30).partial_fit(X)
    assert vars(model).keys() == before.keys()
    for name in ("users_", "user_factors_", "item_factors_", "item_biases_", "loss_curve_"):
        np.testing.assert_array_equal(getattr(model, name), before[name])
    assert (model.interactions_ != before["interactions_"]).nnz == 0


@EVERY
def test_history_may_contain_users_outside_the_query(fitted):
    history = [[-1, int(fitted.items_[0])]]
    assert len(fitted.recommend(fitted.users_[:2], history=history, k=3)) == 6


# Parameters are validated again, because scikit-learn skips this in partial_fit of a fitted estimator.


@pytest.mark.parametrize(
    "rec, invalid",
    [
        (ItemKNNRecommender(), {"n_neighbors": 0}),
        (ItemKNNRecommender(), {"weighting": "tfidf"}),
        (EASERecommender(), {"regularization": -5.0}),
        (WRMFRecommender(2, max_iter=1), {"n_components": 0}),
        (BPRRecommender(2, max_iter=1), {"learning_rate": -1.0}),
    ],
    ids=str,
)
def test_partial_fit_of_a_fitted_recommender_validates_parameters(rec, invalid):
    rec = clone(rec).fit([[1, 2], [3, 4]]).set_params(**invalid)
    with pytest.raises(ValueError, match=f"The '{next(iter(invalid))}' parameter of {type(rec).__name__} must be"):
        rec.partial_fit([[1, 4]])
