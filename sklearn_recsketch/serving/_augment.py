"""Convert maximum inner product search to nearest-neighbour search by adding a coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

__all__ = ["augment_items", "augment_users"]


def augment_items(vectors: Any) -> np.ndarray:
    """Append a coordinate to item vectors so that a user's nearest neighbours are the items with the highest scores.

    Parameters
    ----------
    vectors : array-like of shape (n_items, n_components)
        Vectors of all items to search. If an item changes or is added, the additional coordinate may change for all
        items.

    Returns
    -------
    ndarray of shape (n_items, n_components + 1)
        The augmented vectors. Their dtype is float64 if `vectors` has dtype float64, and float32 otherwise.

    See Also
    --------
    augment_users : Augment the user vectors that are used as queries.

    Notes
    -----
    Let M be the largest norm of an item vector. The augmented vectors of an item y and a user x are

    .. math::

        \\tilde y = (y, \\sqrt{M^2 - |y|^2}), \\qquad \\tilde x = (x, 0).

    The inner product does not change, :math:`\\tilde x \\cdot \\tilde y = x \\cdot y`, and all augmented item vectors
    have a norm of M. For a given user, the score therefore determines both the Euclidean distance and the cosine:

    .. math::

        |\\tilde x - \\tilde y|^2 = |x|^2 + M^2 - 2\\, x \\cdot y, \\qquad
        \\cos(\\tilde x, \\tilde y) = \\frac{x \\cdot y}{M |x|}.

    This transformation was proposed by Bachrach et al., "Speeding up the Xbox recommender system using a Euclidean
    transformation for inner-product spaces", RecSys 2014, https://doi.org/10.1145/2645710.2645741.

    An exact search finds the items with the highest scores, up to rounding errors. In float32, the Euclidean distance
    distinguishes two scores if they differ by more than about :math:`10^{-7} M^2`. The cosine distinguishes two scores
    if they differ by more than about :math:`10^{-7} M |x|`.

    An approximate index has a lower recall on augmented vectors than with the inner product on the original vectors.
    The reason is that most augmented items lie close together near the new axis, far from all users. If the index
    supports the inner product, use it instead of this function.

    Examples
    --------
    >>> from sklearn_recsketch.serving import augment_items, augment_users
    >>> augment_items([[3.0, 4.0], [0.0, 3.0]])
    array([[3., 4., 0.],
           [0., 3., 4.]])
    >>> augment_users([[1.0, 2.0]])
    array([[1., 2., 0.]])
    """
    vectors = _checked(vectors)
    squares = np.einsum("ik,ik->i", vectors, vectors, dtype=np.float64)
    # The maximum is one of `squares`, so no difference is negative.
    return _with_column(vectors, np.sqrt(squares.max(initial=0.0) - squares))


def augment_users(vectors: Any) -> np.ndarray:
    """Append a zero to user vectors in order to search items that were augmented by `augment_items`.

    Parameters
    ----------
    vectors : array-like of shape (n_users, n_components)
        User vectors.

    Returns
    -------
    ndarray of shape (n_users, n_components + 1)
        The augmented vectors. Their dtype is float64 if `vectors` has dtype float64, and float32 otherwise.

    See Also
    --------
    augment_items : Augment the item vectors.
    """
    vectors = _checked(vectors)
    return _with_column(vectors, np.zeros(len(vectors)))


def _checked(vectors: Any) -> np.ndarray:
    return check_array(vectors, dtype=[np.float64, np.float32], ensure_min_samples=0, input_name="vectors")


def _with_column(vectors: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.hstack([vectors, column[:, None].astype(vectors.dtype)])
