"""Removal of users and items with too few interactions."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.frames import frame_library, make_table
from sklearn_recsketch._data.ids import lookup
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.k_core import k_core_rows
from sklearn_recsketch._data.matrix import present_ids
from sklearn_recsketch.utils._compat import Interval, _fit_context
from sklearn_recsketch.utils._validation import refuse_sample_weight

__all__ = ["InteractionThresholder", "threshold_interactions"]


class InteractionThresholder(TransformerMixin, BaseEstimator):
    """Set the training weight of users and items with too few interactions to 0.

    Users with fewer than `user_min` distinct items and items with fewer than `item_min` distinct
    users are dropped in turn until all others have enough (the k-core of the user-item graph). In a
    :class:`~sklearn.pipeline.Pipeline`, X and `y` must stay aligned, so no row is removed: the
    output has a third column, `weight`, which is 0 in the rows of dropped users and items. A
    recommender fitted on it does not know the dropped ids, while metrics, whose relevance depends on `y`
    only, still evaluate every row. Use :func:`threshold_interactions` to remove the rows.

    Parameters
    ----------
    user_min : int, default=5
        Minimum number of distinct items per user.
    item_min : int, default=5
        Minimum number of distinct users per item.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids that were kept.
    n_features_in_ : int
        Number of columns of X in `fit`: 3 if it has a weight column, else 2.
    feature_names_in_ : ndarray of str
        Names of the columns of X in `fit`. Only defined if X is a frame.

    Raises
    ------
    ValueError
        In `fit`, if `user_min` and `item_min` leave no interaction.

    Notes
    -----
    `transform` always returns a frame (of pandas, or of the library of X), because a single array
    cannot contain string or large integer ids together with fractional weights. It needs a few passes over
    the rows, and memory proportional to their number.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch import InteractionThresholder
    >>> X = pd.DataFrame({"user": ["ann", "ann", "bob", "bob", "eve"],
    ...                   "item": [7, 9, 7, 9, 9]})
    >>> InteractionThresholder(user_min=2, item_min=2).fit_transform(X)
      user  item  weight
    0  ann     7     1.0
    1  ann     9     1.0
    2  bob     7     1.0
    3  bob     9     1.0
    4  eve     9     0.0
    """

    _parameter_constraints: dict[str, Any] = {
        "user_min": [Interval(Integral, 1, None, closed="left")],
        "item_min": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, user_min: int = 5, item_min: int = 5) -> None:
        self.user_min = user_min
        self.item_min = item_min

    @refuse_sample_weight
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> InteractionThresholder:
        """Find the users and items to keep.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User id, item id and, optionally, a weight.
        y : array-like of shape (n_rows,), default=None
            Strengths. Rows of strength 0 are not counted.

        Returns
        -------
        self : InteractionThresholder
        """
        interactions = check_interactions(X, y)
        kept = k_core_rows(interactions, self.user_min, self.item_min)
        self.users_ = present_ids(interactions.users, kept)
        self.items_ = present_ids(interactions.items, kept)
        self.n_features_in_ = interactions.n_columns
        if interactions.names is not None:
            self.feature_names_in_ = np.array(interactions.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: Any) -> Any:
        """Add, or multiply into, a weight column that is 0 for dropped users and items.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User id, item id and, optionally, a weight.

        Returns
        -------
        frame with columns user, item, weight
            The rows of X in their order. The weights are NaN if the third column of X is not a valid weight column.
        """
        check_is_fitted(self)
        try:
            interactions = check_interactions(X)
            weight = interactions.strength
        except ValueError:
            # If the ids are valid, the third column is not: predict and metrics ignore it, and fit raises for NaN.
            interactions = check_interactions(X, weighted=False)
            weight = np.full(len(interactions.y), np.nan)
        known = lookup(self.users_, interactions.users, "user") >= 0
        known &= lookup(self.items_, interactions.items, "item") >= 0
        columns = {
            "user": interactions.users.ids[interactions.users.codes],
            "item": interactions.items.ids[interactions.items.codes],
            "weight": weight * known,
        }
        return make_table(
            columns, interactions.library or "pandas", index=X.index if isinstance(X, pd.DataFrame) else None
        )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the output columns: user, item, weight."""
        check_is_fitted(self)
        return np.array(["user", "item", "weight"], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags


def threshold_interactions(X: Any, y: Any = None, *, user_min: int = 5, item_min: int = 5) -> Any:
    """Remove the rows of users and items with too few interactions.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        User id, item id and, optionally, a weight.
    y : array-like of shape (n_rows,), default=None
        Strengths. Rows of strength 0 are not counted, and are removed.
    user_min, item_min : int, default=5
        Minimum number of distinct items per user and of distinct users per item.

    Returns
    -------
    X : same type as X
        The remaining rows in their order, with their index.
    y : ndarray
        Strengths of the remaining rows. Only returned if `y` is not None.

    Raises
    ------
    ValueError
        If `user_min` and `item_min` leave no interaction.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.preprocessing import threshold_interactions
    >>> X = pd.DataFrame({"user": ["ann", "ann", "bob", "bob", "eve"],
    ...                   "item": [7, 9, 7, 9, 9]})
    >>> threshold_interactions(X, user_min=2, item_min=2)
      user  item
    0  ann     7
    1  ann     9
    2  bob     7
    3  bob     9
    """
    InteractionThresholder(user_min, item_min)._validate_params()
    interactions = check_interactions(X, y)
    kept = k_core_rows(interactions, user_min, item_min)
    library = frame_library(X)
    if library == "polars" or library == "pyarrow":
        rows = X.filter(kept)
    elif library is None:
        rows = np.asarray(X if not isinstance(X, list | tuple) else np.array(X, dtype=object))[kept]
    else:
        rows = X[kept]
    return rows if y is None else (rows, interactions.y[kept])
