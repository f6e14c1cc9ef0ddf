"""The user x item matrix of a table of interactions, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import find_positions, show_id
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.k_core import MINIMA, k_core
from sklearn_recsketch._data.matrix import check_distinct_ids, column_counts, pair_keys, present_ids
from sklearn_recsketch._data.matrix_cells import as_matrix, nonzero_cells
from sklearn_recsketch._data.pair_sums import renumber, sum_pairs
from sklearn_recsketch.utils._compat import validate_parameter_constraints

__all__ = ["describe_interactions", "interactions_from_matrix", "to_matrix"]


def to_matrix(
    X: Any, y: Any = None, *, users: Any = None, items: Any = None, user_min: int = 1, item_min: int = 1
) -> tuple[sp.csr_array, np.ndarray, np.ndarray]:
    """Strengths of a table of interactions as a user x item matrix.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        User id, item id and, optionally, a weight that multiplies the strength.
    y : array-like of shape (n_rows,), default=None
        Strengths; None means 1.
    users, items : array-like of ids, default=None
        The rows and columns of the matrix, in this order. None: the ids present with positive
        strength, sorted.
    user_min, item_min : int, default=1
        Leave out users with fewer distinct items and items with fewer distinct users, as
        :func:`threshold_interactions` does, without another pass over the ids.

    Returns
    -------
    matrix : csr_array of shape (n_users, n_items), dtype float32
        Duplicate pairs are summed.
    users, items : ndarray
        Ids of the rows and of the columns.

    Raises
    ------
    ValueError
        For an id of X that is not among the `users` or `items` given; where the minima leave nothing, or are
        given with `users` or `items`.

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
    validate_parameter_constraints(MINIMA, {"user_min": user_min, "item_min": item_min}, "to_matrix")
    if (user_min > 1 or item_min > 1) and not (users is None and items is None):
        raise ValueError(
            "user_min and item_min choose the rows and columns of the matrix, and so do users and items: pass "
            "one or the other."
        )
    interactions = check_interactions(X, y)
    sums = sum_pairs(interactions)
    chosen, places = [], []
    for name, column, given, has in (
        ("user", interactions.users, users, sums.has_users),
        ("item", interactions.items, items, sums.has_items),
    ):
        among = column if given is None else check_id_list(given, name)
        place = find_positions(column.ids, among.ids, name, f"the {name}s given are")
        if (has & (place < 0)).any():
            row = int(np.argmax((place < 0)[column.codes] & (interactions.strength > 0)))
            raise ValueError(
                f"The {name} id {show_id(column.ids[column.codes[row]])} in row {row} is not among the "
                f"{len(among.ids)} {name}s given. Add it to {name}s, or drop the row."
            )
        chosen.append(among)
        places.append(place)
    matrix = renumber(sums.matrix, places[0], places[1], (len(chosen[0].ids), len(chosen[1].ids)))
    # Ids that nobody asked for stay where they have interactions, given ones in the order they were given in.
    if user_min > 1 or item_min > 1:
        present = k_core(matrix, user_min, item_min)
    else:
        present = np.diff(matrix.indptr) > 0, column_counts(matrix) > 0
    orders = [
        np.flatnonzero(left) if given is None else among.codes
        for given, among, left in zip((users, items), chosen, present, strict=True)
    ]
    if len(orders[0]) < matrix.shape[0] or users is not None:
        matrix = matrix[orders[0]]
    if len(orders[1]) < matrix.shape[1] or items is not None:
        matrix = matrix[:, orders[1]]
    matrix.sort_indices()
    return matrix, chosen[0].ids[orders[0]], chosen[1].ids[orders[1]]


def interactions_from_matrix(matrix: Any, users: Any = None, items: Any = None) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of interactions from a user x item matrix.

    Parameters
    ----------
    matrix : sparse matrix, array or frame of shape (n_users, n_items)
        Strengths; users are rows. Zeros, and empty cells (NaN) of arrays and frames, are no interactions and are left
        out.
    users, items : array-like of ids, default=None
        Ids of the rows and of the columns. None: the index and the columns of a pandas frame, as of `pivot_table`;
        else numbers from 0. Frames without an index need `users`.

    Returns
    -------
    X : DataFrame with columns user, item
        One row per nonzero entry, in row order.
    y : ndarray of shape (n_rows,)
        The entries.

    Raises
    ------
    TypeError, ValueError
        For a cell that is not a finite number of at least 0, with its user and its item; for ids that are repeated,
        or are not as many as rows or columns; for several levels of an index.

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
    for name, given, label, n in zip(("users", "items"), (users, items), labels, matrix.shape, strict=True):
        given = label if given is None else given
        values = np.arange(n) if given is None else check_distinct_ids(given, name[:-1])
        if len(values) != n:
            other = "columns" if name == "items" else "rows"
            hint = " The transpose would fit: users are rows." if len(values) == sum(matrix.shape) - n else ""
            raise ValueError(f"{name} has {len(values)} ids for {n} {other} of the matrix.{hint}")
        ids.append(values)
    rows, columns, strength = nonzero_cells(matrix, ids[0], ids[1])
    return pd.DataFrame({"user": ids[0][rows], "item": ids[1][columns]}), strength


def describe_interactions(X: Any, y: Any = None) -> pd.Series:
    """Size and density of a table of interactions.

    Parameters
    ----------
    X : array or frame of shape (n_rows, 2) or (n_rows, 3)
        User id, item id and, optionally, a weight.
    y : array-like of shape (n_rows,), default=None
        Strengths; rows of strength 0 are no interactions.

    Returns
    -------
    Series
        ``users``, ``items`` and ``rows``, the numbers of distinct ids and of rows of positive
        strength; ``interactions``, the distinct pairs; ``density`` = interactions / (users * items).

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
