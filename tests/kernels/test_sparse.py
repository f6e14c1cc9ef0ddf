"""Products of sparse and dense matrices against SciPy and dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
from sparse_matrices import random_rows

from sklearn_recsketch.kernels import _sparse
from sklearn_recsketch.kernels._jit import read_only, rows_of


@pytest.mark.parametrize("compiled", [True, False])
def test_sparse_product_equals_scipy(compiled):
    rng = np.random.default_rng(0)
    matrix, dense = random_rows(rng, 9, 7), rng.standard_normal((7, 3)).astype(np.float32)
    out = np.full((9, 3), np.nan, np.float32)
    kernel = _sparse.sparse_product if compiled else _sparse.sparse_product.py_func
    kernel(0, 9, rows_of(matrix), read_only(dense), out)
    np.testing.assert_allclose(out, matrix @ dense, rtol=1e-5, atol=1e-6)  # float32 sums of 7 terms


@pytest.mark.parametrize("compiled", [True, False])
def test_confidence_product_equals_dense_algebra(compiled):
    rng = np.random.default_rng(0)
    matrix = random_rows(rng, 9, 7)
    Y, P = rng.standard_normal((7, 3)).astype(np.float32), rng.standard_normal((9, 3)).astype(np.float32)
    out = np.ones((9, 3), np.float32)
    kernel = _sparse.confidence_product if compiled else _sparse.confidence_product.py_func
    kernel(0, 9, rows_of(matrix), read_only(Y), read_only(P), out)
    expected = 1 + (matrix.toarray() * (P @ Y.T)) @ Y
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)  # float32 sums of 21 terms


@pytest.mark.parametrize("compiled", [True, False])
def test_target_sums_equal_dense_algebra(compiled):
    rng = np.random.default_rng(0)
    matrix, Y = random_rows(rng, 9, 7), rng.standard_normal((7, 3)).astype(np.float32)
    target, diagonal = np.empty((9, 3), np.float32), np.empty((9, 3), np.float32)
    kernel = _sparse.target_sums if compiled else _sparse.target_sums.py_func
    total = kernel(0, 9, rows_of(matrix), read_only(Y), target, diagonal)
    E = matrix.toarray()
    np.testing.assert_allclose(target, (E + (E > 0)) @ Y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(diagonal, E @ Y**2, rtol=1e-5, atol=1e-6)
    assert total == pytest.approx((E + (E > 0)).sum(), rel=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_dot_sums_in_float64(compiled):
    a = np.array([[1e8, 1.0], [1.0, -1e8]], np.float32)
    kernel = _sparse.dot if compiled else _sparse.dot.py_func
    assert kernel(0, 2, read_only(a), read_only(np.ones((2, 2), np.float32))) == 2.0  # float32 would lose both 1.0
