"""Turn maximum inner product search into nearest-neighbour search by an additional coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

__all__ = ["augment_items", "augment_users"]


def augment_items(vectors: Any) -> np.ndarray:
    """Append a coordinate to item vectors so that the nearest neighbours of a user are the items of highest score.

    Parameters
    ----------
    vectors : array-like of shape (n_items, n_components)
        Vectors of all items to search. If an item changes or is added, the new coordinate of every item may change.

    Returns
    -------
    ndarray of shape (n_items, n_components + 1)
        The augmented vectors, in float64 if `vectors` is float64, else in float32.

    See Also
    --------
    augment_users : Augment the user vectors to search with.

    Notes
    -----
    Let M be the largest norm of an item vector. An item y and a user x become

    .. math::

        \\tilde y = (y, \\sqrt{M^2 - |y|^2}), \\qquad \\tilde x = (x, 0),

    so that :math:`\\tilde x \\cdot \\tilde y = x \\cdot y`, and all items have the norm M. The score then determines
    both the Euclidean distance and the cosine:

    .. math::

        |\\tilde x - \\tilde y|^2 = |x|^2 + M^2 - 2\\, x \\cdot y, \\qquad
        \\cos(\\tilde x, \\tilde y) = \\frac{x \\cdot y}{M |x|}.

    This transformation is due to Bachrach et al., "Speeding up the Xbox recommender system using a Euclidean
    transformation for inner-product spaces", RecSys 2014, https://doi.org/10.1145/2645710.2645741.

    An exact search finds the items of highest score, up to rounding: in float32, two scores can be distinguished by
    Euclidean distance if they differ by more than about :math:`10^{-7} M^2`, and by cosine if they differ by more
    than about :math:`10^{-7} M |x|`. An approximate index has a lower recall on augmented vectors than on the original
    vectors with the inner product, because most augmented items lie close together near the new axis, far from every
    user. Prefer the inner product if the index supports it.

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
    """Append a zero to user vectors, to search for items augmented by :func:`augment_items`.

    Parameters
    ----------
    vectors : array-like of shape (n_users, n_components)
        Vectors of users.

    Returns
    -------
    ndarray of shape (n_users, n_components + 1)
        The augmented vectors, in float64 if `vectors` is float64, else in float32.

    See Also
    --------
    augment_items : Augment the item vectors; with the formula and an example.
    """
    vectors = _checked(vectors)
    return _with_column(vectors, np.zeros(len(vectors)))


def _checked(vectors: Any) -> np.ndarray:
    return check_array(vectors, dtype=[np.float64, np.float32], ensure_min_samples=0, input_name="vectors")


def _with_column(vectors: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.hstack([vectors, column[:, None].astype(vectors.dtype)])
