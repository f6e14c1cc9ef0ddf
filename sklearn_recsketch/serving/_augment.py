"""Inner products as distances: one more coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

__all__ = ["augment_items", "augment_users"]


def augment_items(vectors: Any) -> np.ndarray:
    """Item vectors with one more coordinate, so that nearest neighbours are the best items.

    Parameters
    ----------
    vectors : array-like of shape (n_items, n_components)
        All items that are to be found. When one of them changes, or one is added, the coordinate of all may change.

    Returns
    -------
    ndarray of shape (n_items, n_components + 1)
        float32, or float64 where `vectors` were.

    See Also
    --------
    augment_users : What to search them with.

    Notes
    -----
    With M the largest norm of an item, an item y and a user x become

    .. math::

        \\tilde y = (y, \\sqrt{M^2 - |y|^2}), \\qquad \\tilde x = (x, 0),

    so that :math:`\\tilde x \\cdot \\tilde y = x \\cdot y` while all items have the norm M. The score then decides
    both the Euclidean distance and the cosine:

    .. math::

        |\\tilde x - \\tilde y|^2 = |x|^2 + M^2 - 2\\, x \\cdot y, \\qquad
        \\cos(\\tilde x, \\tilde y) = \\frac{x \\cdot y}{M |x|}.

    Bachrach et al., "Speeding up the Xbox recommender system using a Euclidean transformation for inner-product
    spaces", RecSys 2014, https://doi.org/10.1145/2645710.2645741.

    An exact search finds exactly the best items, but for rounding: in float32, a distance tells scores apart that
    differ by more than about :math:`10^{-7} M^2`, a cosine by :math:`10^{-7} M |x|`. Approximate indexes find fewer
    of them than among plain vectors by inner product, where they offer that: most items lie close together near the
    new axis, far from every user.

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
    # The largest square is one of them, so no difference is below 0.
    return _with_column(vectors, np.sqrt(squares.max(initial=0.0) - squares))


def augment_users(vectors: Any) -> np.ndarray:
    """User vectors to search augmented items with: a 0 at the end.

    Parameters
    ----------
    vectors : array-like of shape (n_users, n_components)

    Returns
    -------
    ndarray of shape (n_users, n_components + 1)
        float32, or float64 where `vectors` were.

    See Also
    --------
    augment_items : The formula, and an example.
    """
    vectors = _checked(vectors)
    return _with_column(vectors, np.zeros(len(vectors)))


def _checked(vectors: Any) -> np.ndarray:
    return check_array(vectors, dtype=[np.float64, np.float32], ensure_min_samples=0, input_name="vectors")


def _with_column(vectors: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.hstack([vectors, column[:, None].astype(vectors.dtype)])
