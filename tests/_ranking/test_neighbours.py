"""Similar items and users: neighbours of all rows at once, and of a few."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import reference
from estimators import small

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch._ranking.neighbours import _rounds, all_neighbours
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.kernels import _nearest as _neighbours
from sklearn_recsketch.utils._threads import Workers, workers

ALONE = Workers(None, 1)


@pytest.fixture(scope="module", params=small(n_components=8, max_iter=5), ids=lambda model: type(model).__name__)
def fitted(request):
    X, y = make_interactions(n_users=150, n_items=60, random_state=0)
    return request.param.fit(X, y)


def vectors_of(fitted, name):
    return getattr(fitted, f"{name}s_"), getattr(fitted, f"{name}_factors_").astype(np.float64)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


# All pairs.


# From less than a tile to several rounds with an odd number of ranges.
@pytest.mark.parametrize("n, k", [(1, 3), (5, 9), (512, 4), (513, 300), (2500, 7), (3100, 1)])
def test_all_neighbours_equal_a_stable_argsort(n, k):
    # With integer vectors, scores are exact, and many are tied.
    vectors = np.random.default_rng(0).integers(-2, 3, (n, 3)).astype(np.float32)
    best, scores = all_neighbours(vectors, k, ALONE)
    full = vectors @ vectors.T
    expected = reference.top_items(full, np.eye(n, dtype=bool), k)
    assert [[j for j in row if j >= 0] for row in best.tolist()] == expected
    for row, found in enumerate(expected):
        np.testing.assert_array_equal(scores[row, : len(found)], full[row, found])


def test_all_neighbours_do_not_depend_on_threads():
    vectors = np.random.default_rng(0).standard_normal((5000, 16)).astype(np.float32)
    found = []
    for n_jobs in (1, 2):  # BLAS has one thread, as in all uses
        with workers(n_jobs) as pool:
            found.append(all_neighbours(vectors, 10, pool))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_rank_pairs_runs_as_plain_python(monkeypatch):
    for name in ("insert", "_any_enters"):
        monkeypatch.setattr(_neighbours, name, getattr(_neighbours, name).py_func)
    vectors = np.zeros((512, 2), np.float32)
    vectors[:9] = np.random.default_rng(0).standard_normal((9, 2))
    best, scores = np.full((9, 4), -1, np.int32), np.full((9, 4), -np.inf, np.float32)
    with np.errstate(over="ignore"):  # NumPy warns about the overflow of unsigned integers, numba does not
        _neighbours.rank_pairs.py_func((0, 9), (0, 9), 9, vectors, best, scores)
    assert best.tolist() == reference.top_items(vectors[:9] @ vectors[:9].T, np.eye(9, dtype=bool), 4)


@pytest.mark.parametrize("n", range(1, 10))
def test_rounds_contain_every_pair_once_and_no_number_twice(n):
    rounds = _rounds(n)
    assert sorted(itertools.chain(*rounds)) == list(itertools.combinations(range(n), 2))
    for pairs in rounds:
        numbers = list(itertools.chain(*pairs))
        assert len(numbers) == len(set(numbers))


# The methods.


@pytest.mark.parametrize("name", ["item", "user"])
def test_neighbours_have_the_largest_cosines(fitted, name):
    ids, vectors = vectors_of(fitted, name)
    cosine = cosines(vectors)
    np.fill_diagonal(cosine, -np.inf)
    table = getattr(fitted, f"similar_{name}s")(ids[:10], k=3)
    assert table.columns.tolist() == [name, "rank", f"similar_{name}", "score"]
    expected = np.sort(cosine[:10], axis=1)[:, ::-1][:, :3].ravel()
    np.testing.assert_allclose(table["score"], expected, atol=1e-5)  # float32 cosines
    found = np.searchsorted(ids, table[f"similar_{name}"])
    np.testing.assert_allclose(cosine[np.repeat(np.arange(10), 3), found], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["item", "user"])
def test_neighbours_of_all_ids_equal_those_of_single_ids(fitted, name):
    ids, _ = vectors_of(fitted, name)
    similar = getattr(fitted, f"similar_{name}s")
    table, parts = similar(k=5), [similar(id_, k=5) for id_ in ids]
    assert table[name].tolist() == np.repeat(ids, 5).tolist()
    # tolerance for float32 sums in different orders
    np.testing.assert_allclose(table["score"], np.concatenate([part["score"] for part in parts]), atol=1e-6)


def test_neighbours_follow_the_order_of_the_query(fitted):
    items = np.random.default_rng(0).choice(fitted.items_, 2 * len(fitted.items_))
    table, whole = fitted.similar_items(items, k=3), fitted.similar_items(k=3).set_index("item")["similar_item"]
    assert table["item"].tolist() == np.repeat(items, 3).tolist()
    assert table["similar_item"].tolist() == np.concatenate([whole[item] for item in items]).tolist()


def test_dot_ranks_by_inner_products(fitted):
    ids, vectors = vectors_of(fitted, "item")
    product = vectors[:4] @ vectors.T
    product[np.arange(4), np.arange(4)] = -np.inf
    table = fitted.similar_items(ids[:4], k=6, metric="dot")
    # float32 products
    np.testing.assert_allclose(table["score"], -np.sort(-product, axis=1)[:, :6].ravel(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_neighbours_are_candidates_other_than_the_item_itself(fitted, metric):
    candidates = fitted.items_[[7, 3, 3, 20]]
    table = fitted.similar_items(fitted.items_[:10], k=60, metric=metric, candidates=candidates)
    for item, found in table.groupby("item")["similar_item"]:
        assert sorted(found) == sorted(set(candidates) - {item})


def test_unknown_candidates_are_represented_by_the_mean_item_with_a_warning(fitted):
    with pytest.warns(UserWarning, match=r"1 of the 2 candidates is unknown \(first: -9\). Each is .* the mean item"):
        table = fitted.similar_items(fitted.items_[:2], k=5, candidates=[int(fitted.items_[5]), -9])
    assert (table.groupby("item")["similar_item"].nunique() == 2).all()


@pytest.mark.parametrize("name", ["item", "user"])
def test_unknown_ids_have_neighbours_with_a_warning(fitted, name):
    with pytest.warns(UserWarning, match=rf"1 of the 1 {name} ids is unknown \(first: -3\)"):
        table = getattr(fitted, f"similar_{name}s")(-3, k=2)
    assert len(table) == 2


def test_warnings_point_to_the_line_of_the_caller(fitted):
    with pytest.warns(UserWarning, match="unknown") as caught:
        fitted.similar_items(fitted.items_[0], candidates=[-9])
    assert caught[0].filename == __file__


def test_an_unknown_id_is_not_its_own_neighbour(fitted):
    with pytest.warns(UserWarning, match="unknown"):
        table = fitted.similar_items([-9, fitted.items_[0]], k=5, candidates=[-9, fitted.items_[0], fitted.items_[1]])
    assert (table["item"] != table["similar_item"]).all()
    assert len(table) == 4


@pytest.mark.parametrize("scale", [1e-24, 1e20])
def test_cosines_of_vectors_of_any_length(scale):
    X, y = make_interactions(n_users=100, n_items=40, random_state=0)
    rec = WRMFRecommender(4, random_state=0).fit(X, y)
    expected = rec.similar_items(k=5)["score"]
    rec.item_factors_ = rec.item_factors_ * np.float32(scale)
    # Tolerance for the rounding of the scaled vectors.
    np.testing.assert_allclose(rec.similar_items(k=5)["score"], expected, rtol=1e-5, atol=1e-6)


def test_the_only_item_has_no_neighbours():
    rec = WRMFRecommender(2, random_state=0).fit([["a", "x"], ["b", "x"]])
    assert len(rec.similar_items()) == 0


def test_empty_query_gives_an_empty_table(fitted):
    assert len(fitted.similar_items([])) == 0


def test_empty_candidates_of_neighbours_raise(fitted):
    with pytest.raises(ValueError, match="candidates is empty: give at least one item"):
        fitted.similar_items(fitted.items_[0], candidates=[])


def test_unknown_metric_raises(fitted):
    with pytest.raises(ValueError, match="metric must be 'cosine' or 'dot', got 'euclidean'"):
        fitted.similar_items(fitted.items_[0], metric="euclidean")
