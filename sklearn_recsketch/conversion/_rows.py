"""Rows of another library's factors, by the ids of their owner."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.matrix import check_distinct_ids

__all__ = ["Rows", "liked"]


class Rows(NamedTuple):
    """Ids of users or items, sorted, and the row of each in the other library.

    Attributes
    ----------
    ids : ndarray of shape (n,)
    order : ndarray of shape (n,)
    """

    ids: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, given: Any, n_rows: int, name: str, hint: str = "") -> Rows:
        """Ids given in the order of the rows; raises, with a hint, where there are repeats, or not as many as rows."""
        ids = check_distinct_ids(given, name)
        if len(ids) != n_rows:
            raise ValueError(
                f"{name}s has {len(ids)} ids, but the model has {n_rows} {name}s. Give the id of each row of its "
                f"factors, in the order of the rows. {hint}".rstrip()
            )
        order = np.argsort(ids, kind="stable")
        return cls(ids[order], order)


def liked(interactions: Any, users: Rows, items: Rows) -> sp.csr_array | None:
    """A user x item matrix with rows and columns in the order of the ids; None stays None."""
    if interactions is None:
        return None
    matrix = sp.csr_array(interactions)
    shape = (len(users.ids), len(items.ids))
    if matrix.shape != shape:
        raise ValueError(
            f"interactions must be the user x item matrix the model was trained on, of shape {shape}; "
            f"got one of shape {matrix.shape}."
        )
    values = matrix.data.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"interactions must be finite, got {values[~np.isfinite(values)][0]} among its values.")
    matrix = sp.csr_array(matrix[users.order][:, items.order])
    matrix.sum_duplicates()
    return matrix
