"""Warnings about unknown ids in a query."""

from __future__ import annotations

import warnings

import pytest
from estimators import RECOMMENDERS, WITH_FACTORS, small

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.exceptions import UnknownFeatureWarning, UnknownIdWarning

X = [["u1", "a"], ["u1", "b"], ["u2", "b"], ["u2", "c"], ["u3", "c"]]
FEATURES = SideFeatures.from_dicts({item: {"tag": item} for item in "abc"})


@pytest.fixture(params=small(RECOMMENDERS, 2, max_iter=2), ids=lambda rec: type(rec).__name__)
def rec(request):
    return request.param.fit(X, item_features=FEATURES)


@pytest.fixture
def of_features(rec):
    """Whether side features change the scores."""
    return isinstance(rec, tuple(WITH_FACTORS))


def messages(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert {warning.category for warning in caught} <= {UnknownFeatureWarning, UnknownIdWarning}
    assert {warning.filename for warning in caught} <= {__file__}
    return [str(warning.message) for warning in caught]


def test_unknown_users_are_counted_and_the_first_is_named(rec):
    (message,) = messages(lambda: rec.recommend(["u1", "x", "y", "x"]))
    assert message.startswith("3 of the 4 users are unknown (first: 'x'). Their recommendations are not personalized.")
    assert "history=" in message


def test_unknown_candidates_are_counted_and_the_first_is_named(rec):
    (message,) = messages(lambda: rec.recommend("u1", candidates=["c", "nope"]))
    assert message.startswith("1 of the 2 candidates is unknown (first: 'nope'). There are no data on which")


def test_unknown_items_in_a_history_are_counted_and_the_first_is_named(rec):
    (message,) = messages(lambda: rec.recommend(history=["a", "nope", "nope either"]))
    assert message.startswith("2 of the 3 items in history are unknown (first: 'nope'). They say little about a user.")


def test_items_of_both_histories_do_not_warn():
    rec = WRMFRecommender(2, max_iter=2, random_state=0).fit(X)
    assert messages(lambda: rec.recommend(history=["a", "new"], item_history={"new": ["u1", "u2"]})) == []


def test_unknown_users_with_a_history_do_not_warn(rec):
    assert messages(lambda: rec.recommend("x", history=["a"])) == []


def test_unknown_items_with_features_warn_only_if_features_are_not_used(rec, of_features):
    new = SideFeatures.from_dicts({"new": {"tag": "a"}})
    found = messages(lambda: rec.recommend("u1", candidates=["c", "new"], item_features=new))
    assert len(found) == (0 if of_features else 1)
    assert not any("item_features" in message for message in found)


def test_unknown_items_with_a_history_do_not_warn():
    rec = WRMFRecommender(2, max_iter=2, random_state=0).fit(X)
    assert messages(lambda: rec.recommend("u1", item_history={"new": ["u1", "u2"]})) == []


@pytest.fixture
def tagged():
    features = {item: {"tag": item, "year": year} for item, year in zip("abc", [1.0, 2.0, 3.0])}
    encoder = SideFeatureEncoder(standardize=True)
    return WRMFRecommender(2, max_iter=2, item_encoder=encoder, random_state=0).fit(
        X, item_features=SideFeatures.from_dicts(features)
    )


def test_items_with_unknown_features_only_are_counted_and_the_first_is_named(tagged):
    new = SideFeatures.from_dicts({"n1": {"tag": "a"}, "n2": {"genre": "noir", "tag": "z"}, "n3": {"tag": "y"}})
    (message,) = messages(lambda: tagged.recommend("u1", candidates=["n1", "n2", "n3"], item_features=new))
    assert message.startswith(
        "2 of the 3 items with item_features have no feature that occurred in fit (first: 'n2' with 'genre=noir'). "
        "Features that did not occur in fit are ignored. Keys in fit: ['tag', 'year']."
    )


def test_users_with_unknown_features_only_are_named():
    lands = SideFeatures.from_dicts({"u1": {"land": "DE"}, "u2": {"land": "FR"}, "u3": {"land": "FR"}})
    rec = WRMFRecommender(2, max_iter=2, random_state=0).fit(X, user_features=lands)
    (message,) = messages(lambda: rec.recommend(user_features=SideFeatures.from_dicts({"u4": {"country": "DE"}})))
    assert message.startswith("1 of the 1 users with user_features has no feature that occurred in fit (first: 'u4'")


@pytest.mark.parametrize(
    "features",
    [{"tag": "a", "genre": "noir"}, {"year": 2.0}, {}],
    ids=["some are known", "a measurement equal to its mean", "none"],
)
def test_other_features_of_new_items_do_not_warn(tagged, features):
    new = SideFeatures.from_dicts({"new": features})
    assert messages(lambda: tagged.recommend("u1", candidates=["new"], item_features=new)) == []


def test_features_that_the_encoder_dropped_do_not_warn():
    encoder = SideFeatureEncoder(min_count=2)
    rec = WRMFRecommender(2, max_iter=2, item_encoder=encoder, random_state=0).fit(X, item_features=FEATURES)
    assert messages(lambda: rec.recommend("u1", item_features=FEATURES)) == []


def test_unknown_features_of_items_outside_of_the_query_do_not_warn(tagged):
    new = SideFeatures.from_dicts({"n1": {"tag": "a"}, "n2": {"genre": "noir"}})
    assert messages(lambda: tagged.recommend("u1", candidates=["n1"], item_features=new)) == []


def test_unknown_items_to_exclude_do_not_warn(rec):
    """A list of items that are out of stock may contain items that nobody has interacted with."""
    assert messages(lambda: rec.recommend("u1", exclude=["nope"])) == []
