"""Remove users and items with too few interactions."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar, overload

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
from sklearn_recsketch.utils._doc_link import DocLinkMixin
from sklearn_recsketch.utils._validation import refuse_sample_weight

if TYPE_CHECKING:
    import polars as pl

_Table = TypeVar("_Table", bound="pd.DataFrame | pl.DataFrame | np.ndarray")  # returned as the type that was passed

__all__ = ["InteractionThresholder", "threshold_interactions"]


class InteractionThresholder(DocLinkMixin, TransformerMixin, BaseEstimator):
    """Assign a training weight of 0 to users and items with too few interactions.

    Users with fewer than `user_min` distinct items and items with fewer than `item_min` distinct users are dropped
    repeatedly until all remaining users and items have enough interactions. The remaining users and items form the
    k-core of the user-item graph. No rows are removed, because X and `y` must stay aligned in a
    :class:`~sklearn.pipeline.Pipeline`. Instead, the output has a third column, `weight`, which is 0 in the rows of
    dropped users and dropped items. A recommender that is fitted on the output treats the dropped ids as unknown.
    Metrics still evaluate every row, because only `y` determines which rows are relevant. Use
    :func:`~sklearn_recsketch.preprocessing.threshold_interactions` to remove the rows.

    Parameters
    ----------
    user_min : int, default=5
        Minimum number of distinct items per user.
    item_min : int, default=5
        Minimum number of distinct users per item.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the users and items that were kept.
    n_features_in_ : int
        Number of columns of X seen during `fit`, which is 3 if X has a weight column, and 2 otherwise.
    feature_names_in_ : ndarray of str
        Column names of X seen during `fit`. Only defined if X is a frame.

    Raises
    ------
    ValueError
        If no interaction is left after applying `user_min` and `item_min` in `fit`.

    Notes
    -----
    `transform` always returns a frame, because a single array cannot contain string ids or large integer ids together
    with fractional weights. If X is a frame, the output is a frame of the same library. Otherwise, it is a pandas
    frame. The time and memory complexity of `transform` is linear in the number of rows.

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
            Table with the columns user id, item id and, optionally, weight.
        y : array-like of shape (n_rows,), default=None
            Strengths. Rows with strength 0 are not counted.

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
        """Set the weights of rows with dropped users or items to 0, and add a weight column if X has none.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            Table with the columns user id, item id and, optionally, weight.

        Returns
        -------
        frame with columns user, item, weight
            Rows of X in their original order. The weights are NaN if the third column of X is not a valid weight
            column.
        """
        check_is_fitted(self)
        try:
            interactions = check_interactions(X)
            weight = interactions.strength
        except ValueError:
            # The third column is invalid. predict and metrics ignore it, and fit raises an error because of NaN.
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
        """Return the names of the output columns, which are user, item and weight."""
        check_is_fitted(self)
        return np.array(["user", "item", "weight"], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags


@overload
def threshold_interactions(X: _Table, y: None = None, *, user_min: int = 5, item_min: int = 5) -> _Table: ...
@overload
def threshold_interactions(X: _Table, y: Any, *, user_min: int = 5, item_min: int = 5) -> tuple[_Table, np.ndarray]: ...
@overload
def threshold_interactions(X: Any, y: Any = None, *, user_min: int = 5, item_min: int = 5) -> Any: ...
def threshold_interactions(X: Any, y: Any = None, *, user_min: int = 5, item_min: int = 5) -> Any:
    """Remove the rows of users and items with too few interactions.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Table with the columns user id, item id and, optionally, weight.
    y : array-like of shape (n_rows,), default=None
        Strengths. Rows with strength 0 are not counted and are removed.
    user_min, item_min : int, default=5
        Minimum number of distinct items per user, and minimum number of distinct users per item.

    Returns
    -------
    X : same type as X
        Remaining rows in their original order, with their original index.
    y : ndarray
        Strengths of the remaining rows. Only returned if `y` is not None.

    Raises
    ------
    ValueError
        If no interaction is left after applying `user_min` and `item_min`.

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
