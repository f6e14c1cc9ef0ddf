"""Exact top-k, compared with a stable sort of all scores."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp

from sklearn_recsketch._ranking import top_k as _ranking
from sklearn_recsketch._ranking.top_k import RankedItems, top_items
from sklearn_recsketch.kernels import _topk
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)


@pytest.mark.parametrize("n_items, k", [(5, 9), (70, 10), (2048, 3), (2049, 5), (4500, 40)])
def test_rank_items_equals_a_stable_argsort(n_items, k):
    rng = np.random.default_rng(0)
    # With integer vectors, scores are exact, and many are tied.
    users = rng.integers(-2, 3, (140, 3)).astype(np.float32)
    items = rng.integers(-2, 3, (n_items, 3)).astype(np.float32)
    excluded = sp.csr_array(rng.random((140, n_items)) < 0.3).astype(np.float32)
    best, scores = top_items(users, items, excluded, k, ALONE)
    expected = reference.top_items(users @ items.T, excluded.toarray() > 0, k)
    assert [[j for j in row if j >= 0] for row in best.tolist()] == expected
    full = users @ items.T
    for u, row in enumerate(expected):
        np.testing.assert_array_equal(scores[u, : len(row)], full[u, row])


def test_lists_of_users_with_too_few_items_end_with_minus_one():
    users, items = np.ones((2, 2), np.float32), np.ones((3, 2), np.float32)
    excluded = sp.csr_array(np.array([[1, 1, 1], [0, 1, 0]], np.float32))
    best, _ = top_items(users, items, excluded, 3, ALONE)
    assert best.tolist() == [[-1, -1, -1], [0, 2, -1]]


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_rank_items_is_exact_if_norms_prune_items(spread, seed):
    rng = np.random.default_rng(seed)
    users = rng.standard_normal((90, 5)).astype(np.float32)
    items = (rng.standard_normal((3000, 5)) * np.exp(spread * rng.standard_normal((3000, 1)))).astype(np.float32)
    excluded = sp.csr_array(rng.random((90, 3000)) < 0.05).astype(np.float32)
    best, scores = top_items(users, items, excluded, 10, ALONE)
    full = np.where(excluded.toarray() > 0, -np.inf, users @ items.T)
    # The scores are those of the ten best items. Rounding may swap items with almost equal scores.
    np.testing.assert_allclose(scores, -np.sort(-full, axis=1)[:, :10], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(full, best.astype(np.int64), axis=1), scores, rtol=1e-5)


@pytest.mark.parametrize("n_users", [2, 40])
@pytest.mark.parametrize("k", [3, 300])
def test_lists_are_empty_without_items(n_users, k):
    best, scores = top_items(np.ones((n_users, 2), np.float32), np.ones((0, 2), np.float32), None, k, ALONE)
    assert best.shape == scores.shape == (n_users, 0)


def test_rank_items_is_exact_for_tiny_vectors():
    rng = np.random.default_rng(0)
    users = rng.standard_normal((5, 8)).astype(np.float32)
    items = (1e-24 * rng.standard_normal((3000, 8))).astype(np.float32)
    _, scores = top_items(users, items, None, 4, ALONE)
    np.testing.assert_allclose(scores, -np.sort(-(users @ items.T), axis=1)[:, :4], rtol=1e-5)


def test_rank_items_skips_tiles_with_small_norms():
    users, items = np.ones((3, 2), np.float32), np.ones((3 * _topk.TILE, 2), np.float32)
    items[_topk.TILE :] = 0.1
    tiles, longest, order, places = _ranking._tiles(items)
    assert longest.tolist() == pytest.approx([2**0.5, 0.02**0.5, 0.02**0.5])
    tiles[1:] = 100  # these tiles would have the best items if they were not skipped
    best, scores = np.full((3, 4), -1, np.int32), np.full((3, 4), -np.inf, np.float32)
    lengths = np.full(3, 1.5, np.float32)
    arrays = [read_only(array) for array in (users, lengths, tiles, longest, order, places)]
    _topk.rank_items(0, 3, *arrays, rows_of(sp.csr_array((3, 3 * _topk.TILE), dtype=np.float32)), best, scores)
    assert best.tolist() == [[0, 1, 2, 3]] * 3


def test_ranked_items_give_the_same_lists_as_top_items():
    rng = np.random.default_rng(0)
    users, items = rng.standard_normal((40, 6)).astype(np.float32), rng.standard_normal((1500, 6)).astype(np.float32)
    excluded = sp.csr_array(rng.random((40, 1500)) < 0.1).astype(np.float32)
    ranked = RankedItems(items)
    for k in (5, 5, 300):
        for actual, expected in zip(ranked.top(users, excluded, k, ALONE), top_items(users, items, excluded, k, ALONE)):
            np.testing.assert_array_equal(actual, expected)


def test_ranked_items_are_tiled_once(monkeypatch):
    made, tiles = [], _ranking._tiles
    monkeypatch.setattr(_ranking, "_tiles", lambda vectors: made.append(len(vectors)) or tiles(vectors))
    ranked = RankedItems(np.ones((4, 2), np.float32))
    for _ in range(3):
        ranked.top(np.ones((1, 2), np.float32), None, 2, ALONE)
    assert made == [4]


def test_rank_items_runs_as_plain_python():
    rng = np.random.default_rng(0)
    users, items = rng.standard_normal((3, 2)).astype(np.float32), rng.standard_normal((6, 2)).astype(np.float32)
    best, scores = np.full((3, 4), -1, np.int32), np.full((3, 4), -np.inf, np.float32)
    excluded = rows_of(sp.csr_array(np.eye(3, 6, dtype=np.float32)))
    lengths = np.full(3, 9, np.float32)
    _topk.rank_items.py_func(0, 3, users, lengths, *_ranking._tiles(items), excluded, best, scores)
    assert best.tolist() == reference.top_items(users @ items.T, np.eye(3, 6) > 0, 4)
