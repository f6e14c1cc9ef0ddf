"""Rows of sparse matrices."""

from __future__ import annotations

import numpy as np
import pytest
from sparse_matrices import random_rows

from sklearn_recsketch._ranking.eligible import select_rows


@pytest.mark.parametrize("rows", [[], [3], [-1], [-1, -1], [4, -1, 0, 4, -1], [0, 1, 2]], ids=str)
def test_rows_are_selected_and_unknown_rows_are_empty(rows):
    matrix = random_rows(np.random.default_rng(0), 6, 9, density=0.5)
    dense = np.vstack([matrix.toarray(), np.zeros(9)])  # row -1
    selected = select_rows(matrix, np.array(rows, dtype=np.intp))
    np.testing.assert_array_equal(selected.toarray(), dense[rows])
    assert selected.has_sorted_indices
