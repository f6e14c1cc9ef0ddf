"""Inversion of positive definite matrices in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from sklearn_recsketch._linalg import spd_inverse
from sklearn_recsketch.utils._threads import workers


def positive_definite(n, smallest, seed=0):
    A = np.random.default_rng(seed).standard_normal((n, n + 5))
    return A @ A.T + smallest * np.eye(n)


def inverted(matrix, n_jobs=1):
    """Return the inverse by `invert_negated`, which must not read above the blocks on the diagonal."""
    A = np.float32(matrix)
    for start in range(0, len(A), spd_inverse.BLOCK):
        A[start : start + spd_inverse.BLOCK, start + spd_inverse.BLOCK :] = np.nan
    with workers(n_jobs) as pool:
        spd_inverse.invert_negated(A, pool)
    lower = np.tril(-A)
    return lower + np.tril(lower, -1).T


@pytest.mark.parametrize("n", [1, 7, 8, 9, 50])
def test_inverse_equals_numpy(n, monkeypatch):
    monkeypatch.setattr(spd_inverse, "BLOCK", 8)
    monkeypatch.setattr(spd_inverse, "STRIP", 20)
    matrix = positive_definite(n, 1.0)
    # The error of an inverse is proportional to the condition number, here below 250, times the float32 rounding.
    expected = np.linalg.inv(matrix)
    np.testing.assert_allclose(inverted(matrix), expected, atol=1e-5 * np.abs(expected).max())


def test_inverse_with_the_real_block_size():
    matrix = positive_definite(2 * spd_inverse.BLOCK + 10, 100.0)
    expected = np.linalg.inv(matrix)
    np.testing.assert_allclose(inverted(matrix), expected, atol=1e-5 * np.abs(expected).max())


def test_inverse_does_not_depend_on_the_number_of_threads():
    matrix = positive_definite(3 * spd_inverse.BLOCK, 10.0)
    np.testing.assert_array_equal(inverted(matrix, 1), inverted(matrix, 2))


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        inverted(np.ones((3, 3)))
