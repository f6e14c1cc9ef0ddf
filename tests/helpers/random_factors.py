"""Recommenders with random factors, for tests of indexes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.recommenders._from_factors import fit_from_factors


def recommender_of(items, users, seen=None):
    """Return a recommender with the given factors; ids are row numbers."""
    # Explicit parameters, because defaults cannot be derived without interactions.
    recommender = WRMFRecommender(items.shape[1], alpha=40.0, regularization=10.0)
    return fit_from_factors(recommender, np.arange(len(users)), np.arange(len(items)), users, items, interactions=seen)


def random_vectors(n, rng, n_components=16):
    """Return vectors with uniform directions and norms as skewed as for trained factors."""
    return rng.standard_normal((n, n_components)) * np.exp(0.4 * rng.standard_normal((n, 1)))


def large_model():
    """Return a recommender of 300 users and 4,000 items, with about 40 interactions per user."""
    rng = np.random.default_rng(0)
    seen = sp.csr_array(rng.random((300, 4000)) < 0.01)
    return recommender_of(random_vectors(4000, rng), random_vectors(300, rng), seen)
