"""Evaluation tasks: the evaluated users, their candidates and their relevant items."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from sklearn_recsketch._data.ids import IdColumn, lookup
from sklearn_recsketch._data.interactions import Interactions, check_interactions
from sklearn_recsketch._data.matrix import pair_keys
from sklearn_recsketch._data.user_order import sample_fraction_per_user
from sklearn_recsketch._ranking.candidates import ItemSelection, check_selection_users, pairs_per_user, select_items
from sklearn_recsketch._ranking.eligible import Eligible, pair_matrix
from sklearn_recsketch._ranking.query import Query
from sklearn_recsketch.metrics._ranking_metrics import RelevantRanks
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._stacklevel import levels_inside
from sklearn_recsketch.utils._validation import is_integer

__all__ = ["EvaluationTask", "Options", "make_evaluation_task"]


@dataclass(frozen=True)
class Options:
    """Evaluation options, described in :func:`~sklearn_recsketch.metrics.make_ranking_scorer`."""

    exclude_seen: bool = True
    candidates: ItemSelection | None = None
    n_users: int | None = None
    fold_in: float | None = None
    random_state: RandomState = 0

    def __post_init__(self) -> None:
        n_users, fold_in = self.n_users, self.fold_in
        if n_users is not None and not is_integer(n_users):
            raise ValueError(f"n_users must be an int of at least 1, or None for all users, got {n_users!r}.")
        if fold_in is not None and (not isinstance(fold_in, Real) or not 0 < fold_in < 1):
            raise ValueError(
                f"fold_in must be None or the fraction of a new user's items to use as history, above 0 and below 1, "
                f"got {fold_in!r}."
            )


@dataclass(frozen=True)
class EvaluationTask:
    """Evaluated users with their candidates and relevant items.

    A task does not depend on the recommender's learned parameters.

    Attributes
    ----------
    query : Query
        Query with the evaluated users and all candidates.
    eligible : Eligible
        Candidates of each user.
    history : Interactions or None
        Histories of the folded-in users.
    n_relevant : ndarray of shape (n_users,)
        Number of relevant items of each user, at least 1. Relevant items that are not candidates are also counted.
    relevant : csr_array of shape (n_users, n_items), dtype bool
        Candidates that are relevant to each user.
    """

    query: Query
    eligible: Eligible
    history: Interactions | None
    n_relevant: np.ndarray
    relevant: sp.csr_array

    @property
    def n_candidates(self) -> np.ndarray:
        """Number of candidates of each user."""
        return self.eligible.counts(*self.relevant.shape)

    def relevant_ranks(self, best: np.ndarray) -> RelevantRanks:
        """Find the relevant items in ranked lists.

        The lists contain positions in `query.item_ids`. A value of -1 marks a position without an item.
        """
        keys = _keys(self.relevant.shape[1], np.arange(len(best))[:, None], best)
        return RelevantRanks(_contains(self.relevant, keys), self.n_relevant)


def make_evaluation_task(recommender: Any, X: Any, y: Any, options: Options) -> EvaluationTask:
    """Create an evaluation task from the given rows.

    A row is *seen* if its user-item pair was passed to fit. Otherwise, the row is *new*. The score is a training score
    if there are seen rows, but no new row has both a known user and a known item. For a training score, the seen rows
    are relevant and no items are excluded. Otherwise, only the new rows are relevant. If `exclude_seen` is True in this
    case, the pairs seen in fit are also removed from the candidates. Relevant items that are unknown or not among the
    `candidates` count as misses.
    """
    interactions = check_interactions(X, y, weighted=options.fold_in is not None)  # strengths of the histories
    relevant = interactions.y > 0
    if not relevant.any():
        raise ValueError(f"No row of X is relevant: y is 0 in all {len(relevant)} rows, so there is nothing to score.")
    users = lookup(recommender.users_, interactions.users, "user")
    items = lookup(recommender.items_, interactions.items, "item")
    seen = _contains(recommender.interactions_, _keys(recommender.interactions_.shape[1], users, items))
    new_and_known = relevant & ~seen & (users >= 0) & (items >= 0)
    training = bool((seen & relevant).any()) and not new_and_known.any()
    rows = relevant & (seen if training else ~seen)
    history = None
    if options.fold_in is not None:
        of_new_users = rows & (users < 0)
        sampled = sample_fraction_per_user(
            interactions.take(of_new_users), options.fold_in, check_random_state(options.random_state)
        )
        history_rows = np.flatnonzero(of_new_users)[sampled]
        history = interactions.take(history_rows)
        rows[history_rows] = False
    # Distinct pairs, by user.
    _, first = np.unique(pair_keys(interactions)[rows], return_index=True)
    rows = np.flatnonzero(rows)[first]
    rows = _rows_of_sampled_users(rows, interactions, options)
    codes, start, n_relevant = np.unique(interactions.users.codes[rows], return_index=True, return_counts=True)
    if history is None:
        _warn_unknown(users[rows[start]])
    check_selection_users(options.candidates, "candidates", "user", interactions.users.ids, recommender.users_)
    candidates = select_items(options.candidates, recommender.items_, recommender.interactions_, "item")[1]
    candidates = candidates[candidates >= 0]
    query = Query(
        IdColumn(np.arange(len(codes)), interactions.users.ids[codes]),
        users[rows[start]],
        recommender.items_[candidates],
        candidates,
        pairs_per_user(options.candidates),
    )
    eligible = query.eligible(recommender.interactions_ if options.exclude_seen and not training else None, history)
    position = np.full(len(recommender.items_) + 1, -1)  # the last element stands for unknown items
    position[candidates] = np.arange(len(candidates))
    matrix = pair_matrix(
        np.repeat(np.arange(len(codes)), n_relevant), position[items[rows]], (len(codes), len(candidates)), bool
    )
    return EvaluationTask(query, eligible, history, n_relevant, eligible.among(matrix))


def _rows_of_sampled_users(rows: np.ndarray, interactions: Interactions, options: Options) -> np.ndarray:
    """Return the rows of `n_users` randomly sampled users, or all rows if there are at most `n_users` users."""
    codes = interactions.users.codes[rows]
    users = np.unique(codes)
    if options.n_users is None or options.n_users >= len(users):
        return rows
    sampled = check_random_state(options.random_state).choice(users, size=options.n_users, replace=False)
    return rows[np.isin(codes, sampled)]


def _keys(n_columns: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the index of each pair in a flattened matrix, or -1 if the row or the column of the pair is -1."""
    return np.where((rows >= 0) & (columns >= 0), rows * n_columns + columns, -1)


def _contains(matrix: sp.csr_array, keys: np.ndarray) -> np.ndarray:
    """Return, for each key, whether the matrix has an entry at the position given by the key."""
    if not matrix.nnz:
        return np.zeros(keys.shape, dtype=bool)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    # The keys of the entries are sorted, because the columns are sorted within each row.
    entries = _keys(matrix.shape[1], rows, matrix.indices)
    found = np.minimum(np.searchsorted(entries, keys), len(entries) - 1)
    return np.asarray(entries[found] == keys)


def _warn_unknown(user_rows: np.ndarray) -> None:
    """Warn if more than half of the evaluated users are unknown.

    The message is the same for all folds of a search, so that Python shows it only once.
    """
    if 2 * np.count_nonzero(user_rows < 0) > len(user_rows):
        warnings.warn(
            "Most of the evaluated users were not in fit, so their recommendations are not personalized. This happens "
            "with KFold on a table sorted by user: use cv=UserHoldoutSplit(random_state=0) instead. To evaluate "
            "recommendations to new users, for example after a temporal split, let the recommender fold in a part of "
            "their items with make_ranking_scorer(..., fold_in=0.5).",
            UserWarning,
            stacklevel=levels_inside(),
        )
