"""Create fitted recommenders from factors that were trained elsewhere."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.recommenders._entities import Entities, embedding_attributes, entity_attributes
from sklearn_recsketch.recommenders._factors import FactorRecommender
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.recommenders._wrmf import WRMFRecommender

__all__ = ["fit_from_factors"]

R = TypeVar("R", bound=FactorRecommender)


def fit_from_factors(
    recommender: R,
    users: np.ndarray,
    items: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    interactions: sp.csr_array | None = None,
    states: tuple[np.ndarray, np.ndarray] | None = None,
    n_iter: int = 0,
) -> R:
    """Turn `recommender` into a fitted recommender with the given factors.

    Parameters
    ----------
    recommender : FactorRecommender
        Unfitted recommender, with the parameters that were used to train the factors.
    users, items : ndarray
        Sorted ids.
    user_factors, item_factors : ndarray of shape (n_users or n_items, n_components)
        Factors, in the order of the ids. All ids are treated as trained.
    interactions : csr_array of shape (n_users, n_items), default=None
        Strengths of the interactions. If None, no interactions are known.
    states : tuple of ndarray of shape (n_users or n_items, 4), default=None
        Biases and accumulators of users and of items; see `Embeddings`. Required for WARP and BPR.
    n_iter : int, default=0
        Number of epochs for which the factors were trained. Pass 0 if this number is unknown.
    """
    shape = (len(users), len(items))
    matrix: Any = sp.csr_array(shape, dtype=np.float32) if interactions is None else interactions.astype(np.float32)
    sides = (
        Entities(users, np.ones(shape[0], dtype=bool), np.diff(matrix.indptr)),
        Entities(items, np.ones(shape[1], dtype=bool), np.bincount(matrix.indices, minlength=shape[1])),
    )
    x, y = (np.ascontiguousarray(factors, dtype=np.float32) for factors in (user_factors, item_factors))
    state = entity_attributes(*sides) | embedding_attributes(sides, (x, y))
    state |= {
        "interactions_": matrix,
        "_trained_on": matrix,
        "_seed": 0,
        "_polars": False,
        "n_features_in_": 2,
        "n_iter_": n_iter,
        "loss_curve_": np.zeros(0),
        "diverged_": False,
    }
    if isinstance(recommender, PairwiseRecommender):
        assert states is not None
        state |= recommender._bias_attributes(Embeddings(x, states[0]), Embeddings(y, states[1]), sides[1])
        state["_unit_penalties"] = recommender._penalty_units(matrix)
    if isinstance(recommender, WRMFRecommender):
        state |= Objective.of(recommender, matrix).attributes()
    recommender._replace_fitted(state)
    return recommender
