"""Features in the embedded space."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from estimators import small
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    SideFeatures,
    WRMFRecommender,
)
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import (
    items_like_feature,
    similar_features,
    similar_user_features,
    suggest_features,
    suggest_user_features,
    users_like_feature,
)


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


def test_items_like_feature_ranks_items_by_cosine(fitted):
    table = items_like_feature(fitted, "tag=t3", k=7)
    names = fitted.item_encoder_.feature_names_.tolist()
    expected = cosine(feature_embeddings(fitted)[[names.index("tag=t3")]], fitted.item_factors_)[0]
    # float32 sums in another order
    np.testing.assert_allclose(table["score"], np.sort(expected)[::-1][:7], rtol=1e-5)


def test_carriers_of_a_feature_come_before_others(fitted, data):
    tags = data[2]
    has = tags.matrix[:, [tags.feature_names().tolist().index("tag=t3")]].toarray().ravel() > 0
    table = items_like_feature(fitted, "tag=t3", k=len(tags.ids))
    carrier = np.isin(table["item"], tags.ids[has])
    # Mean rank of carriers in the first half: were tags without effect, it would be half of the items.
    assert table["rank"][carrier].mean() < 0.4 * len(tags.ids)


def test_sorting_keeps_to_the_candidates(fitted):
    candidates = fitted.items_[[40, 3, 3, 9]]
    table = items_like_feature(fitted, "tag=t3", k=50, candidates=candidates)
    whole = items_like_feature(fitted, "tag=t3", k=len(fitted.items_))
    assert table["item"].tolist() == whole["item"][whole["item"].isin(candidates)].tolist()


def test_a_suggestion_scores_as_somebody_who_likes_what_has_it(fitted, data):
    tags = data[2]
    item = fitted.items_[5]
    table = suggest_features(fitted, item, k=3)
    for feature, score in zip(table["feature"], table["score"]):
        column = tags.feature_names().tolist().index(feature)
        carriers = tags.ids[tags.matrix[:, [column]].toarray().ravel() > 0]
        answer = fitted.recommend(history=[[-1, carrier] for carrier in carriers], candidates=[item])
        # float32, and a chunk of rows of another length is solved in other blocks
        np.testing.assert_allclose(score, answer["score"], rtol=1e-4, atol=1e-5)


def test_features_that_are_switched_off_are_known_to_be_there(data):
    X, y, tags = data
    rec = WRMFRecommender(4, random_state=0).set_params(item_encoder__feature_weight=0).fit(X, y, item_features=tags)
    item = rec.items_[0]
    present = tags.feature_names()[tags.matrix[[tags.ids.tolist().index(item)]].indices]
    assert not set(present) & set(suggest_features(rec, item, k=20)["feature"])


def test_no_candidates_are_an_error(fitted):
    with pytest.raises(ValueError, match="candidates is empty: give at least one item"):
        items_like_feature(fitted, "tag=t3", candidates=[])


def test_unknown_candidates_stand_for_the_mean_item_with_a_warning(fitted):
    with pytest.warns(UserWarning, match=r"1 of the 2 item ids are unknown \(first: -9\)"):
        table = items_like_feature(fitted, "tag=t3", candidates=[-9, fitted.items_[0]])
    assert sorted(table["item"]) == [-9, fitted.items_[0]]


def test_a_feature_that_is_no_text_is_named(fitted):
    with pytest.raises(ValueError, match="There is no item feature 5"):
        items_like_feature(fitted, 5)


def test_features_too_rare_for_the_encoder_are_said_to_be(data):
    X, y, tags = data
    rec = WRMFRecommender(4, random_state=0).set_params(item_encoder__min_count=10_000).fit(X, y, item_features=tags)
    with pytest.raises(ValueError, match="No item feature is on 10000 ids: lower min_count"):
        items_like_feature(rec, "tag=t3")


def test_suggestions_are_never_features_the_item_has(fitted, data):
    tags = data[2]
    table = suggest_features(fitted, fitted.items_, k=20)
    for item, suggested in table.groupby("item")["feature"]:
        row = tags.matrix[[tags.ids.tolist().index(item)]]
        assert not set(tags.feature_names()[row.indices]) & set(suggested)


def test_suggestions_keep_to_the_prefix(fitted):
    assert suggest_features(fitted, fitted.items_[0], k=20, prefix="tag=t1")["feature"].str.startswith("tag=t1").all()


def test_similar_features_leaves_out_the_feature_itself(fitted):
    table = similar_features(fitted, ["tag=t3", "tag=t4"], k=19)
    assert (table["feature"] != table["similar_feature"]).all()
    assert len(table) == 38


def test_a_misspelt_feature_gets_the_nearest_names(fitted):
    with pytest.raises(ValueError, match=r"no item feature 'tag=t33'\. The nearest are \['tag=t3'"):
        items_like_feature(fitted, "tag=t33")


def test_an_unknown_item_is_named(fitted):
    with pytest.raises(ValueError, match="The item 9999 is unknown"):
        suggest_features(fitted, [fitted.items_[0], 9999])


def test_a_prefix_no_feature_has_is_an_error(fitted):
    with pytest.raises(ValueError, match=r"No item feature starts with prefix='category='"):
        suggest_features(fitted, fitted.items_[0], prefix="category=")


def test_a_model_without_features_says_how_to_fit_it(data):
    with pytest.raises(ValueError, match=r"was fitted without item features: fit\(X, y, item_features="):
        items_like_feature(WRMFRecommender(4, random_state=0).fit(*data[:2]), "tag=t3")


def test_a_model_without_embeddings_says_so(data):
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        items_like_feature(PopularityRecommender().fit(*data[:2]), "tag=t3")


def test_no_features_asked_for_is_an_empty_table(fitted):
    assert len(items_like_feature(fitted, [])) == 0


def test_pipelines_are_unwrapped(data):
    X, y, tags = data
    pipe = Pipeline([("threshold", InteractionThresholder()), ("rec", WRMFRecommender(4, random_state=0))])
    pipe.fit(X, y, rec__item_features=tags)
    assert len(items_like_feature(pipe, "tag=t3", k=4)) == 4


def test_an_item_with_every_feature_gets_no_suggestion(data):
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
    lands = SideFeatures.from_dicts(
        {int(user): {"land": f"l{user % 5}", "likes": f"t{tag}"} for user, tag in favourites.items()}
    )
    return request.param.fit(X, y, user_features=lands), lands


def user_embeddings(rec):
    return rec.user_embeddings_[len(rec.users_) :]


def test_users_like_feature_ranks_users_by_cosine(fitted_on_users):
    rec, _ = fitted_on_users
    table = users_like_feature(rec, "land=l2", k=6)
    place = rec.user_encoder_.feature_names_.tolist().index("land=l2")
    expected = cosine(user_embeddings(rec)[[place]], rec.user_factors_)[0]
    assert table.columns.tolist() == ["feature", "rank", "user", "score"]
    np.testing.assert_allclose(table["score"], np.sort(expected)[::-1][:6], rtol=1e-5)  # float32 sums in another order


def test_suggested_user_features_are_the_others_with_the_prefix(fitted_on_users):
    rec, _ = fitted_on_users
    table = suggest_user_features(rec, rec.users_[:9], k=20, prefix="land=")
    for user, suggested in table.groupby("user")["feature"]:
        assert sorted(suggested) == sorted({f"land=l{n}" for n in range(5)} - {f"land=l{user % 5}"})


def test_a_suggested_user_feature_scores_as_an_item_that_those_who_have_it_like(fitted_on_users):
    rec, lands = fitted_on_users
    user = rec.users_[3]
    best = suggest_user_features(rec, user, k=1, prefix="likes=").iloc[0]
    column = lands.feature_names().tolist().index(best["feature"])
    carriers = lands.ids[lands.matrix[:, [column]].toarray().ravel() > 0]
    answer = rec.recommend([user], item_history=[[carrier, -1] for carrier in carriers], candidates=[-1])
    np.testing.assert_allclose(best["score"], answer["score"], rtol=1e-4, atol=1e-5)  # as above


def test_similar_user_features_are_ranked_by_the_cosine_of_embeddings(fitted_on_users):
    rec, _ = fitted_on_users
    names = rec.user_encoder_.feature_names_
    table = similar_user_features(rec, "land=l1", k=3, prefix="land=")
    vectors = user_embeddings(rec)[[name.startswith("land=") for name in names]]
    expected = cosine(user_embeddings(rec)[[names.tolist().index("land=l1")]], vectors)[0]
    np.testing.assert_allclose(table["score"], np.sort(expected)[::-1][1:4], rtol=1e-5)


def test_features_of_users_are_missed_by_name(fitted):
    with pytest.raises(ValueError, match=r"was fitted without user features: fit\(X, y, user_features="):
        users_like_feature(fitted, "tag=t3")


def test_names_of_features_may_be_an_arrow_array_but_not_bytes(fitted):
    table = items_like_feature(fitted, pa.array(["tag=t3"]), k=3)
    assert table.equals(items_like_feature(fitted, "tag=t3", k=3))
    with pytest.raises(ValueError, match=r"There is no item feature b'tag=t3'\. The nearest are .*tag=t3"):
        items_like_feature(fitted, b"tag=t3")
