"""rank_by_feature, suggest_features and similar_features."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from estimators import small
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    SideFeatures,
    WRMFRecommender,
)
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import rank_by_feature, similar_features, suggest_features


@pytest.fixture(scope="module")
def data():
    return make_interactions(n_users=300, n_items=120, n_tags=20, return_features=True, random_state=0)


@pytest.fixture(scope="module", params=small(n_components=8, max_iter=5), ids=lambda model: type(model).__name__)
def fitted(request, data):
    X, y, tags = data
    return request.param.fit(X, y, item_features=tags)


def cosine(a, b):
    return (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)


def feature_embeddings(fitted):
    return fitted.item_embeddings_[len(fitted.items_) :]


def test_rank_by_feature_ranks_items_by_cosine_similarity(fitted):
    table = rank_by_feature(fitted, "tag=t3", k=7)
    names = fitted.item_encoder_.feature_names_.tolist()
    expected = cosine(feature_embeddings(fitted)[[names.index("tag=t3")]], fitted.item_factors_)[0]
    # The order of float32 sums differs.
    np.testing.assert_allclose(table["score"], np.sort(expected)[::-1][:7], rtol=1e-5)


def test_items_with_the_feature_are_ranked_before_others(fitted, data):
    tags = data[2]
    has = tags.matrix[:, [tags.feature_names().tolist().index("tag=t3")]].toarray().ravel() > 0
    table = rank_by_feature(fitted, "tag=t3", k=len(tags.ids))
    has_feature = np.isin(table["item"], tags.ids[has])
    # The mean rank would be 0.5 * n_items if tags had no effect.
    assert table["rank"][has_feature].mean() < 0.4 * len(tags.ids)


def test_only_candidates_are_ranked(fitted):
    candidates = fitted.items_[[40, 3, 3, 9]]
    table = rank_by_feature(fitted, "tag=t3", k=50, candidates=candidates)
    full = rank_by_feature(fitted, "tag=t3", k=len(fitted.items_))
    assert table["item"].tolist() == full["item"][full["item"].isin(candidates)].tolist()


def test_features_with_zero_weight_are_not_suggested_for_items_that_have_them(data):
    X, y, tags = data
    rec = WRMFRecommender(4, random_state=0).set_params(item_encoder__feature_weight=0).fit(X, y, item_features=tags)
    item = rec.items_[0]
    present = tags.feature_names()[tags.matrix[[tags.ids.tolist().index(item)]].indices]
    assert not set(present) & set(suggest_features(rec, item, k=20)["feature"])


def test_empty_candidates_are_an_error(fitted):
    with pytest.raises(ValueError, match="candidates is empty: give at least one item"):
        rank_by_feature(fitted, "tag=t3", candidates=[])


def test_unknown_candidates_are_ranked_as_the_mean_item_with_a_warning(fitted):
    with pytest.warns(UserWarning, match=r"1 of the 2 candidates is unknown \(first: -9\). Each is .* the mean item"):
        table = rank_by_feature(fitted, "tag=t3", candidates=[-9, fitted.items_[0]])
    assert sorted(table["item"]) == [-9, fitted.items_[0]]


def test_the_error_names_a_feature_that_is_not_text(fitted):
    with pytest.raises(ValueError, match="There is no item feature 5"):
        rank_by_feature(fitted, 5)


def test_features_below_min_count_are_an_error(data):
    X, y, tags = data
    rec = WRMFRecommender(4, random_state=0).set_params(item_encoder__min_count=10_000).fit(X, y, item_features=tags)
    with pytest.raises(ValueError, match="No feature belongs to at least min_count=10000 items"):
        rank_by_feature(rec, "tag=t3")


def test_features_that_the_item_has_are_not_suggested(fitted, data):
    tags = data[2]
    table = suggest_features(fitted, fitted.items_, k=20)
    for item, suggested in table.groupby("item")["feature"]:
        row = tags.matrix[[tags.ids.tolist().index(item)]]
        assert not set(tags.feature_names()[row.indices]) & set(suggested)


def test_suggested_features_start_with_the_prefix(fitted):
    assert suggest_features(fitted, fitted.items_[0], k=20, prefix="tag=t1")["feature"].str.startswith("tag=t1").all()


def test_similar_features_excludes_the_feature_itself(fitted):
    table = similar_features(fitted, ["tag=t3", "tag=t4"], k=19)
    assert (table["feature"] != table["similar_feature"]).all()
    assert len(table) == 38


def test_the_error_for_a_misspelt_feature_suggests_similar_names(fitted):
    with pytest.raises(ValueError, match=r"no item feature 'tag=t33'\. Similar names: \['tag=t3'"):
        rank_by_feature(fitted, "tag=t33")


def test_the_error_names_an_unknown_item(fitted):
    with pytest.raises(ValueError, match="The item 9999 is unknown"):
        suggest_features(fitted, [fitted.items_[0], 9999])


def test_a_prefix_without_features_is_an_error(fitted):
    with pytest.raises(ValueError, match=r"No item feature starts with prefix='category='"):
        suggest_features(fitted, fitted.items_[0], prefix="category=")


def test_a_model_fitted_without_features_is_an_error(data):
    with pytest.raises(ValueError, match=r"was fitted without item features\. Call fit\(X, y, item_features="):
        rank_by_feature(WRMFRecommender(4, random_state=0).fit(*data[:2]), "tag=t3")


def test_a_model_without_embeddings_is_an_error(data):
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        rank_by_feature(PopularityRecommender().fit(*data[:2]), "tag=t3")


def test_an_empty_list_of_features_gives_an_empty_table(fitted):
    assert len(rank_by_feature(fitted, [])) == 0


def test_pipelines_are_unwrapped(data):
    X, y, tags = data
    pipe = Pipeline([("threshold", InteractionThresholder()), ("rec", WRMFRecommender(4, random_state=0))])
    pipe.fit(X, y, rec__item_features=tags)
    assert len(rank_by_feature(pipe, "tag=t3", k=4)) == 4


def test_an_item_with_all_features_gets_no_suggestions(data):
    X, y, _ = data
    tags = SideFeatures.from_dicts({int(item): {"tag": ["a", "b"]} for item in X["item"].unique()})
    rec = WRMFRecommender(4, random_state=0).fit(X, y, item_features=tags)
    assert len(suggest_features(rec, rec.items_[0])) == 0


# Features of users.


@pytest.fixture(scope="module", params=small(n_components=8, max_iter=5), ids=lambda model: type(model).__name__)
def fitted_on_users(request, data):
    X, y, tags = data
    first_tag = dict(zip(tags.ids.tolist(), tags.matrix.tocsr().argmax(axis=1).tolist(), strict=True))
    favourites = X["item"].map(first_tag).groupby(X["user"]).agg(lambda of_items: of_items.mode()[0])
    features = SideFeatures.from_dicts(
        {int(user): {"country": f"l{user % 5}", "likes": f"t{tag}"} for user, tag in favourites.items()}
    )
    # After few epochs, WARP may not have learned anything from the features yet.
    return clone(request.param).set_params(max_iter=20).fit(X, y, user_features=features), features


def user_embeddings(rec):
    return rec.user_embeddings_[len(rec.users_) :]


def test_rank_by_feature_ranks_users_by_cosine_similarity(fitted_on_users):
    rec, _ = fitted_on_users
    table = rank_by_feature(rec, "country=l2", k=6, of="users")
    position = rec.user_encoder_.feature_names_.tolist().index("country=l2")
    expected = cosine(user_embeddings(rec)[[position]], rec.user_factors_)[0]
    assert table.columns.tolist() == ["feature", "rank", "user", "score"]
    # The order of float32 sums differs.
    np.testing.assert_allclose(table["score"], np.sort(expected)[::-1][:6], rtol=1e-5)


def test_all_other_user_features_with_the_prefix_are_suggested(fitted_on_users):
    rec, _ = fitted_on_users
    table = suggest_features(rec, rec.users_[:9], k=20, of="users", prefix="country=")
    for user, suggested in table.groupby("user")["feature"]:
        assert sorted(suggested) == sorted({f"country=l{n}" for n in range(5)} - {f"country=l{user % 5}"})


def test_similar_user_features_are_ranked_by_cosine_similarity(fitted_on_users):
    rec, _ = fitted_on_users
    names = rec.user_encoder_.feature_names_
    table = similar_features(rec, "country=l1", k=3, of="users", prefix="country=")
    vectors = user_embeddings(rec)[[name.startswith("country=") for name in names]]
    expected = cosine(user_embeddings(rec)[[names.tolist().index("country=l1")]], vectors)[0]
    np.testing.assert_allclose(table["score"], np.sort(expected)[::-1][1:4], rtol=1e-5)


def test_a_model_fitted_without_user_features_is_an_error(fitted):
    with pytest.raises(ValueError, match=r"was fitted without user features\. Call fit\(X, y, user_features="):
        rank_by_feature(fitted, "tag=t3", of="users")


@pytest.mark.parametrize("call", [rank_by_feature, suggest_features, similar_features])
def test_of_must_be_items_or_users(call, fitted):
    with pytest.raises(ValueError, match="of must be 'items' or 'users', got 'item_features'"):
        call(fitted, "tag=t3", of="item_features")


def test_names_of_features_may_be_an_arrow_array_but_not_bytes(fitted):
    table = rank_by_feature(fitted, pa.array(["tag=t3"]), k=3)
    assert table.equals(rank_by_feature(fitted, "tag=t3", k=3))
    with pytest.raises(ValueError, match=r"There is no item feature b'tag=t3'\. Similar names: .*tag=t3"):
        rank_by_feature(fitted, b"tag=t3")
