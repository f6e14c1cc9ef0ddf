"""Nearest neighbours of items against dense algebra and against implicit."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sparse_matrices import legacy_csr

from sklearn_recsketch import ItemKNNRecommender, SideFeatures
from sklearn_recsketch.kernels._jit import rows_of

WEIGHTINGS = pytest.mark.parametrize("weighting", ["cosine", "bm25"])


def pattern(rec):
    return (rec.interactions_ > 0).astype(np.float64)


def implicit_model(weighting, rec, K, **parameters):
    library = pytest.importorskip("implicit.nearest_neighbours", reason="implicit is not installed")
    cls = library.CosineRecommender if weighting == "cosine" else library.BM25Recommender
    model = cls(K=K, num_threads=1, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the format of a matrix that implicit itself makes
        model.fit(legacy_csr(pattern(rec)), show_progress=False)
    return model


def without_diagonal(similarity):
    dense = similarity.toarray()
    np.fill_diagonal(dense, 0)
    return dense


@pytest.mark.engines
@WEIGHTINGS
def test_similarities_equal_implicit(planted, weighting):
    rec = ItemKNNRecommender(10_000, weighting=weighting).fit(*planted[:2])
    peer = implicit_model(weighting, rec, len(rec.items_))
    found = rec.item_weights_.toarray()
    np.testing.assert_allclose(found, without_diagonal(peer.similarity), rtol=1e-5, atol=1e-7)  # ours are float32


@pytest.mark.engines
def test_parameters_of_bm25_equal_those_of_implicit(planted):
    rec = ItemKNNRecommender(10_000, weighting="bm25", bm25_k1=50, bm25_b=0.2).fit(*planted[:2])
    peer = implicit_model("bm25", rec, len(rec.items_), K1=50, B=0.2)
    found = rec.item_weights_.toarray()
    np.testing.assert_allclose(found, without_diagonal(peer.similarity), rtol=1e-5, atol=1e-7)


@pytest.mark.engines
@WEIGHTINGS
def test_rankings_equal_implicit(planted, weighting):
    rec = ItemKNNRecommender(10_000, weighting=weighting).fit(*planted[:2])
    peer = implicit_model(weighting, rec, len(rec.items_))
    users = np.arange(20)
    _, scores = peer.recommend(users, legacy_csr(pattern(rec))[users], N=10)
    table = rec.recommend(rec.users_[users], k=10)
    # Scores are compared because items with the same score may be in another order.
    np.testing.assert_allclose(table["score"].to_numpy().reshape(20, 10), scores, rtol=1e-5)


@WEIGHTINGS
def test_the_nearest_neighbours_are_kept(planted, weighting):
    everything = ItemKNNRecommender(10_000, weighting=weighting).fit(*planted[:2]).item_weights_.toarray()
    found = ItemKNNRecommender(5, weighting=weighting).fit(*planted[:2]).item_weights_.toarray()
    for row, all_of_row in zip(found, everything):
        kept = np.flatnonzero(row)
        assert len(kept) == 5
        assert row[kept].min() >= np.delete(all_of_row, kept).max()
        np.testing.assert_array_equal(row[kept], all_of_row[kept])


def test_cosine_equals_dense_algebra(planted):
    rec = ItemKNNRecommender(10_000).fit(*planted[:2])
    P = pattern(rec).toarray()
    expected = P.T @ P / np.sqrt(np.outer(P.sum(axis=0), P.sum(axis=0)))
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(rec.item_weights_.toarray(), expected, rtol=1e-6)  # float32


def test_diagonal_is_zero(planted):
    assert (ItemKNNRecommender(10_000).fit(*planted[:2]).item_weights_.diagonal() == 0).all()


@WEIGHTINGS
def test_strengths_and_repeated_rows_do_not_matter(planted, weighting):
    X = planted[0]
    rec = ItemKNNRecommender(20, weighting=weighting)
    weights = rec.fit(X).item_weights_.toarray()
    y = np.random.default_rng(0).uniform(0.1, 1000, 2 * len(X))
    np.testing.assert_array_equal(rec.fit(pd.concat([X, X]), y).item_weights_.toarray(), weights)


def test_scores_are_sums_of_similarities_over_the_history(planted):
    rec = ItemKNNRecommender(20).fit(*planted[:2])
    table = rec.recommend(k=5)
    scores = pattern(rec).toarray() @ rec.item_weights_.toarray()
    rows, columns = np.searchsorted(rec.users_, table["user"]), np.searchsorted(rec.items_, table["item"])
    np.testing.assert_allclose(table["score"], scores[rows, columns], rtol=1e-5)  # float32 sums


def test_results_do_not_depend_on_the_number_of_threads(planted):
    one, two = (ItemKNNRecommender(20, n_jobs=n).fit(*planted[:2]) for n in (1, 2))
    np.testing.assert_array_equal(one.item_weights_.toarray(), two.item_weights_.toarray())


@WEIGHTINGS
def test_items_that_only_have_features_do_not_change_similarities(planted, weighting):
    X = planted[0]
    known, last = X["item"].unique(), X["item"].max()
    features = SideFeatures.from_dicts({i: {"tag": "a"} for i in [*known, *range(last + 1, last + 50)]})
    rec = ItemKNNRecommender(20, weighting=weighting)
    expected = rec.fit(X).item_weights_.toarray()
    found = rec.fit(X, item_features=features).item_weights_.toarray()
    assert len(found) == len(expected) + 49
    np.testing.assert_array_equal(found[: len(expected), : len(expected)], expected)


@WEIGHTINGS
def test_partial_fit_equals_a_fit_on_all_rows(planted, weighting):
    X, y, _ = planted
    half = len(X) // 2
    rec = ItemKNNRecommender(20, weighting=weighting).fit(X[:half], y[:half]).partial_fit(X[half:], y[half:])
    expected = ItemKNNRecommender(20, weighting=weighting).fit(X, y).item_weights_
    np.testing.assert_array_equal(rec.item_weights_.toarray(), expected.toarray())


def test_neighbours_have_the_index_type_of_kernels(planted):
    weights = ItemKNNRecommender(20).fit(*planted[:2]).item_weights_
    assert np.shares_memory(rows_of(weights).indices, weights.indices)
    assert np.shares_memory(rows_of(weights).data, weights.data)
