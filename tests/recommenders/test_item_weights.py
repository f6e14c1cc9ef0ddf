"""What recommenders with weights of pairs of items share: similar items, unknown items, histories and searches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from estimators import WITH_ITEM_WEIGHTS, small
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import EASERecommender, ItemKNNRecommender, PopularityRecommender, SideFeatures
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.recommenders import _ease, _item_knn

EVERY = pytest.mark.parametrize("rec", small(WITH_ITEM_WEIGHTS), ids=lambda rec: type(rec).__name__)


@pytest.fixture
def fitted(rec, planted):
    return clone(rec).fit(*planted[:2])


def dense_weights(fitted):
    weights = fitted.item_weights_
    return weights if isinstance(weights, np.ndarray) else weights.toarray()


@EVERY
def test_similar_items_have_the_largest_weights(fitted):
    table = fitted.similar_items(k=3)
    weights = dense_weights(fitted).copy()
    np.fill_diagonal(weights, -np.inf)
    expected = np.argsort(-weights, axis=1, kind="stable")[:, :3]
    assert table.columns.tolist() == ["item", "rank", "similar_item", "score"]
    np.testing.assert_array_equal(table["similar_item"], fitted.items_[expected].ravel())
    np.testing.assert_array_equal(table["score"], np.take_along_axis(weights, expected, axis=1).ravel())


@EVERY
def test_similar_items_keep_the_order_of_the_query(fitted):
    items = fitted.items_[[5, 0, 5]]
    assert fitted.similar_items(items, k=1)["item"].tolist() == items.tolist()


@EVERY
def test_candidates_limit_similar_items(fitted):
    item, chosen = fitted.items_[2], fitted.items_[[1, 2, 4]]
    everything = fitted.similar_items(item, k=10_000)
    expected = everything[everything["similar_item"].isin(chosen)]
    found = fitted.similar_items(item, k=10_000, candidates=chosen)
    assert found["similar_item"].tolist() == expected["similar_item"].tolist()
    assert found["score"].tolist() == expected["score"].tolist()


@EVERY
@pytest.mark.parametrize("per_item", [False, True])
def test_excluded_items_are_not_similar(fitted, per_item):
    item, excluded = fitted.items_[2], fitted.items_[[1, 4]]
    everything = fitted.similar_items(item, k=10_000)
    expected = everything[~everything["similar_item"].isin(excluded)]
    found = fitted.similar_items(item, k=10_000, exclude={item: excluded} if per_item else excluded)
    assert found["similar_item"].tolist() == expected["similar_item"].tolist()


@EVERY
def test_each_item_may_have_candidates_of_its_own(fitted):
    a, b, c = fitted.items_[:3]
    table = fitted.similar_items(candidates={a: [b, c], b: [a]}, k=9)
    assert set(zip(table["item"], table["similar_item"])) <= {(a, b), (a, c), (b, a)}


@EVERY
def test_unknown_items_have_no_similar_items(fitted):
    known = fitted.items_[0]
    with pytest.warns(
        UserWarning, match=r"1 of the 2 item ids is unknown \(first: -5\). Unknown items have no similar items"
    ):
        table = fitted.similar_items([-5, known], k=2)
    assert table["item"].tolist() == [known] * 2


@EVERY
def test_unknown_candidates_are_left_out(fitted):
    with pytest.warns(
        UserWarning, match=r"1 of the 3 candidates is unknown \(first: -5\). Unknown candidates are left out"
    ):
        table = fitted.similar_items(fitted.items_[0], candidates=[-5, *fitted.items_[1:3]])
    assert -5 not in set(table["similar_item"])


def test_an_item_with_few_neighbours_gets_fewer_rows(planted):
    rec = ItemKNNRecommender(3).fit(*planted[:2])
    assert len(rec.similar_items(rec.items_[0], k=10)) == 3


@EVERY
def test_unknown_items_and_items_without_interactions_score_zero(rec):
    X = [["ann", 1], ["ann", 2], ["bob", 2], ["bob", 3]]
    model = clone(rec).fit(X, item_features=SideFeatures.from_dicts({i: {"tag": "a"} for i in (1, 2, 3, 4)}))
    assert model.predict([["ann", 4], ["ann", 99], ["nobody", 4], ["nobody", 99]]).tolist() == [0, 0, 0, 0]


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@EVERY
def test_users_without_a_history_get_the_most_popular_items(fitted, planted):
    expected = PopularityRecommender().fit(*planted[:2]).recommend(history={-5: [-6]}, k=20)
    assert fitted.recommend(history={-5: [-6]}, k=20)["item"].tolist() == expected["item"].tolist()


@EVERY
def test_scores_without_a_history_are_shares_of_users_with_interactions(rec):
    X = [["ann", 1], ["ann", 2], ["bob", 2], ["bob", 3], ["eve", 2], ["joe", 1]]
    features = SideFeatures.from_dicts({user: {"land": "x"} for user in ("ann", "zoe")})
    model = clone(rec).fit(X, user_features=features)
    assert model.predict([["zoe", item] for item in (1, 2, 3)]).tolist() == [0.5, 0.75, 0.25]


@EVERY
def test_items_with_a_weight_of_zero_are_not_similar(rec):
    X = [["ann", 1], ["ann", 2], ["bob", 3], ["bob", 4]]
    model = clone(rec).fit(X, item_features=SideFeatures.from_dicts({i: {"tag": "a"} for i in (1, 2, 3, 4, 5)}))
    assert model.similar_items(1)["similar_item"].tolist() == [2]
    assert len(model.similar_items(5)) == 0


@EVERY
def test_kernel_calls_for_scores_are_bounded(rec, fitted, monkeypatch):
    expected = fitted.recommend(k=4)
    module, kernel = (_ease, "sparse_product") if isinstance(rec, EASERecommender) else (_item_knn, "sum_weights")
    original, n_users = getattr(module, kernel), []
    monkeypatch.setattr(module, "MOST_TERMS", 5000)
    monkeypatch.setattr(module, kernel, lambda *args: n_users.append(args[1] - args[0]) or original(*args))
    pd.testing.assert_frame_equal(fitted.recommend(k=4), expected)
    assert sum(n_users) == len(fitted.users_)
    # The work for a user is at least the number of items. Ranges may exceed the bound by the work for one user.
    assert 1 < max(n_users) <= 5000 / len(fitted.items_) + 1


@EVERY
def test_a_history_replaces_the_interactions_of_a_user(fitted):
    items = fitted.items_[:3]
    history = pd.DataFrame({"user": fitted.users_[0], "item": items})
    table = fitted.recommend(history=history, k=4)
    expected = dense_weights(fitted)[:3].sum(axis=0)
    np.testing.assert_allclose(table["score"], expected[np.searchsorted(fitted.items_, table["item"])], rtol=1e-5)
    assert not set(items) & set(table["item"])


@EVERY
def test_item_history_is_refused(fitted):
    with pytest.raises(ValueError, match="item_history"):
        fitted.recommend(item_history=[[fitted.users_[0], -1]])


@EVERY
def test_string_ids_give_the_same_lists(rec, planted):
    X, y, _ = planted
    # Codes with a fixed number of digits have the order of the integers.
    strings = pd.DataFrame({name: X[name].map("{:08d}".format) for name in ("user", "item")})
    table, expected = clone(rec).fit(strings, y).recommend(k=4), clone(rec).fit(X, y).recommend(k=4)
    assert table["item"].astype(int).tolist() == expected["item"].tolist()


@EVERY
def test_read_only_inputs_are_not_changed(rec, planted):
    X, y = planted[0].to_numpy(), np.array(planted[1], dtype=float)
    X.setflags(write=False)
    y.setflags(write=False)
    assert len(clone(rec).fit(X, y).recommend(k=2)) > 0


@pytest.mark.parametrize(
    ("rec", "grid"),
    [(EASERecommender(), {"regularization": ["auto", 5.0]}), (ItemKNNRecommender(), {"weighting": ["cosine", "bm25"]})],
)
def test_grid_search(rec, grid, planted):
    search = GridSearchCV(rec, grid, cv=UserHoldoutSplit(2, random_state=0), error_score="raise").fit(*planted[:2])
    assert search.best_score_ > 0
