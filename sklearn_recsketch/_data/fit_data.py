"""Collect the users, the items and the interaction matrix for a fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.feature_ids import check_feature_ids
from sklearn_recsketch._data.ids import check_same_kind, find_positions, union
from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch._data.matrix import reindex_matrix
from sklearn_recsketch._data.pair_sums import add_matrices, sum_pairs

__all__ = ["EarlierFit", "FitData", "gather_fit_data"]


class FitData(NamedTuple):
    """Users, items and interactions that are used in a fit.

    Attributes
    ----------
    users, items : ndarray
        Sorted user ids and sorted item ids.
    interactions : csr_array of shape (n_users, n_items)
        Strengths of all interactions, including the interactions of earlier fits.
    new : csr_array of shape (n_users, n_items)
        Strengths of the interactions passed to this fit.
    """

    users: np.ndarray
    items: np.ndarray
    interactions: sp.csr_array
    new: sp.csr_array


class EarlierFit(NamedTuple):
    """State of a fitted recommender that is updated with new interactions.

    Attributes
    ----------
    users, items : ndarray
        Sorted user ids and sorted item ids.
    interactions : csr_array of shape (n_users, n_items)
        Strengths of the interactions of all earlier fits.
    has_features : tuple of bool
        Whether there were user features, and whether there were item features.
    """

    users: np.ndarray
    items: np.ndarray
    interactions: sp.csr_array
    has_features: tuple[bool, bool]


def gather_fit_data(
    interactions: Interactions,
    user_feature_ids: np.ndarray | None,
    item_feature_ids: np.ndarray | None,
    earlier: EarlierFit | None = None,
) -> FitData:
    """Collect the users and items for a fit, and build their interaction matrix.

    A user or item is included if it has an interaction with positive strength, has side features, or is in `earlier`.
    The interactions in `earlier` are also included.

    Parameters
    ----------
    interactions : Interactions
    user_feature_ids, item_feature_ids : ndarray or None
        Sorted ids of the users or items with side features.
    earlier : EarlierFit, default=None

    Returns
    -------
    FitData

    Raises
    ------
    ValueError
        If no row has a positive strength, or if the side features do not belong to the ids of the interactions.
    """
    sums = sum_pairs(interactions)
    if not sums.has_users.any():
        raise ValueError(
            f"None of the {len(interactions.y)} rows of X has a positive strength, so there is no interaction to learn "
            f"from. Strength is y times the weight column, if X has one."
        )
    users, items = sums.present(interactions.users, interactions.items)
    first_features = True, True
    if earlier is not None:
        users = _union(users, earlier.users, "user", "earlier fits")
        items = _union(items, earlier.items, "item", "earlier fits")
        # Later features may belong to new ids only.
        first_features = not earlier.has_features[0], not earlier.has_features[1]
    with_interactions = users, items
    if user_feature_ids is not None:
        check_feature_ids("user", user_feature_ids, *with_interactions, first_features[0])
        users = _union(users, user_feature_ids, "user", "user_features")
    if item_feature_ids is not None:
        check_feature_ids("item", item_feature_ids, *with_interactions[::-1], first_features[1])
        items = _union(items, item_feature_ids, "item", "item_features")
    new = total = reindex_matrix(sums.matrix, interactions, users, items)
    if earlier is not None:
        rows, columns = find_positions(earlier.users, users, "user"), find_positions(earlier.items, items, "item")
        total = add_matrices(earlier.interactions, rows, columns, new)
    return FitData(users, items, total, new)


def _union(ids: np.ndarray, others: np.ndarray, name: str, origin: str) -> np.ndarray:
    check_same_kind(ids, others, f"The {name} ids of X", f"those of {origin} are")
    return union(ids, others, name)
