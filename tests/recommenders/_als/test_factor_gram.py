"""The stored Gram matrix of fitted factors, which must not outlive them or differ from them."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.recommenders._als import factor_gram
from sklearn_recsketch.recommenders._als.factor_gram import gram_of_factors
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)


@pytest.fixture
def factors():
    return np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)


@pytest.fixture
def active(factors):
    return np.arange(len(factors)) % 3 > 0


def test_only_active_rows_are_summed(factors, active):
    expected = factors[active].T.astype(float) @ factors[active].astype(float)
    np.testing.assert_allclose(gram_of_factors(factors, active, ALONE).matrix, expected, rtol=1e-12)


def test_eigenvectors_and_eigenvalues_multiply_to_the_matrix(factors, active):
    matrix, (eigenvalues, vectors) = gram_of_factors(factors, active, ALONE)
    np.testing.assert_allclose((vectors * eigenvalues) @ vectors.T, matrix, rtol=1e-10, atol=1e-10)


def test_the_matrix_is_computed_once(factors, active):
    assert gram_of_factors(factors, active, ALONE) is gram_of_factors(factors, active, ALONE)


def rotated(factors):
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((factors.shape[1],) * 2))[0]
    return factors @ rotation.astype(np.float32)


@pytest.mark.parametrize(
    "change",
    [lambda factors: 2 * factors, rotated, lambda factors: factors + np.eye(*factors.shape, dtype=np.float32)],
    ids=["scaled", "rotated", "some rows"],
)
def test_factors_changed_in_place_get_a_new_matrix(factors, active, change):
    gram_of_factors(factors, active, ALONE)
    factors[:] = change(factors)
    expected = factors[active].T.astype(float) @ factors[active].astype(float)
    np.testing.assert_allclose(gram_of_factors(factors, active, ALONE).matrix, expected, rtol=1e-10, atol=1e-10)


def test_the_matrix_is_released_with_the_factors(active):
    factors = np.ones((len(active), 4), dtype=np.float32)
    gram_of_factors(factors, active, ALONE)
    key = id(factors)
    assert key in factor_gram._KEPT
    del factors
    gc.collect()
    assert key not in factor_gram._KEPT


def test_factors_stay_writable(factors, active):
    gram_of_factors(factors, active, ALONE)
    assert factors.flags.writeable


@pytest.mark.parametrize("update", ["fit", "partial_fit"])
def test_fold_in_uses_the_factors_of_the_last_fit(update, planted):
    X, y, _ = planted
    history = X["item"].unique()[:5].tolist()
    used, fresh = (WRMFRecommender(6, max_iter=3, random_state=0).fit(X, y) for _ in range(2))
    used.recommend(history=history)
    for rec in (used, fresh):
        getattr(rec, update)(X.iloc[: len(X) // 2], y[: len(X) // 2])
    pd.testing.assert_frame_equal(used.recommend(history=history), fresh.recommend(history=history))
