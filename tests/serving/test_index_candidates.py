"""Test candidates and exclusions in queries of an index, which follow the rules of the recommender."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_recsketch import SideFeatures, WRMFRecommender
from sklearn_recsketch.serving import EmbeddingIndex, to_index

USERS = [f"u{i}" for i in range(30)]
ITEMS = [f"m{i}" for i in range(40)]
RNG = np.random.default_rng(0)
X = pd.DataFrame([(u, ITEMS[i]) for u in USERS for i in RNG.choice(36, 5, replace=False)], columns=["user", "item"])
# All items differ, because a graph may return either of two equal ones.
FEATURES = SideFeatures.from_dicts({item: {"size": float(i * i), "tag": f"t{i % 4}"} for i, item in enumerate(ITEMS)})
QUERIES = ["u3", "u1", "u7"]


@pytest.fixture(scope="module")
def rec():
    return WRMFRecommender(4, max_iter=3, random_state=0).fit(X, item_features=FEATURES)


@pytest.fixture(scope="module", params=["exact", "hnsw"])
def index(request, rec):
    return to_index(rec, request.param)


CHOICES = {
    "list": ["m1", "m2", "m30", "m31", "m32"],
    "set": {"m1", "m2"},
    "array": np.array(["m9", "m1", "m2"]),
    "dict": {"u1": ["m1", "m2", "m30"], "u7": {"m4"}},
    "empty list of a user": {"u1": [], "u3": ["m5"]},
    "table": pd.DataFrame({"user": ["u1", "u3"], "item": ["m30", "m31"], "weight": 0.0}),
    "polars": pl.DataFrame({"user": ["u1", "u3"], "item": ["m30", "m31"]}),
    "pairs": [("u1", "m2"), ("u1", "m3")],
}


def assert_equal_tables(actual, expected):
    pd.testing.assert_frame_equal(actual, expected, rtol=1e-4)


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_an_index_recommends_as_the_recommender_does(index, rec, parameter, choice, exclude_seen):
    options = {parameter: choice, "exclude_seen": exclude_seen, "k": 6}
    assert_equal_tables(index.recommend(QUERIES, **options), rec.recommend(QUERIES, **options))


def test_candidates_and_exclusions_can_be_combined(index, rec):
    options = {"candidates": CHOICES["list"], "exclude": {"u1": ["m1"]}}
    assert_equal_tables(index.recommend(QUERIES, **options), rec.recommend(QUERIES, **options))


def test_cold_items_are_those_without_interactions(index, rec):
    assert_equal_tables(index.recommend(QUERIES, candidates="cold"), rec.recommend(QUERIES, candidates="cold"))


def test_a_loaded_index_accepts_candidates_and_exclusions(index, rec, tmp_path):
    index.save(tmp_path / "index")
    loaded = EmbeddingIndex.load(tmp_path / "index")
    options = {"candidates": "cold", "exclude": ["m37"]}
    assert_equal_tables(loaded.recommend(QUERIES, **options), rec.recommend(QUERIES, **options))


@pytest.mark.parametrize("of", ["items", "users"])
@pytest.mark.parametrize("per_query", [True, False])
@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
def test_neighbours_among_candidates_equal_those_of_the_recommender(rec, of, per_query, parameter):
    letter = "m" if of == "items" else "u"
    ids = [f"{letter}{i}" for i in (1, 2, 5)]
    chosen = {f"{letter}3": ids, f"{letter}1": ids[:2]} if per_query else ids
    queries = [f"{letter}3", f"{letter}1"]
    method = f"similar_{of}"
    index = to_index(rec, "exact", of=of, metric="cosine")
    actual, expected = (getattr(model, method)(queries, **{parameter: chosen}) for model in (index, rec))
    assert_equal_tables(actual, expected)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"candidates": "m1"}, ValueError, r"candidates must be a list .* got 'm1'"),
        ({"exclude": b"m1"}, TypeError, r"exclude must be a list .* Decode it"),
        ({"exclude": {"m1": ["u1"]}}, ValueError, r"None of the 1 users of exclude \(first: 'm1'\) is in the query"),
        ({"candidates": []}, ValueError, r"candidates is empty"),
        ({"candidates": ["m1", "new"]}, ValueError, r"The item 'new' of candidates is unknown to the index, .*Leave"),
        ({"candidates": [1]}, ValueError, r"The candidate ids are integers"),
    ],
)  # fmt: skip
def test_candidates_and_exclusions_are_validated_as_by_the_recommender(index, options, error, text):
    with pytest.raises(error, match=text):
        index.recommend(QUERIES, **options)


def test_an_index_by_cosine_does_not_know_which_items_are_cold(rec):
    index = to_index(rec, "exact", metric="cosine")
    with pytest.raises(ValueError, match=r"candidates='cold' .* an index by cosine does not keep interactions"):
        index.similar_items("m1", candidates="cold")
