"""Test the neighbours and scores that indexes return."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from estimators import small
from random_factors import random_vectors, recommender_of
from sklearn.pipeline import Pipeline

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.serving import _hnsw, to_index

KINDS = ["exact", "hnsw"]


@pytest.fixture(scope="module", params=small(n_components=6, max_iter=5), ids=lambda model: type(model).__name__)
def fitted(request, planted):
    return request.param.fit(*planted[:2])


# Recommendations.


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_an_index_recommends_the_same_items_as_the_recommender(fitted, kind, exclude_seen):
    # With 120 items and 128 candidates kept, the graph search is exact, too.
    table = to_index(fitted, kind).recommend(fitted.users_, k=10, exclude_seen=exclude_seen)
    expected = fitted.recommend(k=10, exclude_seen=exclude_seen)
    pd.testing.assert_frame_equal(table[["user", "rank"]], expected[["user", "rank"]])
    # float32 products are summed in a different order, so two scores that differ by an ulp may swap ranks.
    np.testing.assert_allclose(table["score"], expected["score"], rtol=1e-4, atol=1e-6)
    assert (table["item"] == expected["item"]).mean() > 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_those_of_predict_to_the_bit(fitted, kind):
    table = to_index(fitted, kind).recommend(fitted.users_, k=10)
    np.testing.assert_array_equal(table["score"], fitted.predict(table[["user", "item"]]))


def test_scores_decrease_with_rank(graph, large):
    table = graph.recommend(large.users_, k=50)
    assert (table.groupby("user")["score"].diff().dropna() <= 0).all()


def test_a_graph_finds_nearly_all_of_the_best(large, graph):
    table, expected = graph.recommend(large.users_, k=10), large.recommend(k=10)
    found = table[["user", "item"]].merge(expected[["user", "item"]])
    # The defaults reach .95 on a million items with trained factors. Random directions are harder, but 4,000 are few.
    assert len(found) / len(expected) > 0.95


def test_seen_items_are_excluded(graph, large):
    table = graph.recommend(large.users_, k=100)
    assert not large.interactions_[table["user"], table["item"]].any()
    assert len(table) == 100 * len(large.users_)


@pytest.mark.parametrize("kind", KINDS)
def test_k_above_the_number_of_items_returns_all_unseen_items(fitted, kind):
    table = to_index(fitted, kind).recommend(fitted.users_, k=1000)
    counts = table.groupby("user").size().reindex(fitted.users_)
    n_unseen = len(fitted.items_) - np.diff(fitted.interactions_.indptr)
    assert counts.tolist() == n_unseen.tolist()
    assert not table.duplicated(["user", "item"]).any()


def test_users_who_have_seen_nearly_all_items_get_the_rest():
    rng = np.random.default_rng(0)
    seen = np.zeros((3, 2000), bool)
    seen[0, 2:] = True
    seen[1] = True
    model = recommender_of(random_vectors(2000, rng), random_vectors(3, rng), sp.csr_array(seen))
    table = to_index(model).recommend([0, 1, 2], k=5)
    assert sorted(table["item"][table["user"] == 0]) == [0, 1]
    # The lists of the other users are complete.
    assert table.groupby("user").size().to_dict() == {0: 2, 2: 5}


def test_lists_are_complete_if_too_few_neighbours_are_fetched(large, graph, monkeypatch):
    monkeypatch.setattr(_hnsw, "MOST_FETCHED", 8)
    table, expected = graph.recommend(large.users_, k=10), large.recommend(k=10)
    # 8 fetched neighbours are fewer than k=10, so all lists come from the exact search.
    assert (table["item"] == expected["item"]).mean() > 0.999


def test_users_who_have_seen_the_best_items_need_no_exact_search(large, monkeypatch):
    best = large.recommend(k=100, exclude_seen=False)
    seen = sp.csr_array((np.ones(len(best)), (best["user"], best["item"])), shape=large.interactions_.shape)
    index = to_index(recommender_of(large.item_factors_, large.user_factors_, seen))
    monkeypatch.setattr(_hnsw, "sorted_items", None)  # calling it would fail
    assert len(index.recommend(large.users_, k=10)) == 10 * len(large.users_)


def test_batches_and_single_queries_give_the_same_lists(large, graph):
    together = graph.recommend(large.users_[:40], k=7)
    alone = pd.concat([graph.recommend(user, k=7) for user in large.users_[:40]], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_n_jobs_does_not_change_the_lists(large, graph, monkeypatch):
    one = graph.recommend(large.users_)
    monkeypatch.setattr(graph, "n_jobs", 2)
    pd.testing.assert_frame_equal(graph.recommend(large.users_), one)


def test_several_threads_can_search_at_once(large, graph):
    users = large.users_.tolist()
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda user: graph.recommend(user, k=5), users))
    pd.testing.assert_frame_equal(pd.concat(tables, ignore_index=True), graph.recommend(users, k=5))


def test_building_with_one_thread_is_reproducible(large):
    # With only two candidates kept, two different graphs would rarely give the same lists.
    tables = [to_index(large, expansion_search=2).recommend(large.users_) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


def test_items_are_added_in_random_order(large, monkeypatch):
    # Adding 100,000 items in the order of increasing norms gave a recall of .84; random order gave .98.
    added = []

    class Graph:
        def __init__(self, **parameters):
            pass

        def add(self, keys, vectors, threads):
            added.extend(keys)

    monkeypatch.setattr(_hnsw, "_index_class", lambda: Graph)
    to_index(large)
    assert sorted(added) == list(range(4000))
    assert abs(np.corrcoef(added, range(4000))[0, 1]) < 0.05  # three standard deviations for a random order


@pytest.mark.parametrize("scale", [1e-18, 1e18])
def test_the_scale_of_vectors_does_not_matter(large, graph, scale):
    model = recommender_of(large.item_factors_ * scale, large.user_factors_, large.interactions_)
    items = to_index(model).recommend(large.users_)["item"]
    # Rounding of scaled vectors changes a few links.
    assert (items == graph.recommend(large.users_)["item"]).mean() > 0.9


# Neighbours.


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_equal_those_of_the_recommender(fitted, kind):
    for of, name in (("items", "item"), ("users", "user")):
        index = to_index(fitted, kind, of=of, metric="cosine")
        table = getattr(index, f"similar_{of}")(index.ids, k=5)
        expected = getattr(fitted, f"similar_{of}")(index.ids, k=5)
        pd.testing.assert_frame_equal(table[[name, "rank"]], expected[[name, "rank"]])
        np.testing.assert_allclose(table["score"], expected["score"], rtol=1e-5, atol=1e-6)
        assert not (table[name] == table[f"similar_{name}"]).any()


def test_cosines_stay_between_minus_one_and_one():
    vectors = np.repeat(np.random.default_rng(0).standard_normal((1, 7)), 30, axis=0)
    index = to_index(recommender_of(vectors, vectors), metric="cosine")
    scores = index.similar_items(index.ids, k=3)["score"]
    assert scores.max() <= 1
    np.testing.assert_allclose(scores, 1, rtol=1e-6)


# Raw search.


@pytest.mark.parametrize("kind", KINDS)
def test_search_returns_ids_and_inner_products(wrmf, kind):
    queries = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    ids, scores = to_index(wrmf, kind).search(queries, k=8)
    full = queries @ wrmf.item_factors_.T
    np.testing.assert_allclose(scores, -np.sort(-full, axis=1)[:, :8], rtol=1e-4, atol=1e-6)
    rows = np.searchsorted(wrmf.items_, ids)
    np.testing.assert_allclose(np.take_along_axis(full, rows, axis=1), scores, rtol=1e-4, atol=1e-6)


def test_an_index_of_users_finds_the_users_with_the_highest_scores(wrmf):
    index = to_index(wrmf, "exact", of="users")
    ids, scores = index.search(wrmf.item_factors_[:3], k=5)
    pairs = pd.DataFrame({"user": ids.ravel(), "item": np.repeat(wrmf.items_[:3], 5)})
    np.testing.assert_allclose(wrmf.predict(pairs), scores.ravel(), rtol=1e-5)
    np.testing.assert_allclose(scores[:, 0], (wrmf.item_factors_[:3] @ wrmf.user_factors_.T).max(axis=1), rtol=1e-5)


def test_cosines_do_not_depend_on_the_length_of_queries(wrmf):
    index = to_index(wrmf, metric="cosine")
    queries = wrmf.item_factors_[:5]
    np.testing.assert_allclose(index.search(queries)[1], index.search(100 * queries)[1], rtol=1e-5)


def test_search_accepts_an_empty_array_of_queries(index):
    ids, scores = index.search(np.empty((0, 6)), k=3)
    assert ids.shape == scores.shape == (0, 3)


@pytest.mark.parametrize("shape, message", [((2, 5), "must have 6 columns.*got 5"), ((6,), "Expected 2D array")])
def test_search_rejects_vectors_of_the_wrong_shape(index, shape, message):
    with pytest.raises(ValueError, match=message):
        index.search(np.ones(shape))


def test_search_rejects_nan(index):
    with pytest.raises(ValueError, match="vectors contains NaN"):
        index.search([[np.nan] * 6])


# Unusual sets of items.


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_can_contain_a_single_item(kind):
    model = recommender_of(np.array([[1.0, 2.0]]), np.eye(2))
    index = to_index(model, kind)
    assert index.recommend([0, 1], k=3)["score"].tolist() == [1.0, 2.0]
    assert index.recall() == 1
    assert to_index(model, kind, metric="cosine").similar_items(0).empty


@pytest.mark.parametrize("kind", KINDS)
def test_zero_vectors_rank_last_among_nonnegative_scores(kind):
    items = np.vstack([np.zeros((3, 2)), np.eye(2)])
    table = to_index(recommender_of(items, np.ones((1, 2))), kind).recommend(0, k=9)
    assert table["score"].tolist() == [1, 1, 0, 0, 0]
    assert table["item"].tolist() == [3, 4, 0, 1, 2]  # ties in the order of ids


@pytest.mark.parametrize("kind", KINDS)
def test_all_vectors_may_be_zero(kind):
    table = to_index(recommender_of(np.zeros((4, 2)), np.zeros((2, 2))), kind).recommend([0, 1], k=3)
    assert table["score"].tolist() == [0] * 6


def test_other_items_are_found_among_thousands_of_equal_ones(seed):
    rng = np.random.default_rng(seed)
    items = np.vstack([np.zeros((5000, 8)), random_vectors(100, rng, 8)])
    model = recommender_of(items, random_vectors(50, rng, 8))
    np.testing.assert_allclose(
        to_index(model).recommend(model.users_, k=5)["score"], model.recommend(k=5)["score"], rtol=1e-4, atol=1e-6
    )


# Ids and frames.


def test_the_error_names_the_unknown_user(index):
    with pytest.raises(ValueError, match=r"The user 98765 is unknown to the index.*rec\.recommend\(\[98765\]\)"):
        index.recommend([index.recommend(0)["user"][0], 98765, 5555])


def test_ids_of_the_wrong_type_are_rejected(index):
    with pytest.raises(ValueError, match=r"The user ids are strings.*those the index knows are integers"):
        index.recommend("7")


def test_an_empty_list_of_users_gives_an_empty_table(index):
    table = index.recommend([], k=3)
    assert table.columns.tolist() == ["user", "rank", "item", "score"]
    assert len(table) == 0


def test_users_may_be_repeated_and_in_any_order(index):
    users = index.recommend([5, 3, 5], k=2)["user"]
    assert users.tolist() == [5, 5, 3, 3, 5, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_string_ids_are_returned_as_strings(checkerboard, kind):
    rec = WRMFRecommender(4, random_state=0).fit(checkerboard.astype(str))
    table = to_index(rec, kind).recommend(["7", "12"], k=2)
    # Scores near 1e-4 are differences of float32 products near 1, so their relative error is large.
    pd.testing.assert_frame_equal(table, rec.recommend(["7", "12"], k=2), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_fitting_on_polars_gives_polars_tables(checkerboard, kind):
    rec = WRMFRecommender(4, random_state=0).fit(pl.from_pandas(checkerboard))
    table = to_index(rec, kind).recommend([7, 12], k=2)
    assert isinstance(table, pl.DataFrame)
    assert table.schema == rec.recommend([7, 12], k=2).schema


def test_pipelines_are_unwrapped(planted):
    pipe = Pipeline([("rec", WRMFRecommender(4, max_iter=2, random_state=0))]).fit(planted[0])
    users = pipe["rec"].users_[:5]
    pd.testing.assert_frame_equal(
        to_index(pipe, "exact").recommend(users), to_index(pipe["rec"], "exact").recommend(users)
    )


def test_partial_fit_does_not_change_an_index(checkerboard):
    rec = WRMFRecommender(4, random_state=0).fit(checkerboard)
    index = to_index(rec)
    before = index.recommend(rec.users_)
    rec.partial_fit([[0, 5], [99, 99]])
    pd.testing.assert_frame_equal(index.recommend(before["user"].unique()), before)
