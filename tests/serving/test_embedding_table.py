"""Test tables of embeddings, and the augmentation that turns inner products into distances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from estimators import small
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from sklearn_recsketch import PopularityRecommender, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.serving import augment_items, augment_users, embedding_table


@pytest.fixture(scope="module", params=small(n_components=6, max_iter=5), ids=lambda model: type(model).__name__)
def fitted(request, planted):
    X, y, tags = planted
    return request.param.fit(X, y, item_features=tags)


def matrix(table):
    """Coordinates of a table as a matrix."""
    return table.iloc[:, 1:].to_numpy()


def test_inner_products_of_rows_are_the_scores(fitted):
    items, users = embedding_table(fitted), embedding_table(fitted, "users")
    pairs = users[["user"]].merge(items[["item"]], how="cross")
    expected = fitted.predict(pairs).reshape(len(users), len(items))
    # predict sums float32 products in a different order.
    np.testing.assert_allclose(matrix(users) @ matrix(items).T, expected, rtol=1e-4, atol=1e-5)


def test_rows_are_the_known_ids_in_order(fitted):
    assert embedding_table(fitted)["item"].tolist() == fitted.items_.tolist()
    assert embedding_table(fitted, "users")["user"].tolist() == fitted.users_.tolist()


def test_items_and_users_have_the_same_columns(fitted):
    items, users = embedding_table(fitted), embedding_table(fitted, "users")
    assert items.columns[1:].tolist() == users.columns[1:].tolist()
    assert items.columns[:7].tolist() == ["item", "e0", "e1", "e2", "e3", "e4", "e5"]
    assert {str(dtype) for dtype in items.dtypes.iloc[1:]} == {"float32"}


def test_bias_column_is_one_for_all_users(planted):
    rec = WARPRecommender(3, max_iter=3, random_state=0).fit(planted[0])
    np.testing.assert_array_equal(embedding_table(rec)["bias"], rec.item_biases_)
    assert set(embedding_table(rec, "users")["bias"]) == {1.0}


def test_items_known_only_by_their_features_are_included(planted):
    X, y, tags = planted
    new = SideFeatures.from_dicts({10_000: {"tag": "t1"}})
    rec = WRMFRecommender(4, random_state=0).fit(X, y, item_features=tags.updated(new, "item"))
    assert 10_000 in embedding_table(rec)["item"].tolist()


def test_a_table_survives_parquet(fitted, tmp_path):
    table = embedding_table(fitted)
    table.to_parquet(tmp_path / "items.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "items.parquet"), table)


def test_string_ids_survive_parquet(checkerboard, tmp_path):
    table = embedding_table(WRMFRecommender(2, random_state=0).fit(checkerboard.astype(str)))
    table.to_parquet(tmp_path / "items.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "items.parquet"), table)


def test_fitting_on_polars_gives_a_polars_table(checkerboard):
    rec = WRMFRecommender(2, random_state=0).fit(pl.from_pandas(checkerboard))
    table = embedding_table(rec)
    assert isinstance(table, pl.DataFrame)
    assert table.columns == ["item", "e0", "e1"]
    assert table.schema["e0"] == pl.Float32


def test_a_table_shares_no_memory_with_the_model(fitted):
    assert not np.shares_memory(embedding_table(fitted)["e0"].to_numpy(), fitted.item_factors_)


def test_searches_and_pipelines_are_unwrapped(planted):
    pipe = Pipeline([("rec", WRMFRecommender(4, max_iter=2, random_state=0))])
    search = GridSearchCV(
        pipe, {"rec__alpha": [1.0]}, scoring=make_ranking_scorer(), cv=UserHoldoutSplit(random_state=0)
    )
    search.fit(planted[0])
    pd.testing.assert_frame_equal(embedding_table(search), embedding_table(search.best_estimator_["rec"]))


def test_recommenders_without_factors_are_refused(planted):
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        embedding_table(PopularityRecommender().fit(planted[0]))


def test_of_is_validated(fitted):
    with pytest.raises(ValueError, match="'of' parameter of embedding_table must be a str among"):
        embedding_table(fitted, "item")


# Augmentation.


def neighbours(items, users, metric, k):
    """Exact nearest neighbours by brute force, as in a database."""
    return NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(items).kneighbors(users)[1]


def rounding(items, users, metric):
    """Largest difference of two scores of a user that float32 may not resolve: four ulps of the terms of the metric."""
    largest, lengths = np.linalg.norm(items, axis=1).max(), np.linalg.norm(users, axis=1)
    return 4 * np.finfo(np.float32).eps * (largest * lengths + (largest**2 if metric == "euclidean" else 0))


def check_neighbours(items, users, metric, k):
    """Check that the neighbours of augmented vectors have the scores of the best items, in order."""
    scores = users.astype(float) @ items.T.astype(float)
    found = neighbours(augment_items(items), augment_users(users), metric, k)
    best = -np.sort(-scores, axis=1)[:, :k]
    difference = np.abs(np.take_along_axis(scores, found, axis=1) - best)
    assert (difference <= rounding(items, users, metric)[:, None]).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_of_augmented_rows_are_the_recommendations(fitted, metric):
    items, users = embedding_table(fitted, augmented=True), embedding_table(fitted, "users", augmented=True)
    assert items.columns[-1] == users.columns[-1] == "augmented"
    found = neighbours(matrix(items), matrix(users), metric, 10)
    table = fitted.recommend(k=10, exclude_seen=False)
    ids = items["item"].to_numpy()[found].ravel()
    scores = fitted.predict(pd.DataFrame({"user": np.repeat(fitted.users_, 10), "item": ids}))
    tolerance = np.repeat(rounding(matrix(items)[:, :-1], matrix(users)[:, :-1], metric), 10)
    assert (np.abs(scores - table["score"]) <= tolerance).all()
    # Only items whose scores differ by less than rounding may swap ranks.
    assert (ids == table["item"].to_numpy()).mean() > 0.99


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_neighbours_are_the_best_items_for_any_spread_of_norms(metric, spread, seed):
    rng = np.random.default_rng(seed)
    items = rng.standard_normal((200, 5)) * np.exp(spread * rng.standard_normal((200, 1)))
    check_neighbours(items.astype(np.float32), rng.standard_normal((30, 5)).astype(np.float32), metric, 10)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_zero_items_have_the_right_rank(metric, seed):
    rng = np.random.default_rng(seed)
    items = rng.standard_normal((20, 3)).astype(np.float32)
    items[::4] = 0
    check_neighbours(items, rng.standard_normal((8, 3)).astype(np.float32), metric, 20)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_zero_user_has_neighbours(metric):
    check_neighbours(np.eye(3, dtype=np.float32), np.zeros((1, 3), np.float32), metric, 3)


def test_a_single_item_gets_a_zero_coordinate():
    np.testing.assert_array_equal(augment_items([[3.0, 4.0]]), [[3.0, 4.0, 0.0]])


def test_no_items_can_be_augmented():
    assert augment_items(np.empty((0, 2))).shape == (0, 3)


def test_items_of_equal_norm_get_coordinates_near_zero(seed):
    # Rounding makes the squared norms differ by eps. Its root is much larger than eps, but must not be NaN.
    items = np.random.default_rng(seed).standard_normal((50, 4)).astype(np.float32)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    added = augment_items(items)[:, -1]
    assert np.isfinite(added).all()
    assert added.max() < 1e-3  # sqrt(2 eps) is 5e-4


def test_norms_of_tiny_items_are_distinguished():
    # Their squares underflow in float32.
    items = (1e-24 * np.array([[1.0, 0.0], [0.0, 2.0]])).astype(np.float32)
    np.testing.assert_allclose(augment_items(items)[:, -1], [3**0.5 * 1e-24, 0], rtol=1e-6)


def test_augmenting_does_not_modify_the_vectors():
    items = np.ones((3, 2), np.float32)
    items.setflags(write=False)
    np.testing.assert_array_equal(augment_items(items)[:, :2], items)
    np.testing.assert_array_equal(augment_users(items)[:, :2], items)


@pytest.mark.parametrize("augment", [augment_items, augment_users])
def test_vectors_must_be_finite_and_two_dimensional(augment):
    with pytest.raises(ValueError, match="vectors contains NaN"):
        augment([[1.0, np.nan]])
    with pytest.raises(ValueError, match="Expected 2D array"):
        augment([1.0, 2.0])
