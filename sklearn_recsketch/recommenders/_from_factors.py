"""A fitted recommender from vectors that were learnt elsewhere."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.recommenders._als.objective import Objective
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import FactorRecommender
from sklearn_recsketch.recommenders._pairwise.base import PairwiseRecommender
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.recommenders._wrmf import WRMFRecommender

__all__ = ["assembled"]

R = TypeVar("R", bound=FactorRecommender)


def assembled(
    recommender: R,
    users: np.ndarray,
    items: np.ndarray,
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    interactions: sp.csr_array | None = None,
    states: tuple[np.ndarray, np.ndarray] | None = None,
    n_iter: int = 0,
) -> R:
    """Make `recommender` a fitted one with these vectors.

    Parameters
    ----------
    recommender : FactorRecommender
        Not fitted; its parameters have to be those the vectors were learnt with.
    users, items : ndarray
        Sorted ids.
    user_vectors, item_vectors : ndarray of shape (n_users or n_items, n_components)
        In the order of the ids; all of them count as trained.
    interactions : csr_array of shape (n_users, n_items), default=None
        Strengths; None means that none are known.
    states : tuple of ndarray of shape (n_users or n_items, 4), default=None
        For WARP and BPR: biases, and where Adagrad goes on, see `kernels._sgd`.
    n_iter : int, default=0
        Epochs behind the vectors, 0 where they were not counted.
    """
    shape = (len(users), len(items))
    matrix: Any = sp.csr_array(shape, dtype=np.float32) if interactions is None else interactions.astype(np.float32)
    counts = {"user": np.diff(matrix.indptr), "item": np.bincount(matrix.indices, minlength=len(items))}
    state: dict[str, Any] = {
        "interactions_": matrix,
        "_trained_on": matrix,
        "_seed": 0,
        "_polars": False,
        "n_features_in_": 2,
        "n_iter_": n_iter,
        "loss_curve_": np.zeros(0),
        "diverged_": False,
    }
    sides = {name: Entities.all_active(ids) for name, ids in (("user", users), ("item", items))}
    for (name, entities), given in zip(sides.items(), (user_vectors, item_vectors), strict=True):
        vectors = np.ascontiguousarray(given, dtype=np.float32)
        state |= entities.attributes(name, counts[name])
        state |= {f"{name}_embeddings_": vectors, f"{name}_factors_": vectors}
        state[f"_unknown_{name}"] = entities.unknown_vector(vectors)
    if isinstance(recommender, PairwiseRecommender):
        assert states is not None
        learnt = [Embeddings(state[f"{name}_embeddings_"], own) for name, own in zip(sides, states, strict=True)]
        state |= recommender._beyond_vectors(learnt, sides["item"])
        state["_unit_penalties"] = recommender._penalty_units(matrix)
    if isinstance(recommender, WRMFRecommender):
        state |= Objective.of(recommender, matrix).attributes()
    recommender._replace_fitted(state)
    return recommender
