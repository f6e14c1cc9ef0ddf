"""Scores of recommenders that compute the scores of all known items for a block of users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.ids import are_all
from sklearn_recsketch._ranking.eligible import select_rows
from sklearn_recsketch._ranking.query import Query, QueryContext
from sklearn_recsketch._ranking.scores import ScoreBlocks
from sklearn_recsketch._ranking.top_k import users_per_block
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["UserScores"]


@dataclass(frozen=True)
class UserScores:
    """Scores of a fitted recommender.

    Attributes
    ----------
    owner : str
        Name of the recommender's class in error messages.
    score_users : callable
        Function that returns the scores of all known items, given the row indices of users and a matrix of their
        histories.
    score_unknown : callable
        Function that returns the score of the unknown items for each user, given the scores of the known items.
    items : ndarray of shape (n_items,)
        Sorted ids of the known items.
    interactions : csr_array of shape (n_users, n_items)
        Interactions passed to fit.
    """

    owner: str
    score_users: Callable[[np.ndarray, sp.csr_array], np.ndarray]
    score_unknown: Callable[[np.ndarray], np.ndarray]
    items: np.ndarray
    interactions: sp.csr_array

    def of_query(self, query: Query, of_users: QueryContext) -> ScoreBlocks:
        """Return the scores of the items in a query for the users in the query."""
        n_items = len(self.items)
        with_history, histories = of_users.history_matrix("user", query.users, self.items)
        histories = sp.csr_array(histories[:, :n_items])  # the columns of unknown items come last
        users = query.user_codes.copy()
        users[with_history] = -1
        place = np.full(len(users), -1)
        place[with_history] = np.arange(len(with_history))
        items = query.item_codes
        are_all_known, some_unknown = are_all(items, n_items), bool((items < 0).any())

        def block(rows: slice) -> np.ndarray:
            history = select_rows(self.interactions, users[rows]) + select_rows(histories, place[rows])
            scores = self._of_known(users[rows], sp.csr_array(history))
            return scores if are_all_known else self._with_unknown(scores, some_unknown)[:, items]

        return ScoreBlocks(block, len(users), len(items), max(n_items, len(items)))

    def of_pairs(self, users: np.ndarray, items: np.ndarray, pool: Workers) -> np.ndarray:
        """Return the scores of pairs, given their row indices. Row index -1 stands for an unknown id."""
        distinct, row = np.unique(users, return_inverse=True)
        order = np.argsort(row, kind="stable")
        starts = np.searchsorted(row[order], np.arange(len(distinct) + 1))
        some_unknown = bool((items < 0).any())
        out = np.empty(len(users), dtype=np.float32)

        def part(task: tuple[int, int]) -> None:
            of_users = distinct[slice(*task)]
            scores = self._of_known(of_users, select_rows(self.interactions, of_users))
            pairs = order[starts[task[0]] : starts[task[1]]]
            out[pairs] = self._with_unknown(scores, some_unknown)[row[pairs] - task[0], items[pairs]]

        pool.map(part, even_ranges(len(distinct), users_per_block(len(self.items))))
        return out

    def _of_known(self, users: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """Return the scores of the known items as a new array, after a check of its shape and its values."""
        scores = self.score_users(users, history)
        return self._check_scores("_score_users", scores, (len(users), len(self.items)))

    def _with_unknown(self, scores: np.ndarray, some_unknown: bool) -> np.ndarray:
        """Append a column with the score of the unknown items, which row index -1 stands for, if there are any."""
        if not some_unknown:
            return scores
        unknown = self._check_scores("_score_unknown_items", self.score_unknown(scores), (len(scores),))
        return np.column_stack([scores, unknown])

    def _check_scores(self, method: str, scores: np.ndarray, expected: tuple[int, ...]) -> np.ndarray:
        """Return a copy of the result of a method in float32, after a check of its shape and its values."""
        if sp.issparse(scores):
            raise ValueError(f"{self.owner}.{method} must return an array, got a sparse matrix: return .toarray().")
        scores = np.array(scores, dtype=np.float32, order="C")
        if scores.shape != expected or not np.isfinite(scores).all():
            found = f"shape {scores.shape}" if scores.shape != expected else "values that are not finite in float32"
            raise ValueError(f"{self.owner}.{method} must return finite scores of shape {expected}, got {found}.")
        return scores
