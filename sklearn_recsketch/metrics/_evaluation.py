"""Which rows of evaluated data count, and how a fitted recommender ranks them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.metrics._hits import METRICS, Hits
from sklearn_recsketch.preprocessing._matrix import pair_keys
from sklearn_recsketch.utils._ids import IdColumn, lookup
from sklearn_recsketch.utils._validation import check_id_list, check_interactions

__all__ = ["evaluate", "judge", "unwrap"]


def unwrap(estimator: Any, X: Any) -> tuple[Any, Any]:
    """The recommender inside searches and pipelines, and X, if not None, as it receives it."""
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    if hasattr(estimator, "steps"):
        if len(estimator.steps) > 1 and X is not None:
            X = estimator[:-1].transform(X)
        return unwrap(estimator[-1], X)
    if not hasattr(estimator, "recommend"):
        raise TypeError(
            f"A ranking metric needs a fitted recommender, or a search or Pipeline that ends in one, "
            f"got {type(estimator).__name__}."
        )
    return estimator, X


def evaluate(
    estimator: Any,
    X: Any,
    y: Any,
    metrics: list[tuple[str, int]],
    *,
    exclude_seen: bool = True,
    candidates: Any = None,
) -> dict[str, float]:
    """Means of metrics over the users of X, from one ranking.

    Rows whose pair was in fit are *seen*, the others *new*. If there are seen rows, and no new one
    has both its user and its item known, it is a training score: the seen rows are relevant and
    nothing is excluded. Otherwise the new rows are relevant, and with `exclude_seen` the pairs seen
    in fit are neither relevant nor candidates. Items the model does not know are relevant and missed, and so
    are known ones that are not among the `candidates`.
    """
    recommender, X = unwrap(estimator, X)
    hits = judge(recommender, X, y, max(k for _, k in metrics), exclude_seen=exclude_seen, candidates=candidates)
    return {f"{name}@{k}": float(METRICS[name](hits, k).mean()) for name, k in metrics}


def judge(recommender: Any, X: Any, y: Any, k: int, *, exclude_seen: bool = True, candidates: Any = None) -> Hits:
    """Rank items for the users of X and mark the hits."""
    interactions = check_interactions(X, y)
    relevant = interactions.y > 0
    if not relevant.any():
        raise ValueError(f"No row of X is relevant: y is 0 in all {len(relevant)} rows, so there is nothing to score.")
    users = lookup(recommender.users_, interactions.users, "user")
    items = lookup(recommender.items_, interactions.items, "item")
    seen = _stored(recommender.interactions_, users, items)
    new_and_known = relevant & ~seen & (users >= 0) & (items >= 0)
    training = bool((seen & relevant).any()) and not new_and_known.any()
    rows = relevant & (seen if training else ~seen)
    chosen = _candidate_codes(recommender, candidates)
    # Distinct pairs, by user.
    _, first = np.unique(pair_keys(interactions)[rows], return_index=True)
    rows = np.flatnonzero(rows)[first]
    codes, start, n_relevant = np.unique(interactions.users.codes[rows], return_index=True, return_counts=True)
    user_rows = users[rows[start]]
    _warn_unknown(user_rows)
    best = recommender._rank(user_rows, k, exclude_seen and not training, chosen)
    # A pair is (position of its user, code of its item): a hit is a place that holds one.
    position = np.repeat(np.arange(len(codes)), n_relevant)
    n_items = len(recommender.items_)
    known = items[rows] >= 0
    pairs = np.sort(position[known] * n_items + items[rows[known]])
    places = np.where(best >= 0, np.arange(len(codes))[:, None] * n_items + best, -1)
    at = np.zeros(places.shape, dtype=bool)
    if len(pairs):
        found = np.minimum(np.searchsorted(pairs, places), len(pairs) - 1)
        at = pairs[found] == places
    return Hits(at, n_relevant, interactions.users.ids[codes])


def _candidate_codes(recommender: Any, candidates: Any) -> np.ndarray | None:
    """Row numbers of the known items to rank, sorted; None for all."""
    if candidates is None:
        return None
    if isinstance(candidates, str):  # "cold": make_ranking_scorer refuses any other
        cold = np.flatnonzero(recommender.interactions_.count_nonzero(axis=0) == 0)
        if not len(cold):
            raise ValueError(
                f"candidates='cold' ranks the items without interactions in fit, but the recommender knows none: all "
                f"its {len(recommender.items_)} items have some. Pass the features of the other items to fit as "
                f"item_features, for example cross_val_score(..., params={{'item_features': F}})."
            )
        return cold
    ids = check_id_list(candidates, "candidate").ids
    chosen = lookup(recommender.items_, IdColumn(np.arange(len(ids)), ids), "candidate")
    return chosen[chosen >= 0]


def _stored(matrix: sp.csr_array, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether each (row, column) is a stored entry; False for negative ones."""
    n_columns = matrix.shape[1]
    entries = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * n_columns + matrix.indices
    wanted = np.where((rows >= 0) & (columns >= 0), rows * n_columns + columns, -1)
    # Rows are stored in order and their indices sorted, so the entries are.
    found = np.minimum(np.searchsorted(entries, wanted), len(entries) - 1)
    return np.asarray(entries[found] == wanted)


def _warn_unknown(user_rows: np.ndarray) -> None:
    unknown = int((user_rows < 0).sum())
    if 2 * unknown > len(user_rows):
        warnings.warn(
            f"{unknown} of the {len(user_rows)} evaluated users were not in fit, so the score says little about "
            f"taste. KFold on a table sorted by user does that: pass cv=UserHoldoutSplit(random_state=0).",
            UserWarning,
            stacklevel=4,
        )
