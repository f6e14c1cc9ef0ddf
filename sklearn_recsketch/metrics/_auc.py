"""The area under the ROC curve: who stands before whom in a whole ranking."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.metrics._recommendation_table import Judged, RankedTable, averaged, judge_table, read_table

__all__ = ["auc_of_places", "ranking_auc"]


def ranking_auc(X_true: Any, recommended: Any, *, per_user: bool = False) -> Any:
    """Of the pairs of a relevant and another candidate, the share in which the relevant one is ranked first.

    The table must rank all items: ``recommend(users, k=len(rec.items_))``. Its items are the candidates, except
    those that a user's list lacks, which are taken for excluded, such as items seen in fit.

    Parameters
    ----------
    X_true : array or frame of shape (n_rows, 2) or (n_rows, 3)
        Relevant pairs of user and item; repeated rows count once. An item that is in nobody's list loses all its
        pairs.
    recommended : frame with columns user, rank, item
        What :meth:`recommend` returns.
    per_user : bool, default=False
        Return the values of the users instead of their mean.

    Returns
    -------
    float, or Series indexed by user
        Between 0 and 1; 0.5 for a user whose candidates are all relevant.

    Raises
    ------
    ValueError
        Where it cannot be told what a list leaves out: all lists are of one length, and none has every item
        of the table; an item that is relevant to a user is in other lists, but not in hers; or ranks are missing
        from a list.

    See Also
    --------
    make_ranking_scorer : "auc" is the same without a table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_recsketch.metrics import ranking_auc
    >>> table = pd.DataFrame({"user": "ann", "rank": [1, 2, 3, 4], "item": [8, 5, 9, 6]})
    >>> ranking_auc([["ann", 8], ["ann", 9]], table)
    0.75
    """
    table = read_table(recommended)
    judged = judge_table(X_true, table)
    _refuse_cut(table, judged)
    hit = judged.pair >= 0
    user, n_users = judged.user[hit], len(judged.users)
    others = np.bincount(judged.user[judged.user >= 0], minlength=n_users) - np.bincount(user, minlength=n_users)
    values = auc_of_places(user, table.rank[hit] - 1, judged.n_relevant, others)
    return averaged(values, judged.users, "auc", per_user)


def auc_of_places(user: np.ndarray, before: np.ndarray, n_relevant: np.ndarray, n_others: np.ndarray) -> np.ndarray:
    """AUC of each user.

    Parameters
    ----------
    user : ndarray of shape (n_ranked,)
        Number of the user of each relevant item that is ranked.
    before : ndarray of shape (n_ranked,)
        Candidates ranked before it, relevant ones among them.
    n_relevant : ndarray of shape (n_users,)
        Relevant items of each user; those that are not ranked lose all their pairs.
    n_others : ndarray of shape (n_users,)
        Candidates of each user that are not relevant. Without any the value is 0.5.
    """
    n_users = len(n_relevant)
    n_ranked = np.bincount(user, minlength=n_users)
    # Of the candidates before a user's relevant items, 0 + 1 + ... are relevant themselves.
    lost = np.bincount(user, weights=before, minlength=n_users) - n_ranked * (n_ranked - 1) / 2
    pairs = n_relevant * n_others
    return np.where(pairs > 0, (n_ranked * n_others - lost) / np.maximum(pairs, 1), 0.5)


def _refuse_cut(table: RankedTable, judged: Judged) -> None:
    """Raise where lists may end before the ranking does."""
    advice = "Make the table with recommend(..., k=len(rec.items_)), or score with make_ranking_scorer('auc')."
    lengths, n_items = np.bincount(table.users.codes), len(table.items.ids)
    if lengths.max() < n_items and lengths.min() == lengths.max():
        raise ValueError(
            f"All lists of the table are {lengths[0]} long, but it has {n_items} items, so they may have been cut, "
            f"and what is not in them may be candidates or not. {advice}"
        )
    deepest = np.zeros(len(lengths), dtype=np.intp)
    np.maximum.at(deepest, table.users.codes, table.rank)
    if np.any(deepest > lengths):
        gap = int(np.argmax(deepest > lengths))
        raise ValueError(
            f"The list of user {show_id(table.users.ids[gap])} has ranks up to {deepest[gap]}, but only "
            f"{lengths[gap]} rows, so items are missing from it. {advice}"
        )
    missed = np.ones(len(judged.pairs), dtype=bool)
    missed[judged.pair[judged.pair >= 0]] = False
    missed &= np.isin(judged.truth.items.ids, table.items.ids)[judged.pairs[:, 1]]
    if missed.any():
        user, item = judged.pairs[np.argmax(missed)]
        raise ValueError(
            f"Item {show_id(judged.truth.items.ids[item])} is relevant to user {show_id(judged.users[user])} and in "
            f"other lists of the table, but not in hers: either her list is cut or missing, or the item was excluded "
            f"from it. {advice} Leave pairs that were seen in fit out of X_true."
        )
