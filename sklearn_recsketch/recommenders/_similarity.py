"""Search for similar items and similar users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.ids import IdColumn, are_all, lookup
from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch._ranking.candidates import (
    ItemSelection,
    Pairs,
    check_selection_users,
    drop_excluded,
    matrix_of_pairs,
    pairs_per_user,
    read_item_selection,
    select_items,
)
from sklearn_recsketch._ranking.eligible import Eligible, eligible, pair_matrix
from sklearn_recsketch._ranking.neighbours import all_neighbours
from sklearn_recsketch._ranking.query import check_query_ids, ranked_table
from sklearn_recsketch._ranking.scores import InnerProducts
from sklearn_recsketch._ranking.top_k import LARGEST_INSERTION
from sklearn_recsketch._ranking.unknown_ids import warn_unknown
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = [
    "SimilarityMixin",
    "SimilarityQuery",
    "candidate_rows",
    "read_similarity_query",
    "self_pairs",
    "unit_length",
]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Divide each row by its norm. Rows of zeros are left unchanged."""
    lengths = norms(vectors).astype(vectors.dtype)[:, None]
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths)


def self_pairs(positions: np.ndarray, n_targets: int) -> sp.csr_array:
    """Return a sparse matrix that marks the pairs in which a query is its own target.

    `positions` holds the position of each query among the targets, or -1 if the query is not a target.
    """
    return pair_matrix(np.arange(len(positions)), positions, (len(positions), n_targets))


def candidate_rows(
    recommender: Any, name: str, choice: ItemSelection | None, has_vectors: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted ids of the candidates and their row indices.

    Unknown ids get the row index -1, and a warning is issued for them. If `has_vectors`, the recommender represents
    them by the mean vector, else they are left out.
    """
    known = recommender.users_ if name == "user" else recommender.items_
    ids, rows = select_items(choice, known, recommender.interactions_, name)
    warn_unknown("candidates", ids, rows < 0, _mean(name) if has_vectors else "Unknown candidates are left out.")
    return ids, rows


@dataclass(frozen=True)
class SimilarityQuery:
    """Users or items whose most similar users or items are searched.

    Attributes
    ----------
    name : {"user", "item"}
    k : int
        Number of similar users or items.
    column : IdColumn
        Queried ids in the order of the query.
    codes : ndarray
        Row index of each queried id in the model, or -1 if it is unknown.
    own_candidates, own_exclusions : Pairs or None
        Candidates and excluded ids of individual queried ids.
    others, rows : ndarray
        Sorted ids of all candidates, and their row indices in the model. Ids that are excluded for all queried ids are
        left out.
    """

    name: str
    k: int
    column: IdColumn
    codes: np.ndarray
    own_candidates: Pairs | None
    own_exclusions: Pairs | None
    others: np.ndarray
    rows: np.ndarray

    @property
    def ids(self) -> np.ndarray:
        """Queried ids in the order of the query."""
        return self.column.ids[self.column.codes]

    def eligible(self) -> Eligible:
        """Return the candidates of each queried id, without the id itself."""
        excluded = self_pairs(lookup(self.others, self.column, self.name), len(self.others))
        candidates, exclusions = (
            None if pairs is None else matrix_of_pairs(pairs, self.column, self.others)
            for pairs in (self.own_candidates, self.own_exclusions)
        )
        return eligible(excluded if exclusions is None else excluded + exclusions, candidates)

    def includes_all(self, n_known: int) -> bool:
        """Return whether all known ids are candidates of each queried id."""
        restricted = self.own_candidates is not None or self.own_exclusions is not None
        return not restricted and are_all(self.rows, n_known)


def read_similarity_query(
    recommender: Any, name: str, ids: Any, k: int, candidates: Any, exclude: Any, has_vectors: bool = True
) -> SimilarityQuery:
    """Check the arguments of a search for similar users or items, and warn of unknown ids.

    The warnings say that unknown ids are represented by the mean vector, or that nothing is similar to them if the
    recommender has no vectors.
    """
    check_is_fitted(recommender)
    k = check_integer(k, "k")
    known = recommender.users_ if name == "user" else recommender.items_
    choice = read_item_selection(candidates, "candidates", name, name)
    excluded = read_item_selection(exclude, "exclude", name, name)
    own = pairs_per_user(choice)
    if ids is None:
        distinct = known if own is None else own.users.ids
        column = IdColumn(np.arange(len(distinct)), distinct)
    else:
        column = check_query_ids(ids, name, known)
    check_selection_users(choice, "candidates", name, column.ids, known)
    check_selection_users(excluded, "exclude", name, column.ids, known)
    codes = lookup(known, column, name)
    consequence = _mean(name) if has_vectors else f"Unknown {name}s have no similar {name}s."
    warn_unknown(f"{name} ids", column.ids[column.codes], codes < 0, consequence)
    others, rows = drop_excluded(*candidate_rows(recommender, name, choice, has_vectors), excluded, name)
    return SimilarityQuery(name, k, column, codes, own, pairs_per_user(excluded), others, rows)


class SimilarityMixin:
    """Mixin that finds similar users and similar items, for recommenders with factors."""

    def similar_items(
        self, items: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None, exclude: Any = None
    ) -> Frame:
        """Find the k items most similar to each item.

        The similarity of two items is the cosine similarity or the inner product of their vectors.

        Parameters
        ----------
        items : id or array-like of ids, default=None
            Query items. Unknown items are represented by the mean vector, and a warning is issued for them. If None,
            the query items are the items that have candidates if `candidates` is a table or a dict, else all known
            items.
        k : int, default=10
            Number of similar items per item. The query item is excluded.
        metric : {"cosine", "dot"}, default="cosine"
            Similarity measure. "dot" is the inner product, which favours long vectors. In WRMF, popular items have long
            vectors.
        candidates : array-like of ids, table of pairs, dict of item to ids, or "cold", default=None
            Items to choose from. A list applies to all query items. A table of pairs (item, candidate) or a dict holds
            the candidates of each query item. "cold" stands for the items without interactions in fit. If None, all
            known items are candidates.
        exclude : array-like of ids, table of pairs, or dict of item to ids, default=None
            Items to leave out, for all query items or for each query item.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Similar items of each query item, the most similar item first. Ties are broken by the order of the ids.
            `score` is the cosine similarity, between -1 and 1, or the inner product.

        Notes
        -----
        The results are exact, not approximate. The search takes O(len(items) * k) memory in addition to the memory of
        one copy of the vectors. The search takes O(len(items) * n_items * n_components) time. Finding similar items for
        all items by cosine similarity takes half of this time if all items are candidates and k is at most 256. In this
        case, each pair is computed only once.
        """
        return _similar(self, "item", items, k, metric, candidates, exclude)

    def similar_users(
        self, users: Any = None, k: int = 10, *, metric: str = "cosine", candidates: Any = None, exclude: Any = None
    ) -> Frame:
        """Find the k users most similar to each user.

        The similarity of two users is the cosine similarity or the inner product of their vectors.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Query users. Unknown users are represented by the mean vector, and a warning is issued for them. If None,
            the query users are the users who have candidates if `candidates` is a table or a dict, else all known
            users.
        k : int, default=10
            Number of similar users per user. The query user is excluded.
        metric : {"cosine", "dot"}, default="cosine"
            Similarity measure. "dot" is the inner product, which favours long vectors. In WRMF, active users have long
            vectors.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Users to choose from. A list applies to all query users. A table of pairs (user, candidate) or a dict holds
            the candidates of each query user. "cold" stands for the users without interactions in fit. If None, all
            known users are candidates.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Users to leave out, for all query users or for each query user.

        Returns
        -------
        frame with columns user, rank, similar_user, score
            Similar users of each query user, the most similar user first. Ties are broken by the order of the ids.
            `score` is the cosine similarity, between -1 and 1, or the inner product.
        """
        return _similar(self, "user", users, k, metric, candidates, exclude)


def _similar(recommender: Any, name: str, ids: Any, k: int, metric: str, candidates: Any, exclude: Any) -> Any:
    """Return a table of the k users or items most similar to each of `ids`."""
    check_is_fitted(recommender)
    k = check_integer(k, "k")
    if metric not in ("cosine", "dot"):
        raise ValueError(f"metric must be 'cosine' or 'dot', got {metric!r}.")
    query = read_similarity_query(recommender, name, ids, k, candidates, exclude)
    side = recommender._side(name)
    with workers(recommender.n_jobs) as pool:
        n = len(side.ids)
        if metric == "cosine" and query.includes_all(n) and _most_are_queried(query.codes, n, k):
            best, scores = all_neighbours(unit_length(side.factors), k, pool)
            best, scores = best[query.codes], scores[query.codes]
        else:
            scale = unit_length if metric == "cosine" else np.asarray
            queries = scale(side.vectors(query.codes))
            targets = scale(side.vectors(query.rows))
            best, scores = InnerProducts(queries, targets).top(query.eligible(), k, pool)
    if metric == "cosine":
        np.clip(scores, -1, 1, out=scores, where=best >= 0)  # rounding may carry a cosine past 1
    return ranked_table(name, query.ids, f"similar_{name}", query.others, best, scores, recommender._table_library())


def _most_are_queried(codes: np.ndarray, n: int, k: int) -> bool:
    """Return whether it is cheaper to compute each pair of known ids once than to compute all pairs of the queries.

    For inner products, this is never cheaper because the vector norms allow the search to stop early.
    """
    return 2 * len(codes) > n and bool((codes >= 0).all()) and k <= LARGEST_INSERTION


def _mean(name: str) -> str:
    return f"Each is represented by the mean {name}."
