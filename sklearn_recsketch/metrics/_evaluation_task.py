"""What evaluated data ask of a recommender: which users, which items to rank, and which of them are relevant."""

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
from sklearn_recsketch._ranking.eligible import Eligible
from sklearn_recsketch._ranking.query import Query, QueryContext
from sklearn_recsketch.metrics._hits import Hits
from sklearn_recsketch.utils._validation import is_integer
from sklearn_recsketch.utils._warnings import levels_inside

__all__ = ["EvaluationTask", "Options", "make_evaluation_task"]


@dataclass(frozen=True)
class Options:
    """How evaluated data are to be read; see :func:`~sklearn_recsketch.metrics.make_ranking_scorer`."""

    exclude_seen: bool = True
    candidates: ItemSelection | None = None
    n_users: int | None = None
    fold_in: float | None = None
    random_state: Any = 0

    def __post_init__(self) -> None:
        n_users, fold_in = self.n_users, self.fold_in
        if n_users is not None and not is_integer(n_users):
            raise ValueError(f"n_users must be an int of at least 1, or None for all users, got {n_users!r}.")
        if fold_in is not None and (not isinstance(fold_in, Real) or not 0 < fold_in < 1):
            raise ValueError(
                f"fold_in must be the share of a user's items to hand over, above 0 and below 1, or None, "
                f"got {fold_in!r}."
            )


@dataclass(frozen=True)
class EvaluationTask:
    """Users to rank for, items to rank, and the relevant ones; all that does not depend on embeddings.

    Attributes
    ----------
    request : Query
        Users and items, in ids and row numbers of the recommender.
    eligible : Eligible
        Which of the items are ranked for each user.
    given : QueryContext
        Histories of users, where they are folded in.
    n_relevant : ndarray of shape (n_users,)
        Relevant items of each user, ranked or not; at least 1.
    relevant : csr_array of shape (n_users, n_items), dtype bool
        Those that are ranked.
    """

    request: Query
    eligible: Eligible
    given: QueryContext
    n_relevant: np.ndarray
    relevant: sp.csr_array

    @property
    def n_candidates(self) -> np.ndarray:
        """Items that are ranked for each user."""
        return self.eligible.counts(*self.relevant.shape)

    def judge(self, best: np.ndarray) -> Hits:
        """Mark the relevant ones among ranked items, given by place among those of the request; -1 is none."""
        keys = _keys(self.relevant.shape[1], np.arange(len(best))[:, None], best)
        return Hits(_contains(self.relevant, keys), self.n_relevant, self.request.user_ids)


def make_evaluation_task(recommender: Any, X: Any, y: Any, options: Options) -> EvaluationTask:
    """Read evaluated data as a question to a recommender.

    Rows whose pair was in fit are *seen*, the others *new*. If there are seen rows, and no new one
    has both its user and its item known, it is a training score: the seen rows are relevant and
    nothing is excluded. Otherwise the new rows are relevant, and with `exclude_seen` the pairs seen
    in fit are neither relevant nor candidates. Items the model does not know are relevant and missed,
    and so are known ones that are not among the `candidates`.
    """
    interactions = check_interactions(X, y, weighted=options.fold_in is not None)  # histories have weights
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
        known = rows & (users < 0)
        given = sample_fraction_per_user(
            interactions.taken(known), options.fold_in, check_random_state(options.random_state)
        )
        folded = np.flatnonzero(known)[given]
        history = interactions.taken(folded)
        rows[folded] = False
    # Distinct pairs, by user.
    _, first = np.unique(pair_keys(interactions)[rows], return_index=True)
    rows = np.flatnonzero(rows)[first]
    rows = _sampled(rows, interactions, options)
    codes, start, n_relevant = np.unique(interactions.users.codes[rows], return_index=True, return_counts=True)
    if history is None:
        _warn_unknown(users[rows[start]])
    candidates = options.candidates
    check_selection_users(candidates, "candidates", "user", interactions.users.ids, recommender.users_)
    chosen = select_items(candidates, recommender.items_, recommender.interactions_, "item")[1]
    chosen = chosen[chosen >= 0]
    request = Query(
        IdColumn(np.arange(len(codes)), interactions.users.ids[codes]),
        users[rows[start]],
        recommender.items_[chosen],
        chosen,
        pairs_per_user(candidates),
    )
    eligible = request.eligible(recommender.interactions_ if options.exclude_seen and not training else None, history)
    position = np.repeat(np.arange(len(codes)), n_relevant)
    place = np.append(np.full(len(recommender.items_), -1), -1)
    place[chosen] = np.arange(len(chosen))
    column = place[items[rows]]
    ranked = column >= 0
    shape = (len(codes), len(chosen))
    matrix = sp.csr_array((np.ones(ranked.sum(), dtype=bool), (position[ranked], column[ranked])), shape=shape)
    matrix.sort_indices()
    return EvaluationTask(request, eligible, QueryContext(None, history), n_relevant, eligible.among(matrix))


def _sampled(rows: np.ndarray, interactions: Interactions, options: Options) -> np.ndarray:
    """The rows of `n_users` random users; all where there are no more of them."""
    codes = interactions.users.codes[rows]
    users = np.unique(codes)
    if options.n_users is None or options.n_users >= len(users):
        return rows
    chosen = check_random_state(options.random_state).choice(users, size=options.n_users, replace=False)
    return rows[np.isin(codes, chosen)]


def _keys(n_columns: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """One number per pair, in the order of a matrix's entries; -1 where either is unknown."""
    return np.where((rows >= 0) & (columns >= 0), rows * n_columns + columns, -1)


def _contains(matrix: sp.csr_array, keys: np.ndarray) -> np.ndarray:
    """Whether there is an entry at each key."""
    if not matrix.nnz:
        return np.zeros(keys.shape, dtype=bool)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    # Rows are stored in order and their indices sorted, so the keys of the entries are.
    entries = _keys(matrix.shape[1], rows, matrix.indices)
    found = np.minimum(np.searchsorted(entries, keys), len(entries) - 1)
    return np.asarray(entries[found] == keys)


def _warn_unknown(user_rows: np.ndarray) -> None:
    unknown = int((user_rows < 0).sum())
    if 2 * unknown > len(user_rows):
        warnings.warn(
            f"{unknown} of the {len(user_rows)} evaluated users were not in fit, so the score says little about "
            f"taste. KFold on a table sorted by user does that: pass cv=UserHoldoutSplit(random_state=0). "
            f"If new users are what is asked about, as after a cut in time, their first items can be handed over: "
            f"make_ranking_scorer(..., fold_in=0.5).",
            UserWarning,
            stacklevel=levels_inside(),
        )
