"""Recommenders that only compute scores, compared with the same recommender as inner products."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch import PopularityRecommender, SideFeatures, WRMFRecommender
from sklearn_recsketch._ranking import top_k
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.metrics import make_ranking_scorer

METRICS = ["precision@5", "ndcg@5", "auc", "neg_preference_mse"]


class FromHistory(BaseRecommender):
    """Score each item by the strengths of the user's interactions with smaller ids, and by its position."""

    def _score_users(self, users, history):
        return history.toarray().cumsum(axis=1) + np.arange(len(self.items_)) / 1000


class AsScores(WRMFRecommender):
    """WRMF that ranks as a recommender without vectors does."""

    def _score_users(self, users, history):
        return self._score_vectors("user", users) @ self.item_factors_.T

    _query_scores = BaseRecommender._query_scores
    _predict_pairs = BaseRecommender._predict_pairs


@pytest.fixture(scope="module")
def pair(split):
    """The same model, ranked by inner products and by scores."""
    return [cls(6, random_state=0).fit(split[0], split[1]) for cls in (WRMFRecommender, AsScores)]


def test_recommendations_are_those_of_inner_products(pair):
    tables = [rec.recommend(k=7) for rec in pair]
    pd.testing.assert_frame_equal(*tables, rtol=1e-5)  # two orders of summation


@pytest.mark.parametrize("argument", ["candidates", "exclude"])
@pytest.mark.parametrize("form", ["list", "dict"])
def test_selections_of_items_are_those_of_inner_products(pair, argument, form):
    users, items = pair[0].users_[3:9], pair[0].items_[::3]
    selection = list(items) if form == "list" else {user: items[n:] for n, user in enumerate(users)}
    tables = [rec.recommend(users, k=5, **{argument: selection}) for rec in pair]
    pd.testing.assert_frame_equal(*tables, rtol=1e-5)


def test_predictions_are_those_of_inner_products(pair, split):
    X = split[2].iloc[::-1]
    np.testing.assert_allclose(pair[1].predict(X), pair[0].predict(X), rtol=1e-4, atol=1e-6)


def test_metrics_are_those_of_inner_products(pair, split):
    first, second = (make_ranking_scorer(METRICS)(rec, split[2]) for rec in pair)
    assert second == pytest.approx(first, rel=1e-5)


@pytest.fixture
def rec():
    return FromHistory().fit([["ann", 1], ["ann", 3], ["bob", 2], ["bob", 4], ["eve", 5]])


def test_a_history_replaces_the_interactions_in_fit(rec):
    table = rec.recommend(["ann", "new"], history=[["ann", 2], ["new", 2]], exclude_seen=False)
    ann, new = (table[table["user"] == user].drop(columns="user") for user in ("ann", "new"))
    pd.testing.assert_frame_equal(ann.reset_index(drop=True), new.reset_index(drop=True))


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_users_whose_history_is_passed_are_new_users():
    seen = []

    class Recorder(FromHistory):
        def _score_users(self, users, history):
            seen.append((users.tolist(), history.sum(axis=1).tolist()))
            return super()._score_users(users, history)

    rec = Recorder().fit([["ann", 1], ["ann", 3], ["bob", 2]], [1, 1, 4])
    rec.recommend(["bob", "ann", "nobody"], history=pd.DataFrame({"user": ["ann"], "item": [2]}))
    assert seen == [([1, -1, -1], [4.0, 1.0, 0.0])]


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_items_of_a_history_that_are_unknown_have_no_column(rec):
    known, both = ([["new", 2]], [["new", 2], ["new", 77]])
    first, second = (rec.recommend("new", history=history) for history in (known, both))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_unknown_items_have_the_mean_score(rec):
    known = rec.predict([["ann", item] for item in rec.items_])
    assert rec.predict([["ann", 77]]) == pytest.approx([known.mean()], rel=1e-6)
    assert rec.recommend("ann", candidates=[77])["score"].tolist() == pytest.approx([known.mean()], rel=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_items_with_features_are_candidates(rec):
    features = SideFeatures.from_dicts({77: {"tag": "new"}})
    assert 77 in rec.recommend("ann", item_features=features)["item"].tolist()


def test_histories_of_items_are_refused(rec):
    with pytest.raises(ValueError, match="FromHistory cannot compute the scores of new items from item_history"):
        rec.recommend("ann", item_history=[["ann", 77]])


@pytest.mark.parametrize("value, found", [(np.nan, "not finite"), (np.inf, "not finite"), (1e300, "not finite")])
def test_scores_must_be_finite(value, found):
    class Wrong(BaseRecommender):
        def _score_users(self, users, history):
            return np.full((len(users), len(self.items_)), value)

    with np.errstate(over="ignore"), pytest.raises(ValueError, match=rf"Wrong\._score_users must return.*{found}"):
        Wrong().fit([[1, 2], [3, 4]]).recommend()


def test_scores_must_have_a_column_per_item():
    class Wrong(BaseRecommender):
        def _score_users(self, users, history):
            return np.zeros((len(users), 1))

    with pytest.raises(ValueError, match=r"finite scores of shape \(2, 2\), got shape \(2, 1\)"):
        Wrong().fit([[1, 2], [3, 4]]).recommend()


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_scores_of_unknown_items_must_be_finite():
    class Wrong(FromHistory):
        def _score_unknown_items(self, scores):
            return np.full(len(scores), np.nan)

    rec = Wrong().fit([[1, 2], [3, 4]])
    for call in (lambda: rec.predict([[1, 5]]), lambda: rec.recommend(candidates=[5])):
        with pytest.raises(ValueError, match=r"_score_unknown_items must return finite scores of shape \(\d,\), got"):
            call()


def test_the_array_of_a_recommender_is_not_overwritten():
    class Constant(BaseRecommender):
        def _learn(self, interactions):
            return {"scores_": np.arange(4, dtype=np.float32).reshape(2, 2)}

        def _score_users(self, users, history):
            return self.scores_[users]

    rec = Constant().fit([[1, 2], [3, 4]])
    rec.recommend()
    np.testing.assert_array_equal(rec.scores_, np.arange(4).reshape(2, 2))


def test_partial_fit_is_fit_on_all_interactions():
    X = [["ann", 1], ["ann", 3], ["bob", 2], ["bob", 4], ["eve", 5]]
    parts = FromHistory().partial_fit(X[:3]).partial_fit(X[3:])
    pd.testing.assert_frame_equal(parts.recommend(), FromHistory().fit(X).recommend())


def test_a_subclass_must_compute_scores():
    rec = type("Nothing", (BaseRecommender,), {})().fit([[1, 2]])
    with pytest.raises(NotImplementedError, match="Nothing must implement _score_users"):
        rec.predict([[1, 2]])


def test_a_sparse_result_raises():
    class Sparse(BaseRecommender):
        def _score_users(self, users, history):
            return history

    with pytest.raises(ValueError, match=r"Sparse\._score_users must return an array, got a sparse matrix"):
        Sparse().fit([[1, 2]]).recommend()


def test_learned_attributes_must_not_be_parameters():
    class Overwrites(BaseRecommender):
        def __init__(self, size=1):
            self.size = size

        def _learn(self, interactions):
            return {"size": 2}

        def _score_users(self, users, history):
            return history.toarray()

    with pytest.raises(ValueError, match=r"Overwrites\._learn must not return parameters, got \['size'\]"):
        Overwrites().fit([[1, 2]])


@pytest.mark.parametrize("argument", [{}, {"candidates": [3]}, {"candidates": {user: [3] for user in range(40)}}])
def test_blocks_are_bounded_by_all_known_items(monkeypatch, argument):
    """All known items are scored, also if the query has a single candidate."""
    monkeypatch.setattr(top_k, "BLOCK_SCORES", 100)
    shapes = []

    class Recorder(BaseRecommender):
        def _score_users(self, users, history):
            shapes.append(history.shape)
            return history.toarray()

    Recorder().fit([[user, item] for user in range(40) for item in range(user % 20, 20)]).recommend(**argument)
    assert max(n_users * n_items for n_users, n_items in shapes) <= 100


def test_validation_interactions_are_refused():
    for name, value in (("X_val", [[1, 2]]), ("y_val", [1])):
        with pytest.raises(ValueError, match=f"{name} was passed, but PopularityRecommender has no early stopping"):
            PopularityRecommender().fit([[1, 2]], **{name: value})
