"""Area under the ROC curve (AUC) for rankings of all candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.metrics._recommendation_table import (
    RankedTable,
    RelevantRows,
    averaged,
    find_relevant_rows,
    read_table,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["auc_per_user", "ranking_auc"]


@overload
def ranking_auc(X_true: Any, recommended: Any, *, per_user: Literal[False] = False) -> float: ...
@overload
def ranking_auc(X_true: Any, recommended: Any, *, per_user: Literal[True]) -> pd.Series: ...
@overload
def ranking_auc(X_true: Any, recommended: Any, *, per_user: bool) -> float | pd.Series: ...
def ranking_auc(X_true: Any, recommended: Any, *, per_user: bool = False) -> Any:
    """Area under the ROC curve (AUC) for rankings of all items.

    The AUC of a user is computed from all pairs of a relevant and an irrelevant candidate. The AUC is the fraction of
    pairs in which the relevant candidate is ranked before the irrelevant candidate.

    The table must contain complete rankings, as returned by ``recommend(users, k=len(rec.items_))``. A user's
    candidates are the items in their list. If an item only occurs in the lists of other users, it is assumed to be
    excluded for this user, for example because it was seen in fit.

    Parameters
    ----------
    X_true : array or frame of shape (n_rows, 2) or (n_rows, 3)
        User-item pairs in which the item is relevant to the user. Repeated rows count only once. A relevant item that
        does not occur in any list is treated as if it were ranked after all candidates.
    recommended : frame with columns user, rank, item
        Table returned by ``recommend``.
    per_user : bool, default=False
        If True, return one value per user instead of the mean over users.

    Returns
    -------
    float, or Series indexed by user
        AUC between 0 and 1; larger is better. If all candidates of a user are relevant, the user's AUC is 0.5.

    Raises
    ------
    ValueError
        If the lists may have been truncated. This is the case if all lists have the same length and none of them
        contains every item of the table, if an item that is relevant to a user occurs only in the lists of other users,
        or if a rank is missing from a list.

    See Also
    --------
    make_ranking_scorer : Make a scorer that computes this metric, "auc", from a fitted recommender.

    Notes
    -----
    The mean is taken over the users with at least one relevant item. ``recommend`` sorts items with equal scores by
    id.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import ranking_auc
    >>> table = pd.DataFrame({"user": "ann", "rank": [1, 2, 3, 4], "item": [8, 5, 9, 6]})
    >>> ranking_auc([["ann", 8], ["ann", 9]], table)
    0.75
    """
    table = read_table(recommended)
    rows = find_relevant_rows(X_true, table)
    _check_complete(table, rows)
    found = rows.pair >= 0
    user, n_users = rows.user[found], len(rows.users)
    n_candidates = np.bincount(rows.user[rows.user >= 0], minlength=n_users)
    n_irrelevant = n_candidates - np.bincount(user, minlength=n_users)
    values = auc_per_user(user, table.rank[found] - 1, rows.n_relevant, n_irrelevant)
    return averaged(values, rows.users, "auc", per_user)


def auc_per_user(user: np.ndarray, before: np.ndarray, n_relevant: np.ndarray, n_irrelevant: np.ndarray) -> np.ndarray:
    """Compute the AUC of each user from the ranks of the relevant items.

    Parameters
    ----------
    user : ndarray of shape (n_ranked,)
        User index of each ranked relevant item.
    before : ndarray of shape (n_ranked,)
        Number of relevant and irrelevant candidates that are ranked before each ranked relevant item.
    n_relevant : ndarray of shape (n_users,)
        Number of relevant items of each user. Relevant items without a rank are treated as if they were ranked after
        all candidates.
    n_irrelevant : ndarray of shape (n_users,)
        Number of irrelevant candidates of each user. The AUC of a user without irrelevant candidates is 0.5.
    """
    n_users = len(n_relevant)
    n_ranked = np.bincount(user, minlength=n_users)
    # The n ranked relevant items of a user have 0, 1, ..., n - 1 relevant items before them.
    n_wrong = np.bincount(user, weights=before, minlength=n_users) - n_ranked * (n_ranked - 1) / 2
    n_pairs = n_relevant * n_irrelevant
    return np.where(n_pairs > 0, (n_ranked * n_irrelevant - n_wrong) / np.maximum(n_pairs, 1), 0.5)


def _check_complete(table: RankedTable, rows: RelevantRows) -> None:
    """Raise a ValueError if the lists in the table may have been truncated."""
    advice = "Make the table with recommend(..., k=len(rec.items_)), or score with make_ranking_scorer('auc')."
    lengths, n_items = np.bincount(table.users.codes), len(table.items.ids)
    if lengths.max() < n_items and lengths.min() == lengths.max():
        raise ValueError(
            f"All lists of the table have {lengths[0]} items, but the table has {n_items} items. The lists may have "
            f"been cut, so it is not known whether the other items are candidates. {advice}"
        )
    largest = np.zeros(len(lengths), dtype=np.intp)
    np.maximum.at(largest, table.users.codes, table.rank)
    if np.any(largest > lengths):
        gap = int(np.argmax(largest > lengths))
        raise ValueError(
            f"The list of user {show_id(table.users.ids[gap])} has ranks up to {largest[gap]}, but only "
            f"{lengths[gap]} rows, so items are missing from it. {advice}"
        )
    missing = np.ones(len(rows.pairs), dtype=bool)
    missing[rows.pair[rows.pair >= 0]] = False
    missing &= np.isin(rows.truth.items.ids, table.items.ids)[rows.pairs[:, 1]]
    if missing.any():
        user, item = rows.pairs[np.argmax(missing)]
        raise ValueError(
            f"Item {show_id(rows.truth.items.ids[item])} is relevant to user {show_id(rows.users[user])} and occurs in "
            f"other lists of the table, but not in the list of this user. Either the list is cut or missing, or the "
            f"item was excluded from it. {advice} Remove pairs that were seen in fit from X_true."
        )
