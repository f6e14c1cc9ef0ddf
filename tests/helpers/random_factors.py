"""Recommenders with made-up factors, for indexes of them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.recommenders._from_factors import fit_from_factors


def model_of(items, users, seen=None):
    """A recommender with these vectors, whose ids are row numbers."""
    # Nothing can be computed from interactions that are not there.
    recommender = WRMFRecommender(items.shape[1], alpha=40.0, regularization=10.0)
    return fit_from_factors(recommender, np.arange(len(users)), np.arange(len(items)), users, items, interactions=seen)


def scattered(n, rng, n_components=16):
    """Vectors in all directions, of norms as skewed as those of factors."""
    return rng.standard_normal((n, n_components)) * np.exp(0.4 * rng.standard_normal((n, 1)))


def large_model():
    """300 users of 4,000 items, each of whom has seen 40."""
    rng = np.random.default_rng(0)
    seen = sp.csr_array(rng.random((300, 4000)) < 0.01)
    return model_of(scattered(4000, rng), scattered(300, rng), seen)
