"""Nearest-neighbour index that is queried by id and returns ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, check_random_state

from sklearn_recsketch._data.ids import lookup, show_id
from sklearn_recsketch._ranking.candidates import check_selection_users, read_item_selection
from sklearn_recsketch._ranking.query import check_query_ids, ranked_table
from sklearn_recsketch._ranking.scores import InnerProducts
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.serving._contents import Contents, id_name
from sklearn_recsketch.serving._exact import Exact, rescored
from sklearn_recsketch.serving._hnsw import Hnsw
from sklearn_recsketch.serving._index_files import load_contents, new_folder, save_contents
from sklearn_recsketch.typing import Frame, RandomState
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["EmbeddingIndex"]


class EmbeddingIndex:
    """Nearest-neighbour index of items or users.

    Use :func:`to_index` to build an index, and `EmbeddingIndex.load` to load a saved index.

    Attributes
    ----------
    kind : {"hnsw", "exact"}
        Search algorithm.
    of : {"items", "users"}
        Whether items or users are indexed.
    metric : {"dot", "cosine"}
        Similarity that determines the neighbours.
    ids : ndarray of shape (n,)
        Sorted ids of the indexed items or users.
    vectors : ndarray of shape (n, n_components), dtype float32
        Vectors of the indexed items or users, normalized to unit length if `metric="cosine"`.
    n_jobs : int or None
        Number of threads used to search several queries at once.

    Notes
    -----
    If `kind="hnsw"`, the search is approximate and may miss some of the best items. The method `recall` measures the
    fraction of the best items that it finds. Scores are always exact: they are computed from the vectors in float32,
    and are equal to the scores that `predict` returns. If you update the recommender with `partial_fit`, the index does
    not change.

    Several threads may search the same index, but usearch runs their searches one after another. To search in parallel,
    load the index from the same folder in several processes. The processes then share the graph's memory.

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
        """Number of candidates kept during a graph search. A larger value increases the recall and the search time."""
        return self._graph().expansion_search

    @expansion_search.setter
    def expansion_search(self, value: int) -> None:
        self._graph().expansion_search = check_integer(value, "expansion_search")

    def recommend(
        self, users: Any, k: int = 10, *, exclude_seen: bool = True, candidates: Any = None, exclude: Any = None
    ) -> Frame:
        """Recommend the k items with the highest scores to each user.

        Parameters
        ----------
        users : id or array-like of ids
            Users to recommend items to. They must be known to the index.
        k : int, default=10
            Number of items per user.
        exclude_seen : bool, default=True
            Whether to exclude the items that each user interacted with in the training data.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Items that may be recommended, in one of the formats that the recommender's method `recommend` accepts. If
            None, all items are candidates. If candidates are given, the search is exact.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Items to exclude, either for all users or for individual users.

        Returns
        -------
        frame with columns user, rank, item, score
            Recommended items, in the format that the recommender's method `recommend` returns.

        Raises
        ------
        ValueError
            If a user or candidate is unknown to the index, or if the index was not built with `of="items"` and
            `metric="dot"`.
        """
        return self._ranked("recommend", "items", "dot", "user", users, k, candidates, exclude, exclude_seen)

    def similar_items(self, items: Any, k: int = 10, *, candidates: Any = None, exclude: Any = None) -> Frame:
        """Find the k items with the highest cosine similarity to each item, excluding the item itself.

        Parameters
        ----------
        items : id or array-like of ids
            Items for which to find neighbours. They must be known to the index.
        k : int, default=10
            Number of neighbours per item.
        candidates : array-like of ids, table of pairs, or dict of item to ids, default=None
            Items that may be returned. If None, all items are candidates. If candidates are given, the search is exact.
        exclude : array-like of ids, table of pairs, or dict of item to ids, default=None
            Items to leave out, for all query items or for each query item.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            Neighbours of each item, sorted by decreasing similarity. `score` is the cosine similarity.

        Raises
        ------
        ValueError
            If an item or candidate is unknown to the index, or if the index was not built with `of="items"` and
            `metric="cosine"`.
        """
        return self._ranked("similar_items", "items", "cosine", "item", items, k, candidates, exclude)

    def similar_users(self, users: Any, k: int = 10, *, candidates: Any = None, exclude: Any = None) -> Frame:
        """Find the k users with the highest cosine similarity to each user, excluding the user itself.

        Parameters
        ----------
        users : id or array-like of ids
            Users for which to find neighbours. They must be known to the index.
        k : int, default=10
            Number of neighbours per user.
        candidates : array-like of ids, table of pairs, or dict of user to ids, default=None
            Users that may be returned. If None, all users are candidates. If candidates are given, the search is exact.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Users to leave out, for all query users or for each query user.

        Returns
        -------
        frame with columns user, rank, similar_user, score
            Neighbours of each user, sorted by decreasing similarity. `score` is the cosine similarity.

        Raises
        ------
        ValueError
            If a user or candidate is unknown to the index, or if the index was not built with `of="users"` and
            `metric="cosine"`.
        """
        return self._ranked("similar_users", "users", "cosine", "user", users, k, candidates, exclude)

    def search(self, vectors: Any, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Find the k nearest neighbours of arbitrary vectors.

        Parameters
        ----------
        vectors : array-like of shape (n_queries, n_components)
            Query vectors. If `metric="dot"`, pass user vectors to an item index and item vectors to a user index, with
            the same coordinates as :func:`embedding_table` returns. If `metric="cosine"`, pass item factors to an item
            index and user factors to a user index.
        k : int, default=10
            Number of neighbours per query.

        Returns
        -------
        ids : ndarray of shape (n_queries, min(k, n))
            Ids of the neighbours, nearest first.
        scores : ndarray of shape (n_queries, min(k, n)), dtype float32
            Inner products if `metric="dot"`, or cosine similarities if `metric="cosine"`.
        """
        queries = check_array(vectors, dtype=np.float32, ensure_min_samples=0, input_name="vectors")
        if queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"vectors must have {self.vectors.shape[1]} columns, like the vectors of the index, got "
                f"{queries.shape[1]}."
            )
        best, scores = self._best(unit_length(queries) if self.metric == "cosine" else queries, None, k)
        return self.ids[best], scores

    def recall(self, k: int = 10, *, n_queries: int = 1000, random_state: RandomState = None) -> float:
        """Estimate the recall, which is the fraction of the true k nearest neighbours that the index finds.

        Parameters
        ----------
        k : int, default=10
            Number of neighbours per query.
        n_queries : int, default=1000
            Number of queries to sample. For example, the queries are users if `metric="dot"` and `of="items"`. The
            search then excludes the items that a user has seen, as `recommend` does. If `metric="cosine"`, it excludes
            the query itself, as `similar_items` does.
        random_state : int, RandomState instance or None, default=None
            Seed used to sample the queries.

        Returns
        -------
        float
            Recall between 0 and 1. If several neighbours are tied for last place in the exact result, any of these
            neighbours is counted as correct.
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
            Empty folder, which is created if it does not exist. Arrays are saved as .npy files, ids are saved as JSON,
            and the graph is saved in the usearch format. No pickle files are written.

        Raises
        ------
        FileExistsError
            If the folder is not empty. Other processes may be using an index in this folder.
        """
        folder = new_folder(folder)
        self._searcher.save(folder)
        save_contents(self._contents, folder, {"kind": self.kind, "settings": self._searcher.settings()})

    @classmethod
    def load(cls, folder: Any, *, n_jobs: int | None = None) -> EmbeddingIndex:
        """Load an index that was saved with the method `save`.

        Parameters
        ----------
        folder : str or Path
            Folder of the saved index. The arrays and the graph are mapped into memory, so do not change the files while
            the index is in use.
        n_jobs : int, default=None
            Number of threads used to search several queries at once. None means 1, and -1 means all cores.

        Returns
        -------
        EmbeddingIndex
            Index that returns the same results as the saved index.

        Raises
        ------
        FileNotFoundError
            If the folder does not contain an index, or if one of its files is missing.
        ValueError
            If a file differs from the file that was saved.

        Notes
        -----
        All files are read once to verify their checksums.
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
        """Return the table of ranked ids for a public method.

        `method` is the name of the public method. It requires an index that was built with the given values of `of` and
        `metric`. `name` is "user" or "item", depending on what the query ids refer to.
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
                scores_of_candidates = InnerProducts(vectors, self.vectors[candidate_rows])
                place = scores_of_candidates.top(allowed, check_integer(k, "k"), pool)[0]
            best, scores = self._scored(vectors, np.where(place >= 0, candidate_rows[place], -1))
        ranked_name = id_name(of) if metric == "dot" else f"similar_{name}"
        return ranked_table(name, ids, ranked_name, self.ids, best, scores, contents.library)

    def _best(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the row indices and the scores of the k best vectors for each query."""
        with workers(self.n_jobs) as pool:
            best = self._searcher.top(queries, excluded, check_integer(k, "k"), pool)
        return self._scored(queries, best)

    def _scored(self, queries: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the exact scores of the rows in `best`, and return the sorted rows and their scores."""
        best, scores = rescored(queries, self.vectors, best)
        # Due to rounding errors, a cosine may be larger than 1.
        return best, np.clip(scores, -1, 1) if self.metric == "cosine" else scores
