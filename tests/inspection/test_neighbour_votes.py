"""Scores of suggest_features: similar items vote for their features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from estimators import small
from sklearn.base import clone

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import _neighbour_votes, suggest_features

RTOL = 1e-4  # the 20th power multiplies the rounding error of a float32 cosine by up to 20
MODELS = small(n_components=6, max_iter=4)
by_type = {"ids": lambda model: type(model).__name__}


@pytest.fixture(scope="module")
def data():
    return make_interactions(n_users=120, n_items=80, n_tags=12, return_features=True, random_state=0)


@pytest.fixture(scope="module", params=MODELS, **by_type)
def fitted(request, data):
    """A recommender with item features, where every fifth item has no tags, and with user features."""
    X, y, tags = data
    of_items = {item: of for item, of in tags_per_id(tags).items() if item % 5}
    of_users = {user: {"country": f"c{user % 7}", "device": [f"d{user % 3}", f"d{user % 2}"]} for user in range(120)}
    features = {"item_features": SideFeatures.from_dicts(of_items), "user_features": SideFeatures.from_dicts(of_users)}
    return clone(request.param).fit(X, y, **features)


def tags_per_id(features):
    names = features.values
    return {int(id_): {"tag": names[features.matrix[[row]].indices].tolist()} for row, id_ in enumerate(features.ids)}


def sets_of_features(features, ids):
    """Return the set of feature names of each id."""
    names = features.feature_names()
    of = {id_: set(names[features.matrix[[row]].indices]) for row, id_ in enumerate(features.ids)}
    return [of.get(id_, set()) for id_ in ids]


def shares(vectors, owned, i, feature):
    """Weighted share of the other items that have the feature, by the formula in the notes of suggest_features."""
    vectors = vectors.astype(np.float64)
    n = sum(bool(features) for features in owned)
    having = total = 0.0
    for j, features in enumerate(owned):
        if j == i or not features:
            continue
        cosine = vectors[i] @ vectors[j] / np.linalg.norm(vectors[i]) / np.linalg.norm(vectors[j])
        shared = sum(np.log(n / sum(s in other for other in owned)) for s in owned[i] & features)
        weight = ((1 + cosine) / 2) ** 20 * (1 + shared) / np.sqrt(len(features))
        total += weight
        having += weight * (feature in features)
    return having / total


@pytest.mark.parametrize("row", [1, 2, 0], ids=["first", "second", "without tags"])
def test_the_score_is_the_weighted_share_of_the_other_items_that_have_the_feature(fitted, row):
    owned = sets_of_features(fitted.item_features_, fitted.items_)
    table = suggest_features(fitted, fitted.items_[row], k=20)
    expected = [shares(fitted.item_factors_, owned, row, feature) for feature in table["feature"]]
    np.testing.assert_allclose(table["score"], expected, rtol=RTOL)


def test_the_score_is_the_weighted_share_of_the_other_users_that_have_the_feature(fitted):
    owned = sets_of_features(fitted.user_features_, fitted.users_)
    table = suggest_features(fitted, fitted.users_[4], k=20, of="users")
    expected = [shares(fitted.user_factors_, owned, 4, feature) for feature in table["feature"]]
    np.testing.assert_allclose(table["score"], expected, rtol=RTOL)


def test_all_features_that_the_item_does_not_have_are_ranked(fitted):
    table = suggest_features(fitted, fitted.items_[3], k=20)
    own = sets_of_features(fitted.item_features_, fitted.items_)[3]
    assert set(table["feature"]) == set(fitted.item_encoder_.feature_names_) - own


def test_suggestions_do_not_depend_on_the_other_items_of_the_call(fitted):
    together = suggest_features(fitted, fitted.items_[[7, 0, 3]], k=4)
    alone = pd.concat([suggest_features(fitted, item, k=4) for item in fitted.items_[[7, 0, 3]]], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, rtol=RTOL)


@pytest.mark.parametrize("values", [1, 500])
def test_suggestions_do_not_depend_on_the_size_of_the_blocks(fitted, monkeypatch, values):
    whole = suggest_features(fitted, fitted.items_, k=4)
    monkeypatch.setattr(_neighbour_votes, "BLOCK_VALUES", values)
    pd.testing.assert_frame_equal(suggest_features(fitted, fitted.items_, k=4), whole, rtol=RTOL)


def test_suggestions_do_not_depend_on_the_number_of_threads(fitted, monkeypatch):
    monkeypatch.setattr(_neighbour_votes, "BLOCK_VALUES", 500)
    tables = [suggest_features(clone_with(fitted, n_jobs), fitted.items_, k=4) for n_jobs in (1, 3)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def clone_with(fitted, n_jobs):
    copy = clone(fitted)
    copy.__dict__ |= fitted.__dict__
    return copy.set_params(n_jobs=n_jobs)


def test_a_repeated_item_gets_the_same_suggestions_twice(fitted):
    table = suggest_features(fitted, fitted.items_[[2, 2]], k=3)
    pd.testing.assert_frame_equal(table[:3], table[3:].reset_index(drop=True), rtol=RTOL)


def test_the_prefix_only_selects_rows_of_the_table(fitted):
    everything = suggest_features(fitted, fitted.users_[4], k=20, of="users")
    chosen = suggest_features(fitted, fitted.users_[4], k=20, of="users", prefix="device=")
    expected = everything[everything["feature"].str.startswith("device=")]
    np.testing.assert_array_equal(chosen["feature"], expected["feature"])
    np.testing.assert_allclose(chosen["score"], expected["score"], rtol=RTOL)


def test_suggesting_does_not_change_the_recommender(fitted):
    before = dict(vars(fitted))
    suggest_features(fitted, fitted.items_, k=3)
    assert vars(fitted) == before


# Planted tags. Users interact with the items of one community. The tags of a topic only occur together.

N_GROUPS = 6


def planted(hide_community, hide_topic, without_interactions=()):
    """Build interactions and tags. An item has a tag of its community and two tags of a topic, if none is hidden."""
    rng = np.random.default_rng(0)
    community, topic = rng.permutation(np.arange(240) % N_GROUPS), rng.permutation(np.arange(240) % N_GROUPS)
    users, items = rng.integers(0, 300, 24_000), rng.integers(0, 240, 24_000)
    kept = (users % N_GROUPS == community[items]) & ~np.isin(items, without_interactions)
    X = pd.DataFrame({"user": users[kept], "item": items[kept]}).drop_duplicates()
    tags = {}
    for item in range(240):
        of_topic = [f"topic{topic[item]}"] if item in hide_topic else [f"topic{topic[item]}", f"also{topic[item]}"]
        of_community = [] if item in hide_community else [f"community{community[item]}"]
        tags[item] = {"tag": of_topic + of_community}
    return X, tags, community, topic


def recovered(model, queries, wanted, k):
    """Fraction of the wanted tags among the k best suggestions of each item."""
    table = suggest_features(model, queries, k=k, prefix="tag=")
    found = set(zip(table["item"], table["feature"], strict=True))
    pairs = [(item, f"tag={tag}") for item, tags in zip(queries, wanted, strict=True) for tag in tags]
    return np.mean([pair in found for pair in pairs])


@pytest.mark.parametrize("model", small(n_components=8, max_iter=10), **by_type)
def test_hidden_tags_are_recovered_of_which_vectors_and_tags_alone_predict_half(model):
    hidden = np.arange(24)
    X, tags, community, topic = planted(hidden, hidden)
    fitted = clone(model).fit(X, item_features=SideFeatures.from_dicts(tags))
    wanted = [(f"community{community[item]}", f"also{topic[item]}") for item in hidden]
    # Tags alone do not tell the six communities apart, and interactions alone do not tell the six topics apart. Either
    # of them would recover half of the tags, and a sixth of the others by chance.
    assert recovered(fitted, hidden, wanted, k=2) > 0.8


@pytest.mark.parametrize("model", small(n_components=8, max_iter=10), **by_type)
def test_items_without_tags_get_the_tag_of_their_community(model):
    untagged = np.arange(24)
    X, tags, community, _ = planted((), ())
    features = SideFeatures.from_dicts({item: of for item, of in tags.items() if item not in untagged})
    fitted = clone(model).fit(X, item_features=features)
    assert recovered(fitted, untagged, [(f"community{community[item]}",) for item in untagged], k=1) > 0.8


@pytest.mark.parametrize("model", small(n_components=8, max_iter=10), **by_type)
def test_items_without_interactions_get_the_tags_that_occur_with_their_tags(model):
    hidden = np.arange(12)
    X, tags, _, topic = planted((), hidden, without_interactions=np.arange(60))
    fitted = clone(model).fit(X, item_features=SideFeatures.from_dicts(tags))
    # The other tags of topics and communities also get votes. A random tag would be the hidden one for an eleventh.
    assert recovered(fitted, hidden, [(f"also{topic[item]}",) for item in hidden], k=1) > 0.4


def test_without_a_vector_and_tags_the_most_frequent_tags_are_suggested():
    X = pd.DataFrame({"user": np.arange(20) % 6, "item": np.arange(20) % 10})
    features = SideFeatures.from_dicts(
        {item: {"tag": "abc"[(item > 4) + (item > 8)]} for item in range(10)} | {98: {}, 99: {}}
    )
    model = WRMFRecommender(4, item_encoder=SideFeatureEncoder(identity=False), random_state=0)
    fitted = model.fit(X, item_features=features)
    assert not fitted.item_factors_[10:].any()
    table = suggest_features(fitted, 99)
    assert table["feature"].tolist() == ["tag=a", "tag=b", "tag=c"]
    np.testing.assert_allclose(table["score"], [0.5, 0.4, 0.1], rtol=1e-6)  # the shares of the ten tagged items


# Values of features.


def suggestions(data, features, **encoder):
    """All suggestions of a model whose vectors do not depend on the features."""
    model = WRMFRecommender(4, item_encoder=SideFeatureEncoder(feature_weight=0, **encoder), random_state=0)
    fitted = model.fit(*data[:2], item_features=features)
    return suggest_features(fitted, fitted.items_, k=20)


def test_values_other_than_0_count_once(data):
    once = SideFeatures.from_dicts({item: dict.fromkeys(of["tag"], 1.0) for item, of in tags_per_id(data[2]).items()})
    factors = np.random.default_rng(0).uniform(0.5, 3, once.matrix.nnz)
    weighted = SideFeatures(once.ids, once.keys, once.values, with_values(once.matrix, factors))
    tables = [suggestions(data, features, standardize=False) for features in (once, weighted)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def with_values(matrix, values):
    copy = matrix.copy()
    copy.data = values
    return copy


def test_an_indicator_of_0_is_an_absent_feature(data):
    tags = tags_per_id(data[2])
    every = sorted({tag for of in tags.values() for tag in of["tag"]})
    ones = SideFeatures.from_dicts({item: dict.fromkeys(of["tag"], 1) for item, of in tags.items()})
    zeros = SideFeatures.from_dicts({item: {tag: int(tag in of["tag"]) for tag in every} for item, of in tags.items()})
    pd.testing.assert_frame_equal(suggestions(data, ones), suggestions(data, zeros), check_exact=True)


def test_a_measurement_of_0_is_a_feature_of_the_item(data):
    temperatures = {item: of | {"celsius": float(item % 3)} for item, of in tags_per_id(data[2]).items()}
    assert "celsius" not in suggestions(data, SideFeatures.from_dicts(temperatures))["feature"].tolist()


def test_features_below_min_count_do_not_vote(data):
    features = data[2]
    counts = np.bincount(features.matrix.indices)
    frequent = np.flatnonzero(counts >= 15)
    assert 0 < len(frequent) < len(counts)
    kept = SideFeatures(features.ids, features.keys[frequent], features.values[frequent], features.matrix[:, frequent])
    tables = suggestions(data, features, min_count=15), suggestions(data, kept)
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_features_that_no_item_has_get_no_votes():
    X, y = make_interactions(n_users=100, n_items=40, random_state=0)
    features = SideFeatures.from_dicts({int(item): {"vr": 0} for item in np.unique(X["item"])})
    rec = WRMFRecommender(4, random_state=0).set_params(item_encoder__standardize=False)
    table = suggest_features(rec.fit(X, y, item_features=features), rec.items_[:2])
    assert (table["score"] == 0).all()
