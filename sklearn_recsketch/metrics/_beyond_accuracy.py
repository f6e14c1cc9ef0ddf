"""Metrics beyond accuracy: catalogue coverage and novelty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from sklearn_recsketch._data.ids import lookup
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.metrics._recommendation_table import averaged, distinct_pairs, read_table
from sklearn_recsketch.utils._validation import check_integer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["catalog_coverage_at_k", "novelty_at_k"]


def catalog_coverage_at_k(X_train: Any, recommended: Any, *, k: int = 5) -> float:
    """Catalogue coverage at k: the fraction of the catalogue that is recommended to at least one user.

    The metric is the fraction of the items in `X_train` that are among the first k items of at least one list.

    Parameters
    ----------
    X_train : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Interactions. The distinct items in these interactions form the catalogue. Recommended items that are not in the
        catalogue are ignored.
    recommended : frame with columns user, rank, item
        Table returned by ``recommend``, with lists of at least k items.
    k : int, default=5
        Number of items to evaluate at the top of each list.

    Returns
    -------
    float
        Coverage between 0 and 1. A larger value means that more distinct items are recommended.

    Raises
    ------
    ValueError
        If no list in `recommended` has k items, or if a rank or an item occurs twice in a list.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import catalog_coverage_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann", "bob"], "rank": [1, 2, 1], "item": [8, 5, 8]})
    >>> catalog_coverage_at_k([["ann", 7], ["bob", 8], ["eve", 8], ["eve", 5]], table, k=1)
    0.3333333333333333
    """
    k = check_integer(k, "k")
    table = read_table(recommended, k).first(k)
    catalog = check_interactions(X_train, name="X_train", weighted=False).items.ids
    items = lookup(catalog, table.items, "item", "those of X_train are")
    return len(np.unique(items[items >= 0])) / len(catalog)


@overload
def novelty_at_k(X_train: Any, recommended: Any, *, k: int = 5, per_user: Literal[False] = False) -> float: ...
@overload
def novelty_at_k(X_train: Any, recommended: Any, *, k: int = 5, per_user: Literal[True]) -> pd.Series: ...
@overload
def novelty_at_k(X_train: Any, recommended: Any, *, k: int = 5, per_user: bool) -> float | pd.Series: ...
def novelty_at_k(X_train: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Novelty at k: the mean self-information of the first k items of a list.

    The self-information of an item is ``-log2(n_users_of_item / n_users)`` bits, where only users in `X_train` are
    counted. The novelty of a user's list is the mean self-information of its first k items. If the list has fewer than
    k items, all of its items are used.

    Parameters
    ----------
    X_train : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Interactions used to count the users of each item. Repeated rows count only once. A recommended item without
        interactions is treated as if it had one user.
    recommended : frame with columns user, rank, item
        Table returned by ``recommend``, with lists of at least k items.
    k : int, default=5
        Number of items to evaluate at the top of each list.
    per_user : bool, default=False
        If True, return one value per user of the table instead of the mean over users.

    Returns
    -------
    float, or Series indexed by user
        Mean self-information in bits. An item with which all users interacted has a self-information of 0 bits. If half
        of the users interacted with an item, its self-information is 1 bit.

    Raises
    ------
    ValueError
        If no list in `recommended` has k items, or if a rank or an item occurs twice in a list.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import novelty_at_k
    >>> table = pd.DataFrame({"user": ["ann", "ann", "bob"], "rank": [1, 2, 1], "item": [8, 5, 8]})
    >>> X = [["ann", 8], ["bob", 8], ["eve", 8], ["eve", 5], ["joe", 8]]
    >>> novelty_at_k(X, table, k=2, per_user=True).tolist()
    [1.0, 0.0]
    """
    k = check_integer(k, "k")
    table = read_table(recommended, k).first(k)
    train = check_interactions(X_train, name="X_train", weighted=False)
    n_users = np.bincount(distinct_pairs(train)[:, 1])
    items = lookup(train.items.ids, table.items, "item", "those of X_train are")
    bits = np.log2(len(train.users.ids) / np.append(n_users, 1)[items])
    length = np.bincount(table.users.codes, minlength=len(table.users.ids))
    has_list = length > 0
    values = np.bincount(table.users.codes, weights=bits, minlength=len(length))[has_list] / length[has_list]
    return averaged(values, table.users.ids[has_list], f"novelty@{k}", per_user)
