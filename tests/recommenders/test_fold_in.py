"""Fold-in: the vector of a user depends only on the user's history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from estimators import small

from sklearn_recsketch import BPRRecommender, SideFeatures, WRMFRecommender
from sklearn_recsketch._ranking import top_k as _ranking

MODELS = [
    *small(n_components=6, max_iter=5),
    *small([BPRRecommender], 6, max_iter=5, negative_sampling="popularity"),
]


@pytest.fixture(params=MODELS, ids=str)
def fitted(request, planted):
    X, y, _ = planted
    return request.param.fit(X, y)


@pytest.fixture
def histories(planted):
    X, _, _ = planted
    return X.iloc[:300].assign(user=X["user"].iloc[:300] % 20 + 10_000)


def vectors_of(fitted, history):
    """Scores of all items for each user."""
    table = fitted.recommend(history=history, k=len(fitted.items_), exclude_seen=False)
    return table.pivot_table(index="user", columns="item", values="score")


def test_a_single_user_gets_the_same_vector_as_in_a_batch(fitted, histories):
    batch = vectors_of(fitted, histories)
    for user in batch.index[:5]:
        alone = vectors_of(fitted, histories[histories["user"] == user])
        # The same vector, but the matrix product of the scores has a different shape.
        np.testing.assert_allclose(alone.loc[user], batch.loc[user], rtol=1e-4, atol=1e-5)


def test_fold_in_is_the_same_for_any_number_of_threads_and_each_time(fitted, histories):
    first = vectors_of(fitted, histories)
    threaded = fitted.set_params(n_jobs=2)
    for _ in range(3):
        pd.testing.assert_frame_equal(vectors_of(threaded, histories), first, rtol=1e-4, atol=1e-5)
    fitted.set_params(n_jobs=None)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_query_does_not_advance_the_random_state_of_the_caller(model, planted, histories):
    X, y, _ = planted
    generator = np.random.RandomState(0)
    fitted = model.__class__(6, max_iter=2, random_state=generator).fit(X, y)
    before = generator.get_state()[1].copy()
    fitted.recommend(history=histories, k=3)
    np.testing.assert_array_equal(generator.get_state()[1], before)


def test_strength_zero_in_a_history_excludes_nothing(fitted):
    history = [[555, int(item), 0.0] for item in fitted.items_[:95]]
    assert len(fitted.recommend(history=history, k=100)) == 100


def test_an_empty_table_of_exclusions_excludes_nothing(fitted, planted):
    X, _, _ = planted
    user = fitted.users_[:1]
    pd.testing.assert_frame_equal(fitted.recommend(user, exclude=X.iloc[:0]), fitted.recommend(user))


def test_long_lists_start_with_the_short_lists(fitted):
    users = fitted.users_[:30]
    short, long = fitted.recommend(users, k=10), fitted.recommend(users, k=1000)
    assert long.groupby("user").size().max() > 10
    head = long[long["rank"] <= 10].reset_index(drop=True)
    pd.testing.assert_frame_equal(head[["user", "rank", "item"]], short[["user", "rank", "item"]])


def test_sorting_all_scores_equals_inserting(monkeypatch, fitted):
    inserted = fitted.recommend(k=50)
    monkeypatch.setattr(_ranking, "LARGEST_INSERTION", 1)
    pd.testing.assert_frame_equal(fitted.recommend(k=50), inserted, rtol=1e-5)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_new_items_with_features_keep_the_weights_of_known_features(model, planted):
    X, y, tags = planted
    fitted = model.__class__(6, max_iter=3, random_state=0).fit(X, y, item_features=tags)
    weights = dict(zip(fitted.item_encoder_.feature_names_, fitted.item_encoder_.idf_))
    new = SideFeatures.from_dicts({90_000 + i: {"tag": "t0"} for i in range(50)})
    fitted.partial_fit(X.iloc[:1], item_features=new)
    for name, weight in zip(fitted.item_encoder_.feature_names_, fitted.item_encoder_.idf_):
        assert weight == weights[name]  # the embeddings were learned with these weights


def test_auto_is_as_good_as_exact_at_large_strengths(planted):
    X, _, _ = planted
    y = 1e5 * np.random.default_rng(0).random(len(X)) + 1
    losses = [
        WRMFRecommender(8, solver=s, max_iter=10, random_state=0).fit(X, y).loss_curve_[-1]
        for s in ("auto", "cholesky")
    ]
    # Rows may be off by 3e-5 in each of 20 half-iterations, and these differences add up.
    assert losses[0] < 1.05 * losses[1]


def test_histories_of_all_users_do_not_change_the_model(fitted, planted):
    X, y, _ = planted
    before = fitted.user_factors_.copy(), fitted.item_factors_.copy()
    fitted.recommend(fitted.users_, history=X.assign(weight=np.asarray(y)[::-1]))
    np.testing.assert_array_equal(fitted.user_factors_, before[0])
    np.testing.assert_array_equal(fitted.item_factors_, before[1])
