"""Convert tables of interactions to user x item matrices and vice versa."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import find_positions, show_id
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.k_core import k_core
from sklearn_recsketch._data.matrix import check_distinct_ids, column_counts, pair_keys, present_ids
from sklearn_recsketch._data.matrix_cells import as_matrix, nonzero_cells
from sklearn_recsketch._data.pair_sums import renumber, sum_pairs
from sklearn_recsketch.preprocessing._threshold import InteractionThresholder
from sklearn_recsketch.utils._compat import validate_parameter_constraints

__all__ = ["describe_interactions", "interactions_from_matrix", "to_matrix"]


def to_matrix(
    X: Any, y: Any = None, *, users: Any = None, items: Any = None, user_min: int = 1, item_min: int = 1
) -> tuple[sp.csr_array, np.ndarray, np.ndarray]:
    """Convert a table of interactions to a sparse user x item matrix that contains the strengths.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Table with the columns user id, item id and, optionally, a weight by which the strength is multiplied.
    y : array-like of shape (n_rows,), default=None
        Strengths. If None, all strengths are 1.
    users, items : array-like of ids, default=None
        User ids of the matrix rows, and item ids of the matrix columns. The given order is kept. If None, the
        sorted ids that have a positive strength are used.
    user_min, item_min : int, default=1
        Minimum number of distinct items per user, and minimum number of distinct users per item. All other users and
        items are left out, as in :func:`~sklearn_recsketch.preprocessing.threshold_interactions`.

    Returns
    -------
    matrix : csr_array of shape (n_users, n_items), dtype float32
        Strengths, summed over repeated pairs.
    users, items : ndarray
        User ids of the matrix rows, and item ids of the matrix columns.

    Raises
    ------
    ValueError
        If an id of X is not in `users` or `items`, if no interaction is left after applying `user_min` and `item_min`,
        or if `user_min` or `item_min` is combined with `users` or `items`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.preprocessing import to_matrix
    >>> X = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": [7, 9, 9]})
    >>> matrix, users, items = to_matrix(X)
    >>> matrix.toarray()
    array([[1., 1.],
           [0., 1.]], dtype=float32)
    >>> users, items
    (array(['ann', 'bob'], dtype=object), array([7, 9]))
    """
    constraints = InteractionThresholder._parameter_constraints
    validate_parameter_constraints(constraints, {"user_min": user_min, "item_min": item_min}, "to_matrix")
    if (user_min > 1 or item_min > 1) and not (users is None and items is None):
        raise ValueError(
            "user_min and item_min select the rows and columns of the matrix, and so do users and items: pass "
            "one or the other."
        )
    interactions = check_interactions(X, y)
    sums = sum_pairs(interactions)
    chosen, positions = [], []
    for name, column, requested, has in (
        ("user", interactions.users, users, sums.has_users),
        ("item", interactions.items, items, sums.has_items),
    ):
        target = column if requested is None else check_id_list(requested, name)
        position = find_positions(column.ids, target.ids, name, f"those of {name}s are")
        if (has & (position < 0)).any():
            row = int(np.argmax((position < 0)[column.codes] & (interactions.strength > 0)))
            raise ValueError(
                f"The {name} id {show_id(column.ids[column.codes[row]])} in row {row} is not among the "
                f"{len(target.ids)} ids in {name}s. Add it, or drop the row."
            )
        chosen.append(target)
        positions.append(position)
    matrix = renumber(sums.matrix, positions[0], positions[1], (len(chosen[0].ids), len(chosen[1].ids)))
    # Keep the requested ids in the requested order. By default, keep all ids with interactions.
    if user_min > 1 or item_min > 1:
        present = k_core(matrix, user_min, item_min)
    else:
        present = np.diff(matrix.indptr) > 0, column_counts(matrix) > 0
    orders = [
        np.flatnonzero(left) if requested is None else target.codes
        for requested, target, left in zip((users, items), chosen, present, strict=True)
    ]
    if len(orders[0]) < matrix.shape[0] or users is not None:
        matrix = matrix[orders[0]]
    if len(orders[1]) < matrix.shape[1] or items is not None:
        matrix = matrix[:, orders[1]]
    matrix.sort_indices()
    return matrix, chosen[0].ids[orders[0]], chosen[1].ids[orders[1]]


def interactions_from_matrix(matrix: Any, users: Any = None, items: Any = None) -> tuple[pd.DataFrame, np.ndarray]:
    """Convert a user x item matrix to a table of interactions.

    Parameters
    ----------
    matrix : sparse matrix, array or frame of shape (n_users, n_items)
        Matrix of strengths with one row per user and one column per item. Zeros are left out. In arrays and frames,
        missing values (NaN) are left out, too.
    users, items : array-like of ids, default=None
        User ids of the matrix rows, and item ids of the matrix columns. If None, the index and the column names are
        used if `matrix` is a frame, such as the output of `pivot_table`. For arrays and sparse matrices, the default
        ids are consecutive integers starting at 0. `users` is required for frames without an index.

    Returns
    -------
    X : DataFrame with columns user, item
        Table with one row per nonzero matrix entry, in row order.
    y : ndarray of shape (n_rows,)
        Strength of each row of X.

    Raises
    ------
    TypeError, ValueError
        If a value is not a finite, non-negative number, if ids are repeated, if the number of ids differs from the
        number of rows or columns, or if an index has several levels. The message for an invalid value names the
        user and the item.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from sklearn_recsketch.preprocessing import interactions_from_matrix
    >>> X, y = interactions_from_matrix(sp.csr_array([[0, 2], [1, 0]]), items=["a", "b"])
    >>> X
       user item
    0     0    b
    1     1    a
    >>> y
    array([2., 1.])

    >>> import pandas as pd
    >>> wide = pd.DataFrame({"m1": [3, None], "m2": [None, 1]}, index=["ann", "bob"])
    >>> interactions_from_matrix(wide)[0]
      user item
    0  ann   m1
    1  bob   m2
    """
    matrix = as_matrix(matrix, users is not None)
    labels = (matrix.index, matrix.columns) if isinstance(matrix, pd.DataFrame) else (None, None)
    ids = []
    for name, passed, label, n in zip(("users", "items"), (users, items), labels, matrix.shape, strict=True):
        passed = label if passed is None else passed
        values = np.arange(n) if passed is None else check_distinct_ids(passed, name[:-1])
        if len(values) != n:
            other = "columns" if name == "items" else "rows"
            hint = " The transpose would match: rows must be users." if len(values) == sum(matrix.shape) - n else ""
            raise ValueError(f"{name} has {len(values)} ids for {n} {other} of the matrix.{hint}")
        ids.append(values)
    rows, columns, strength = nonzero_cells(matrix, ids[0], ids[1])
    return pd.DataFrame({"user": ids[0][rows], "item": ids[1][columns]}), strength


def describe_interactions(X: Any, y: Any = None) -> pd.Series:
    """Count the users, items and interactions of a table, and compute its density.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Table with the columns user id, item id and, optionally, weight.
    y : array-like of shape (n_rows,), default=None
        Strengths. Rows with strength 0 are not counted.

    Returns
    -------
    Series
        Series with five entries. ``users`` is the number of distinct users, ``items`` is the number of distinct items,
        and ``rows`` is the number of rows with positive strength. ``interactions`` is the number of distinct user-item
        pairs, and ``density`` is ``interactions / (users * items)``.

    Examples
    --------
    >>> from sklearn_recsketch.preprocessing import describe_interactions
    >>> describe_interactions([["ann", 7], ["ann", 9], ["bob", 9], ["bob", 9]])
    users           2.00
    items           2.00
    rows            4.00
    interactions    3.00
    density         0.75
    dtype: float64
    """
    interactions = check_interactions(X, y)
    positive = interactions.strength > 0
    users = len(present_ids(interactions.users, positive))
    items = len(present_ids(interactions.items, positive))
    pairs = len(np.unique(pair_keys(interactions)[positive]))
    return pd.Series(
        {
            "users": users,
            "items": items,
            "rows": int(positive.sum()),
            "interactions": pairs,
            "density": pairs / max(users * items, 1),
        },
        dtype=np.float64,
    )
