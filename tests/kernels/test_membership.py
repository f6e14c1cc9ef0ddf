"""Lookup of pairs in a sparse matrix."""

from __future__ import annotations

import numpy as np
import pytest
from sparse_matrices import random_rows

from sklearn_recsketch.kernels import _membership
from sklearn_recsketch.kernels._jit import rows_of


@pytest.mark.parametrize("n_words", [1, 2, 64])
def test_position_of_finds_exactly_the_stored_pairs(n_words):
    matrix = random_rows(np.random.default_rng(0), 40, 30)
    rows, shift = rows_of(matrix), np.uint64(58 - (n_words - 1).bit_length())
    bits = np.zeros(n_words, np.uint64)
    _membership.mark_pairs(rows.indptr, rows.indices, bits, shift)
    positions = [
        [_membership.position_of(bits, shift, rows.indptr, rows.indices, u, i) for i in range(30)] for u in range(40)
    ]
    expected = np.full(matrix.shape, -1)
    expected[matrix.nonzero()] = np.arange(matrix.nnz)
    np.testing.assert_array_equal(positions, expected)
