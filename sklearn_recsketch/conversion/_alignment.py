"""Reorder the factors and interactions of another library's model by sorted ids."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.matrix import check_distinct_ids
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["RowIds", "aligned"]


class RowIds(NamedTuple):
    """Sorted ids of users or items, and the row of each id in the other library's model.

    Attributes
    ----------
    ids : ndarray of shape (n,)
        Sorted ids.
    order : ndarray of shape (n,)
        Row of each id in the model.
    """

    ids: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, ids: Any, n_rows: int, name: str, hint: str = "") -> RowIds:
        """Sort the ids of the model's rows.

        Raise a ValueError if an id is repeated, or if the number of ids is not `n_rows`. In the latter case, the error
        message ends with `hint`.
        """
        array = check_distinct_ids(ids, name)
        if len(array) != n_rows:
            raise ValueError(
                f"{name}s has {len(array)} ids, but the model has {n_rows} {name}s. Pass the id of each row of its "
                f"factors, in the order of the rows. {hint}".rstrip()
            )
        order = np.argsort(array, kind="stable")
        return cls(array[order], order)


def aligned(interactions: Any, users: RowIds, items: RowIds) -> sp.csr_array | None:
    """Reorder the rows and columns of a user-item matrix by the sorted ids.

    If the matrix is None, warn and return None.
    """
    if interactions is None:
        warnings.warn(
            "Without interactions, the recommender does not know which items the users have seen: recommend cannot "
            "exclude them, and partial_fit is not possible. Pass interactions=, the user x item matrix that the model "
            "was trained on.",
            UserWarning,
            stacklevel=levels_inside(),
        )
        return None
    matrix = sp.csr_array(interactions)
    shape = (len(users.ids), len(items.ids))
    if matrix.shape != shape:
        raise ValueError(
            f"interactions must be the user x item matrix that the model was trained on, of shape {shape}, "
            f"got shape {matrix.shape}."
        )
    values = matrix.data.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"The values of interactions must be finite, got {values[~np.isfinite(values)][0]}.")
    matrix = sp.csr_array(matrix[users.order][:, items.order])
    matrix.sum_duplicates()
    return matrix
