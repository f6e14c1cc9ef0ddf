"""What is recommended, right or wrong: how much of the catalogue, and how little known."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.ids import lookup
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.metrics._recommendation_table import averaged, distinct_pairs, read_table
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["catalog_coverage_at_k", "novelty_at_k"]


def catalog_coverage_at_k(X_train: Any, recommended: Any, *, k: int = 5) -> float:
    """Share of the items of X_train that are among the first k of at least one list.

    Parameters
    ----------
    X_train : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Interactions; their distinct items are the catalogue. Recommended items that are not in it do not count.
    recommended : frame with columns user, rank, item
        What :meth:`recommend` returns, at least `k` deep.
    k : int, default=5
        Cutoff.

    Returns
    -------
    float
        Between 0 and 1.

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
    catalogue = check_interactions(X_train, name="X_train", weighted=False).items.ids
    shown = lookup(catalogue, table.items, "item", "those of X_train are")
    return len(np.unique(shown[shown >= 0])) / len(catalogue)


def novelty_at_k(X_train: Any, recommended: Any, *, k: int = 5, per_user: bool = False) -> Any:
    """Mean of -log2(share of the users of X_train that have the item) over the first k of a list.

    Parameters
    ----------
    X_train : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Interactions; repeated rows count once. An item that is not in it counts as if one user had it, as new as
        an item with interactions can be.
    recommended : frame with columns user, rank, item
        What :meth:`recommend` returns, at least `k` deep.
    k : int, default=5
        Cutoff; of a shorter list all items are taken.
    per_user : bool, default=False
        Return the values of the users of the table instead of their mean.

    Returns
    -------
    float, or Series indexed by user
        In bits: 0 for an item that everybody has, and 1 more for each time its users are halved.

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
    shown = lookup(train.items.ids, table.items, "item", "those of X_train are")
    bits = np.log2(len(train.users.ids) / np.append(n_users, 1)[shown])
    length = np.bincount(table.users.codes, minlength=len(table.users.ids))
    listed = length > 0
    values = np.bincount(table.users.codes, weights=bits, minlength=len(length))[listed] / length[listed]
    return averaged(values, table.users.ids[listed], f"novelty@{k}", per_user)
