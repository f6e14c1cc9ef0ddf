"""The row solver of WRMF against dense solutions."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from sparse_matrices import random_rows

from sklearn_recsketch._linalg.gram import gram
from sklearn_recsketch.kernels import _als
from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.recommenders._als.confidences import ratings_of
from sklearn_recsketch.recommenders._als.rows import Accuracy, Eigenbasis, FixedSide, Rotated, solve_side
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)
EXACT = Accuracy(1000, tol=1e-6, restarts=8)


def solve(ratings, fixed, lam, start, accuracy=EXACT, prior=None):
    """Call `solve_side` on vectors in the standard basis."""
    side = FixedSide.of(Rotated(fixed), Eigenbasis.of(gram(fixed, ALONE), accuracy.dtype), lam.min(), accuracy, ALONE)
    x, prior = (None if rows is None else Rotated(rows).into(side.basis, ALONE) for rows in (start, prior))
    loss = solve_side(ratings_of(ratings), side, lam, x, accuracy, ALONE, prior)
    return Rotated(x, side.basis).vectors(ALONE), loss


def energy_errors(x, ratings, fixed, lam, prior=None):
    """Return ``|x - x*| / |x*|`` of each row in the norm of its normal matrix, or ``|x|`` where x* is 0."""
    fixed = fixed.astype(np.float64)
    excess = ratings.toarray().astype(np.float64)
    errors = []
    for u in range(len(x)):
        exact = reference.solve_row(excess[u], fixed, lam[u], None if prior is None else prior[u].astype(np.float64))
        A = fixed.T @ fixed + fixed.T @ (excess[u][:, None] * fixed) + lam[u] * np.eye(fixed.shape[1])
        difference = x[u] - exact
        size = np.sqrt(exact @ A @ exact)
        errors.append(np.sqrt(difference @ A @ difference) / size if size else np.abs(difference).max())
    return np.array(errors)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 200.0])
@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("with_prior", [False, True])
def test_solve_rows_equals_a_dense_solve(alpha, per_row, with_prior, seed):
    rng = np.random.default_rng(seed)
    ratings = random_rows(rng, 25, 30)
    ratings.data *= np.float32(alpha)
    fixed = rng.standard_normal((30, 7)).astype(np.float32)
    lam = rng.uniform(0.1, 5.0, 25) if per_row else np.array([0.7])
    prior = rng.standard_normal((25, 7)).astype(np.float32) if with_prior else None
    start = rng.standard_normal((25, 7)).astype(np.float32)
    x, _ = solve(ratings, fixed, lam, start, prior=prior)
    errors = energy_errors(x, ratings, fixed, np.broadcast_to(lam, 25), prior)
    # The target residual is 1e-6; the rounding of vectors and transforms to float32 adds a few 1e-6.
    assert errors.max() < 2e-5


@pytest.mark.parametrize("spread", [1e2, 1e4])
def test_solve_rows_is_exact_with_ill_conditioned_factors(spread):
    rng = np.random.default_rng(0)
    ratings = random_rows(rng, 25, 60)
    ratings.data *= 40
    Q, _ = np.linalg.qr(rng.standard_normal((60, 8)))
    fixed = (Q * np.geomspace(1, spread, 8)).astype(np.float32)
    start = np.zeros((25, 8), np.float32)
    x, _ = solve(ratings, fixed, np.array([0.01]), start)
    errors = energy_errors(x, ratings, fixed, np.full(25, 0.01))
    # x is float32: along the largest factor its rounding alone contributes eps * sqrt(K).
    assert errors.max() < 5e-5


def test_solve_rows_returns_zero_for_rows_without_ratings():
    rng = np.random.default_rng(0)
    ratings = random_rows(rng, 10, 12)
    fixed = rng.standard_normal((12, 4)).astype(np.float32)
    start = rng.standard_normal((10, 4)).astype(np.float32)
    x, _ = solve(ratings, fixed, np.array([0.1]), start)
    np.testing.assert_allclose(x[[0, -1]], 0, atol=1e-6)  # float32 rounding of one step to 0


def test_solve_rows_returns_the_loss_of_its_solution(seed):
    rng = np.random.default_rng(seed)
    ratings = random_rows(rng, 15, 12)
    fixed = rng.standard_normal((12, 5)).astype(np.float32)
    start = np.zeros((15, 5), np.float32)
    for accuracy in (Accuracy(2, 0.0), EXACT):
        x, loss = solve(ratings, fixed, np.array([0.3]), start, accuracy)
        dense = reference.pair_loss(ratings.toarray(), x, fixed, alpha=1.0) + 0.3 * np.square(x).sum()
        assert loss == pytest.approx(dense, rel=1e-5)  # sums of a hundred float32 terms


@pytest.mark.parametrize("accuracy", [EXACT, Accuracy(200, excess=3e-5, share=0.05)])
@pytest.mark.parametrize("scale", [0.0, 1e-24])
def test_solve_rows_stays_finite_without_data_or_penalty(scale, accuracy):
    rng = np.random.default_rng(0)
    ratings = random_rows(rng, 10, 12)
    fixed = (scale * rng.standard_normal((12, 4))).astype(np.float32)
    start = rng.standard_normal((10, 4)).astype(np.float32)
    x, _ = solve(ratings, fixed, np.array([0.0]), start, accuracy)
    assert np.isfinite(x).all()


def test_solve_rows_runs_as_plain_python():
    rng = np.random.default_rng(0)
    ratings = ratings_of(random_rows(rng, 6, 8))
    table = rng.standard_normal((9, 3)).astype(np.float32)
    table[8] = 0
    ones, prior = read_only(np.ones(3, np.float32)), read_only(np.empty((0, 3), np.float32))
    results = []
    for kernel in (_als.solve_rows, _als.solve_rows.py_func):
        x = np.zeros((6, 3), np.float32)
        longest = 8 + _als.WIDTH
        scratch = np.empty(longest, np.int32), np.empty(longest, np.float32), np.empty((_als.N_WORK, 3), np.float32)
        loss = kernel(0, 6, ratings, read_only(table), x, ones, ones[:1], prior, (50, 1e-6, 0.0, 0.0, 1), scratch)
        results.append((x, loss))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5, atol=1e-6)  # sums in a different order
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-6)
