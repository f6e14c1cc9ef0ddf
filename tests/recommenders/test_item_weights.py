"""What recommenders with weights of pairs of items share: similar items, unknown items, histories and searches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from estimators import WITH_ITEM_WEIGHTS, small
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import EASERecommender, ItemKNNRecommender, SideFeatures
from sklearn_recsketch.model_selection import UserHoldoutSplit

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
def test_each_item_may_have_candidates_of_its_own(fitted):
    a, b, c = fitted.items_[:3]
    table = fitted.similar_items(candidates={a: [b, c], b: [a]}, k=9)
    assert set(zip(table["item"], table["similar_item"])) <= {(a, b), (a, c), (b, a)}


@EVERY
def test_unknown_items_have_no_similar_items(fitted):
    known = fitted.items_[0]
    with pytest.warns(UserWarning, match=r"-5(.|\n)*No item is similar to them"):
        table = fitted.similar_items([-5, known], k=2)
    assert table["item"].tolist() == [known] * 2


@EVERY
def test_unknown_candidates_are_left_out(fitted):
    with pytest.warns(UserWarning, match="No item is similar to them"):
        table = fitted.similar_items(fitted.items_[0], candidates=[-5, *fitted.items_[1:3]])
    assert -5 not in set(table["similar_item"])


def test_an_item_with_few_neighbours_gets_fewer_rows(planted):
    rec = ItemKNNRecommender(3).fit(*planted[:2])
    assert len(rec.similar_items(rec.items_[0], k=10)) == 3


@EVERY
def test_unknown_items_and_items_without_interactions_score_zero(rec):
    X = [["ann", 1], ["ann", 2], ["bob", 2], ["bob", 3]]
    model = clone(rec).fit(X, item_features=SideFeatures.from_dicts({i: {"tag": "a"} for i in (1, 2, 3, 4)}))
    assert model.predict([["ann", 4], ["ann", 99], ["nobody", 3]]).tolist() == [0, 0, 0]


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
