"""Nearest neighbours, and items near a feature, among candidates."""

import numpy as np
import pandas as pd
import pytest
from estimators import small
from sklearn.base import clone

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.inspection import rank_by_feature


@pytest.fixture(scope="module", params=small(), ids=lambda rec: type(rec).__name__)
def factors(request, planted):
    X, y, features = planted
    users = SideFeatures.from_dicts({int(user): {"land": f"l{user % 3}"} for user in [*np.unique(X["user"]), 10**6]})
    rows = ~X["item"].isin(np.unique(X["item"])[:5])
    return clone(request.param).fit(X[rows], y[rows], item_features=features, user_features=users)


@pytest.mark.parametrize("name", ["item", "user"])
@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_neighbours_among_candidates_per_id(factors, name, metric):
    similar, known = getattr(factors, f"similar_{name}s"), getattr(factors, f"{name}s_").tolist()
    own = {known[3]: known[:20], known[5]: [known[5], known[9]]}
    table = similar(candidates=own, metric=metric, k=7)
    single = [similar(id_, candidates=ids, metric=metric, k=7) for id_, ids in own.items()]
    pd.testing.assert_frame_equal(table, pd.concat(single, ignore_index=True), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["item", "user"])
def test_neighbours_among_cold_ids(factors, name):
    table = getattr(factors, f"similar_{name}s")(candidates="cold", k=10**6)
    counts = factors.interactions_.count_nonzero(axis=0 if name == "item" else 1)
    cold = getattr(factors, f"{name}s_")[counts == 0]
    assert set(table[f"similar_{name}"]) == set(cold)


@pytest.mark.parametrize("value", ["m3", b"7", 7, {"a": "b"}])
@pytest.mark.parametrize("name", ["item", "user"])
def test_other_candidates_of_neighbours_raise(factors, name, value):
    with pytest.raises((TypeError, ValueError), match=rf"candidates.* must be a list of {name} ids"):
        getattr(factors, f"similar_{name}s")(candidates=value)


def test_candidates_of_unknown_items_raise(factors):
    with pytest.raises(ValueError, match=r"None of the 1 items of candidates \(first: -5\) is in the query or known"):
        factors.similar_items(int(factors.items_[0]), candidates={-5: [1]})


@pytest.mark.parametrize("name", ["item", "user"])
@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_excluded_ids_are_left_out_of_the_neighbours_of_all(factors, name, metric):
    similar, known = getattr(factors, f"similar_{name}s"), getattr(factors, f"{name}s_")
    excluded = known[::3].tolist()
    everything = similar(k=10**6, metric=metric)
    expected = everything[~everything[f"similar_{name}"].isin(excluded)].groupby(name).head(4)
    table = similar(k=4, metric=metric, exclude=excluded)
    pd.testing.assert_frame_equal(
        table.drop(columns="rank"), expected.drop(columns="rank").reset_index(drop=True), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", ["item", "user"])
def test_neighbours_with_exclusions_per_id(factors, name):
    similar, known = getattr(factors, f"similar_{name}s"), getattr(factors, f"{name}s_").tolist()
    own = {known[3]: known[:20], known[5]: [known[9]], known[7]: []}
    table = similar(list(own), exclude=own, candidates=known[:40], k=7)
    single = [similar(id_, exclude=ids, candidates=known[:40], k=7) for id_, ids in own.items()]
    pd.testing.assert_frame_equal(table, pd.concat(single, ignore_index=True), rtol=1e-4, atol=1e-6)


def test_exclusions_of_some_ids_are_respected_if_all_ids_are_queried(factors):
    first, second = factors.items_[:2].tolist()
    best = factors.similar_items(first, k=1)["similar_item"].item()
    table = factors.similar_items(k=3, exclude={first: [best]})
    assert best not in table.loc[table["item"] == first, "similar_item"].tolist()
    pd.testing.assert_frame_equal(
        table[table["item"] == second].reset_index(drop=True), factors.similar_items(second, k=3), rtol=1e-4, atol=1e-6
    )


def test_nothing_is_left_if_all_items_are_excluded(factors):
    assert factors.similar_items(factors.items_[:3], exclude=factors.items_).empty


@pytest.mark.parametrize("value", ["m3", b"7", 7, {"a": "b"}])
def test_other_exclusions_of_neighbours_raise(factors, value):
    with pytest.raises((TypeError, ValueError), match=r"exclude.* must be a list of item ids"):
        factors.similar_items(exclude=value)


def test_items_near_a_feature_among_cold_items(factors):
    feature = factors.item_encoder_.feature_names_[-1]
    cold = factors.items_[factors.interactions_.count_nonzero(axis=0) == 0]
    assert set(rank_by_feature(factors, feature, 10**6, candidates="cold")["item"]) == set(cold)


@pytest.mark.parametrize("value", [{"tag": [1]}, [[1, 2]], np.ones((1, 2), int), "hot", 7])
def test_candidates_per_feature_raise(factors, value):
    feature = factors.item_encoder_.feature_names_[-1]
    with pytest.raises((TypeError, ValueError), match=r"candidate"):
        rank_by_feature(factors, feature, candidates=value)
