"""Gram matrices and products computed in chunks."""

from __future__ import annotations

import numpy as np

from sklearn_recsketch._linalg.gram import gram, multiply
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)


def test_gram_and_multiply_combine_chunks():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((5000, 3)).astype(np.float32)  # more than one chunk of 4096
    np.testing.assert_allclose(gram(factors, ALONE), factors.T.astype(float) @ factors.astype(float), rtol=1e-12)
    transform = rng.standard_normal((3, 3))
    np.testing.assert_allclose(multiply(factors, transform, ALONE), factors @ transform, rtol=1e-5, atol=1e-5)
