"""Nearest-neighbour index with queries and results by id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, check_random_state

from sklearn_recsketch._data.ids import lookup, show_id
from sklearn_recsketch._ranking.candidates import check_selection_users, read_item_selection
from sklearn_recsketch._ranking.query import check_query_ids, ranked_table
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.serving._contents import Contents, id_name
from sklearn_recsketch.serving._exact import Exact, rescored
from sklearn_recsketch.serving._hnsw import Hnsw
from sklearn_recsketch.serving._index_files import load_contents, new_folder, save_contents
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["EmbeddingIndex"]


class EmbeddingIndex:
    """Nearest-neighbour index of items or users, built by :func:`to_index` or loaded from files.

    Attributes
    ----------
    kind : {"hnsw", "exact"}
        Search algorithm.
    of : {"items", "users"}
        Indexed side.
    metric : {"dot", "cosine"}
        Similarity that the index searches by.
    ids : ndarray of shape (n,)
        Sorted ids of the indexed items or users.
    vectors : ndarray of shape (n, n_components), dtype float32
        Vectors of the indexed items or users, normalized to unit length if `metric="cosine"`.
    n_jobs : int or None
        Number of threads used to search for many queries at once.

    Notes
    -----
    If `kind="hnsw"`, the search is approximate and may miss some of the best items; `recall` measures how many it
    finds. Scores are always exact: they are computed from the vectors in float32, and equal those of `predict`. The
    index is a snapshot of the recommender: a later `partial_fit` does not change it.

    Several threads may search the same index, but usearch runs their searches one after another. Processes that load
    the same folder search in parallel, and share the memory of the graph.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.serving import EmbeddingIndex, to_index
    >>> X, y = make_interactions(n_users=100, n_items=50, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y)
    >>> index = to_index(rec)
    >>> index
    <EmbeddingIndex: hnsw of 50 items, metric='dot'>
    >>> index.recommend(rec.users_[0], k=5).columns.tolist()
    ['user', 'rank', 'item', 'score']
    >>> index.recall(k=5)
    1.0
    """

    def __init__(self, contents: Contents, searcher: Exact | Hnsw, n_jobs: int | None = None) -> None:
        self._contents = contents
        self._searcher = searcher
        self.n_jobs = n_jobs
        self.kind, self.of, self.metric = searcher.kind, contents.of, contents.metric
        self.ids, self.vectors = contents.ids, contents.vectors

    @property
    def expansion_search(self) -> int:
        """Number of candidates kept during a search of the graph. A larger value increases the recall and the time."""
        return self._graph().expansion_search

    @expansion_search.setter
    def expansion_search(self, value: int) -> None:
        self._graph().expansion_search = check_integer(value, "expansion_search")

    def recommend(
        self, users: Any, k: int = 10, *, exclude_seen: bool = True, candidates: Any = None, exclude: Any = None
    ) -> Any:
        """Recommend the k items with the highest scores to each user.

        Parameters
        ----------
        users : id or array-like of ids
            Known users to recommend items to.
        k : int, default=10
            Number of items per user.
        exclude_seen : bool, default=True
            Whether to exclude items that the user interacted with in fit.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Items to choose from, as in `recommend` of the recommender. The search among candidates is exact. If None,
            all items are candidates.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Items to exclude for all users, or for each user.

        Returns
        -------
        frame with columns user, rank, item, score
            The same table as `recommend` of the recommender returns.

        Raises
        ------
        ValueError
            If a user or candidate is unknown, or if the index contains users or uses the cosine.
        """
        return self._ranked("recommend", "items", "dot", "user", users, k, candidates, exclude, exclude_seen)

    def similar_items(self, items: Any, k: int = 10, *, candidates: Any = None) -> Any:
        """Find the k items with the highest cosine similarity to each item, excluding the item itself.

        Parameters
        ----------
        items : id or array-like of ids
            Known items whose neighbours to find.
        k : int, default=10
            Number of neighbours per item.
        candidates : array-like of ids, table of pairs, or dict of item to ids, default=None
            Neighbours to choose from. The search among candidates is exact. If None, all items are candidates.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Most similar first; `score` is the cosine.

        Raises
        ------
        ValueError
            If an item or candidate is unknown, or if the index contains users or was built with `metric="dot"`.
        """
        return self._ranked("similar_items", "items", "cosine", "item", items, k, candidates)

    def similar_users(self, users: Any, k: int = 10, *, candidates: Any = None) -> Any:
        """Find the k users with the highest cosine similarity to each user, excluding the user itself.

        Parameters
        ----------
        users : id or array-like of ids
            Known users whose neighbours to find.
        k : int, default=10
            Number of neighbours per user.
        candidates : array-like of ids, table of pairs, or dict of user to ids, default=None
            Neighbours to choose from. The search among candidates is exact. If None, all users are candidates.

        Returns
        -------
        frame with columns user, rank, similar_user, score
            Most similar first; `score` is the cosine.

        Raises
        ------
        ValueError
            If a user or candidate is unknown, or if the index contains items or was built with `metric="dot"`.
        """
        return self._ranked("similar_users", "users", "cosine", "user", users, k, candidates)

    def search(self, vectors: Any, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Find the k nearest neighbours of any vectors, without exclusions.

        Parameters
        ----------
        vectors : array-like of shape (n_queries, n_components)
            Query vectors: if `metric="dot"`, coordinates as in the table of :func:`embedding_table` for the other
            side; if `metric="cosine"`, factors of the same side.
        k : int, default=10
            Number of neighbours per query.

        Returns
        -------
        ids : ndarray of shape (n_queries, min(k, n))
            Ids of the neighbours, nearest first.
        scores : ndarray of shape (n_queries, min(k, n)), dtype float32
            Inner products, or cosines if `metric="cosine"`.
        """
        queries = check_array(vectors, dtype=np.float32, ensure_min_samples=0, input_name="vectors")
        if queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"vectors must have {self.vectors.shape[1]} columns, like the vectors of the index, got "
                f"{queries.shape[1]}."
            )
        best, scores = self._best(unit_length(queries) if self.metric == "cosine" else queries, None, k)
        return self.ids[best], scores

    def recall(self, k: int = 10, *, n_queries: int = 1000, random_state: Any = None) -> float:
        """Estimate the recall: the fraction of the exact k nearest neighbours that the index finds.

        Parameters
        ----------
        k : int, default=10
            Number of neighbours per query.
        n_queries : int, default=1000
            Number of known queries to sample: users if `metric="dot"` and `of="items"`, for example. As in `recommend`
            and `similar_items`, items seen by a user, or the query itself, are excluded.
        random_state : int, RandomState instance or None, default=None
            Seed for sampling the queries.

        Returns
        -------
        float
            Recall between 0 and 1. If several neighbours are tied for the last place of the exact list, any of them
            counts as found.
        """
        n = len(self._contents.query_ids)
        rows = check_random_state(random_state).permutation(n)[: check_integer(n_queries, "n_queries")]
        queries, excluded = self._contents.queries[rows], self._contents.seen_or_self(rows)
        found = self._best(queries, excluded, k)[1]
        with workers(self.n_jobs) as pool:
            exact = top_items(queries, self.vectors, excluded, k, pool)[0]
        exact_scores = self._scored(queries, exact)[1]
        last = np.where(exact >= 0, exact_scores, np.inf).min(axis=1, keepdims=True)
        return float((found >= last).sum() / max((exact >= 0).sum(), 1))

    def save(self, folder: Any) -> None:
        """Save the index to a new folder.

        Parameters
        ----------
        folder : str or Path
            Empty folder, which is created if it does not exist. Arrays are saved as .npy files, ids as JSON and the
            graph in the format of usearch; nothing is pickled.

        Raises
        ------
        FileExistsError
            If the folder is not empty: other processes may have mapped the files of an index in it.
        """
        folder = new_folder(folder)
        self._searcher.save(folder)
        save_contents(self._contents, folder, {"kind": self.kind, "settings": self._searcher.settings()})

    @classmethod
    def load(cls, folder: Any, *, n_jobs: int | None = None) -> EmbeddingIndex:
        """Load an index saved by `save`.

        Parameters
        ----------
        folder : str or Path
            Folder of the index. Its arrays and graph are mapped into memory, so the files must not be changed while
            the index is in use.
        n_jobs : int, default=None
            Number of threads used to search for many queries at once. None means 1, and -1 means all cores.

        Returns
        -------
        EmbeddingIndex
            Index that returns the same results as the saved one.
        """
        contents, header = load_contents(Path(folder))
        searcher = Hnsw if header["kind"] == Hnsw.kind else Exact
        return cls(contents, searcher.load(Path(folder), contents.vectors, **header["settings"]), n_jobs)

    def __repr__(self) -> str:
        return f"<EmbeddingIndex: {self.kind} of {len(self.ids)} {self.of}, metric={self.metric!r}>"

    def _graph(self) -> Hnsw:
        if not isinstance(self._searcher, Hnsw):
            raise AttributeError('An index of kind "exact" does not have expansion_search: its recall is always 1.')
        return self._searcher

    def _ranked(
        self,
        method: str,
        of: str,
        metric: str,
        name: str,
        queries: Any,
        k: int,
        candidates: Any = None,
        exclude: Any = None,
        exclude_seen: bool = True,
    ) -> Any:
        """The table of ranked ids that a public method returns.

        The method, with queries of type `name`, requires an index of `of` with `metric`.
        """
        if (self.of, self.metric) != (of, metric):
            raise ValueError(
                f'{method} requires an index with of="{of}" and metric="{metric}", but this one has of="{self.of}" and '
                f'metric="{self.metric}". Build one with to_index(estimator, of="{of}", metric="{metric}").'
            )
        contents = self._contents
        candidates = read_item_selection(candidates, "candidates", name, id_name(of))
        exclude = read_item_selection(exclude, "exclude", name, id_name(of))
        column = check_query_ids(queries, name, contents.query_ids)
        rows = lookup(contents.query_ids, column, name, "those the index knows are")
        ids = column.ids[column.codes]
        if (rows < 0).any():
            first = show_id(ids[int(np.argmax(rows < 0))])
            raise ValueError(
                f"The {name} {first} is unknown to the index, which contains the {name}s that the recommender knew "
                f"when the index was built. Use the recommender instead: rec.{method}([{first}])."
            )
        check_selection_users(candidates, "candidates", name, column.ids, contents.query_ids)
        check_selection_users(exclude, "exclude", name, column.ids, contents.query_ids)
        vectors, excluded = contents.queries[rows], contents.excluded(column, rows, exclude, exclude_seen)
        if candidates is None:
            best, scores = self._best(vectors, excluded, k)
        else:
            candidate_rows, allowed = contents.candidate_rows(column, candidates, excluded)
            with workers(self.n_jobs) as pool:
                place = allowed.top(vectors, self.vectors[candidate_rows], check_integer(k, "k"), pool)[0]
            best, scores = self._scored(vectors, np.where(place >= 0, candidate_rows[place], -1))
        ranked_name = id_name(of) if metric == "dot" else f"similar_{name}"
        return ranked_table(name, ids, ranked_name, self.ids, best, scores, contents.library)

    def _best(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores of the k best vectors for each query."""
        with workers(self.n_jobs) as pool:
            best = self._searcher.top(queries, excluded, check_integer(k, "k"), pool)
        return self._scored(queries, best)

    def _scored(self, queries: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows sorted by their scores, and the scores."""
        best, scores = rescored(queries, self.vectors, best)
        # Rounding may give a cosine of more than 1.
        return best, np.clip(scores, -1, 1) if self.metric == "cosine" else scores
