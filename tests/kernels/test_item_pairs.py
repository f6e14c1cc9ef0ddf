"""Kernels on pairs of items against dense NumPy algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sparse_matrices import random_rows

from sklearn_recsketch.kernels import _item_pairs
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of

BOTH = pytest.mark.parametrize("compiled", [True, False])


def kernel(name, compiled):
    function = getattr(_item_pairs, name)
    return function if compiled else function.py_func


def both_ways(matrix):
    return rows_of(sp.csr_array(matrix.T)), rows_of(matrix)


def expected_neighbours(matrix, of_users, of_items, k):
    """Return the dense similarities of the k nearest items of each item; ties are broken by the order of items."""
    P = (matrix.toarray() > 0).astype(np.float64)
    S = of_items[:, None] * (P.T @ (of_users[:, None] * P)) * of_items
    np.fill_diagonal(S, 0)
    for row in S:
        row[np.argsort(-row, kind="stable")[k:]] = 0
    return S


def found_neighbours(matrix, of_users, of_items, k, compiled=True):
    n = matrix.shape[1]
    items, similarities = np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32)
    lengths = np.zeros(n, np.int64)
    weights = read_only(np.float32(of_users)), read_only(np.float32(of_items))
    for start, stop in ((0, n // 2), (n // 2, n)):
        kernel("nearest_items", compiled)(
            start, stop, *both_ways(matrix), *weights, items, similarities, lengths
        )  # fmt: skip
    dense = np.zeros((n, n))
    for i in range(n):
        assert (np.diff(items[i, : lengths[i]]) > 0).all()
        dense[i, items[i, : lengths[i]]] = similarities[i, : lengths[i]]
    return dense


@BOTH
def test_common_users_are_counted_in_the_lower_triangle(compiled):
    matrix = random_rows(np.random.default_rng(0), 30, 9)
    out = np.zeros((9, 9), np.float32)
    kernel("count_common_users", compiled)(0, 9, *both_ways(matrix), out)
    P = matrix.toarray() > 0
    np.testing.assert_array_equal(out, np.tril(P.T.astype(int) @ P))


def repeated(n):
    """Two items with the same n users, which are the same user each time to save memory."""
    users = Rows(np.array([0, n, 2 * n]), np.zeros(2 * n, np.int32), np.empty(0, np.float32))
    items = Rows(np.array([0, 2]), np.array([0, 1], np.int32), np.empty(0, np.float32))
    return [Rows(*map(read_only, rows)) for rows in (users, items)]


def test_counts_do_not_stop_at_the_integers_of_float32():
    n = 2**24 + 2
    out = np.zeros((2, 2), np.float32)
    _item_pairs.count_common_users(0, 2, *repeated(n), out)
    np.testing.assert_array_equal(out, [[n, 0], [n, n]])


def test_similarities_of_a_million_common_users_are_as_precise_as_float32():
    n = 1_000_000
    items, similarities = np.zeros((2, 1), np.int32), np.zeros((2, 1), np.float32)
    weights = read_only(np.float32([0.1])), read_only(np.float32([1, 1]))
    _item_pairs.nearest_items(0, 2, *repeated(n), *weights, items, similarities, np.zeros(2, np.int64))
    np.testing.assert_allclose(similarities, n * np.float64(np.float32(0.1)), rtol=1e-7)  # one rounding to float32


@BOTH
@pytest.mark.parametrize("density", [0.02, 0.3])  # few common users, and almost all items in common
@pytest.mark.parametrize("k", [1, 4, 40])
def test_nearest_items_equal_dense_algebra(compiled, density, k):
    rng = np.random.default_rng(1)
    matrix = random_rows(rng, 50, 40, density)
    of_users, of_items = rng.random(50), rng.random(40)
    of_users[3] = of_items[5] = 0  # a weight of zero makes no neighbours
    found = found_neighbours(matrix, of_users, of_items, k, compiled)
    expected = expected_neighbours(matrix, of_users, of_items, k)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)  # float32 sums of at most 50 terms


@given(st.lists(st.lists(st.integers(0, 7), max_size=8), min_size=1, max_size=12), st.integers(1, 9))
def test_ties_are_broken_by_the_order_of_items(histories, k):
    P = np.zeros((len(histories), 8), np.float32)
    for row, items in zip(P, histories):
        row[items] = 1
    matrix = sp.csr_array(P)
    ones = np.ones(len(P)), np.ones(8)
    # With weights of one, similarities are small integers, which are exact and often equal.
    np.testing.assert_array_equal(found_neighbours(matrix, *ones, k), expected_neighbours(matrix, *ones, k))


@BOTH
def test_sum_weights_equals_the_product_with_the_pattern(compiled):
    rng = np.random.default_rng(0)
    history, weights = random_rows(rng, 9, 7), random_rows(rng, 7, 7)
    out = np.full((9, 7), np.nan, np.float32)
    kernel("sum_weights", compiled)(0, 9, rows_of(history), rows_of(weights), out)
    np.testing.assert_allclose(out, (history.toarray() > 0) @ weights.toarray(), rtol=1e-5)  # float32 sums of 7 terms
