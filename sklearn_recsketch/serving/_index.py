"""An index: queries by id, answers by id."""

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
from sklearn_recsketch.serving._choosing import eligible_rows, left_out
from sklearn_recsketch.serving._contents import Contents
from sklearn_recsketch.serving._exact import Exact
from sklearn_recsketch.serving._hnsw import Hnsw
from sklearn_recsketch.serving._index_files import load_contents, new_folder, save_contents
from sklearn_recsketch.serving._rescore import rescored
from sklearn_recsketch.serving._vectors import id_name
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["EmbeddingIndex"]


class EmbeddingIndex:
    """Vectors of items or users, ready to be searched; made by :func:`to_index`, or loaded from files.

    Attributes
    ----------
    kind : {"hnsw", "exact"}
    of : {"items", "users"}
    metric : {"score", "cosine"}
        As given to :func:`to_index`.
    ids : ndarray of shape (n,)
        Sorted ids of what is found.
    vectors : ndarray of shape (n, n_components), dtype float32
        Their vectors, of length one where the metric is the cosine.
    n_jobs : int or None
        Threads of a search of many queries at once.

    Notes
    -----
    Which items are found is approximate for "hnsw"; `recall` measures how much. Their scores are exact: they are
    computed from the vectors, in float32, and equal those of `predict`. An index knows what the recommender knew when
    it was made, and does not follow its `partial_fit`.

    Several threads may search one index. usearch lets one of them in at a time; several processes that have loaded
    the same folder search at once, and share its graph's memory.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.serving import EmbeddingIndex, to_index
    >>> X, y = make_interactions(n_users=100, n_items=50, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y)
    >>> index = to_index(rec)
    >>> index
    <EmbeddingIndex: hnsw of 50 items by score>
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
        """Candidates kept in a search of a graph; set it to trade time for recall."""
        return self._graph().expansion_search

    @expansion_search.setter
    def expansion_search(self, value: int) -> None:
        self._graph().expansion_search = check_integer(value, "expansion_search")

    def recommend(
        self, users: Any, k: int = 10, *, exclude_seen: bool = True, candidates: Any = None, exclude: Any = None
    ) -> Any:
        """The best items of known users.

        Parameters
        ----------
        users : id or array-like of ids
        k : int, default=10
            Items per user.
        exclude_seen : bool, default=True
            Leave out items the user interacted with in fit.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Items to choose from, as in `recommend` of the recommender; the search among them is exact. None: all.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Items that nobody must get, or those that each user must not get.

        Returns
        -------
        frame with columns user, rank, item, score
            As `recommend` of the recommender returns it.

        Raises
        ------
        ValueError
            For an unknown user or candidate, and for an index of users or by cosine.
        """
        return self._answer("recommend", "items", "score", "user", users, k, candidates, exclude, exclude_seen)

    def similar_items(self, items: Any, k: int = 10, *, candidates: Any = None) -> Any:
        """The nearest neighbours of known items, themselves left out.

        Parameters
        ----------
        items : id or array-like of ids
        k : int, default=10
            Neighbours per item.
        candidates : array-like of ids, table of pairs, or dict of item to ids, default=None
            Neighbours to choose from; the search among them is exact. None: all.

        Returns
        -------
        frame with columns item, rank, similar_item, score
            `score` is the cosine.

        Raises
        ------
        ValueError
            For an unknown item or candidate, and for an index of users or by score.
        """
        return self._answer("similar_items", "items", "cosine", "item", items, k, candidates)

    def similar_users(self, users: Any, k: int = 10, *, candidates: Any = None) -> Any:
        """The nearest neighbours of known users, themselves left out.

        Parameters
        ----------
        users : id or array-like of ids
        k : int, default=10
            Neighbours per user.
        candidates : array-like of ids, table of pairs, or dict of user to ids, default=None
            Neighbours to choose from; the search among them is exact. None: all.

        Returns
        -------
        frame with columns user, rank, similar_user, score
            `score` is the cosine.

        Raises
        ------
        ValueError
            For an unknown user or candidate, and for an index of items or by score.
        """
        return self._answer("similar_users", "users", "cosine", "user", users, k, candidates)

    def search(self, vectors: Any, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The best of the index for any vectors; nothing is left out.

        Parameters
        ----------
        vectors : array-like of shape (n_queries, n_components)
            As :func:`embedding_table` gives them for the other side, or for the same side where the metric is the
            cosine.
        k : int, default=10

        Returns
        -------
        ids : ndarray of shape (n_queries, min(k, n))
            Best first.
        scores : ndarray of the same shape, dtype float32
            Inner products, or cosines.
        """
        queries = check_array(vectors, dtype=np.float32, ensure_min_samples=0, input_name="vectors")
        if queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"vectors must have {self.vectors.shape[1]} columns, as those of the index, got {queries.shape[1]}."
            )
        best, scores = self._best(unit_length(queries) if self.metric == "cosine" else queries, None, k)
        return self.ids[best], scores

    def recall(self, k: int = 10, *, n_queries: int = 1000, random_state: Any = None) -> float:
        """The share of the exact k best that the index finds, measured on known queries.

        Parameters
        ----------
        k : int, default=10
        n_queries : int, default=1000
            Users whose recommendations are compared, or items or users whose neighbours are; what they have seen, or
            they themselves, are left out.
        random_state : int, RandomState instance or None, default=None
            Draws them.

        Returns
        -------
        float
            Between 0 and 1. What has the score of the exact list's last place counts as found, whichever of several
            equal ones it is.
        """
        n = len(self._contents.query_ids)
        rows = check_random_state(random_state).permutation(n)[: check_integer(n_queries, "n_queries")]
        queries, left_out = self._contents.queries[rows], self._contents.left_out(rows)
        found = self._best(queries, left_out, k)[1]
        with workers(self.n_jobs) as pool:
            exact = top_items(queries, self.vectors, left_out, k, pool)[0]
        wanted = self._scored(queries, exact)[1]
        last = np.where(exact >= 0, wanted, np.inf).min(axis=1, keepdims=True)
        return float((found >= last).sum() / max((exact >= 0).sum(), 1))

    def save(self, folder: Any) -> None:
        """Write the index into a new folder.

        Parameters
        ----------
        folder : str or Path
            Made where it does not exist. Arrays are .npy files, ids JSON, the graph is in usearch's own format; there
            is no pickle.

        Raises
        ------
        FileExistsError
            Where the folder is not empty: processes may have mapped the files of the index in it.
        """
        folder = new_folder(folder)
        self._searcher.save(folder)
        save_contents(self._contents, folder, {"kind": self.kind, "settings": self._searcher.settings()})

    @classmethod
    def load(cls, folder: Any, *, n_jobs: int | None = None) -> EmbeddingIndex:
        """Read an index that `save` has written.

        Parameters
        ----------
        folder : str or Path
            Its arrays and the graph are mapped into memory, and stay in use.
        n_jobs : int, default=None
            As in :func:`to_index`.

        Returns
        -------
        EmbeddingIndex
            With the answers of the saved one.
        """
        contents, header = load_contents(Path(folder))
        searcher = Hnsw if header["kind"] == Hnsw.kind else Exact
        return cls(contents, searcher.load(Path(folder), contents.vectors, **header["settings"]), n_jobs)

    def __repr__(self) -> str:
        return f"<EmbeddingIndex: {self.kind} of {len(self.ids)} {self.of} by {self.metric}>"

    def _graph(self) -> Hnsw:
        if not isinstance(self._searcher, Hnsw):
            raise AttributeError('An index of kind "exact" has no expansion_search: it finds everything.')
        return self._searcher

    def _answer(
        self,
        method: str,
        of: str,
        metric: str,
        name: str,
        asked: Any,
        k: int,
        candidates: Any = None,
        exclude: Any = None,
        exclude_seen: bool = True,
    ) -> Any:
        """The table of a method that needs an index of this kind."""
        if (self.of, self.metric) != (of, metric):
            raise ValueError(
                f"{method} needs an index of {of} by {metric}, this is one of {self.of} by {self.metric}: "
                f'to_index(estimator, of="{of}", metric="{metric}").'
            )
        contents = self._contents
        chosen = read_item_selection(candidates, "candidates", name, id_name(of))
        unwanted = read_item_selection(exclude, "exclude", name, id_name(of))
        column = check_query_ids(asked, name, contents.query_ids)
        rows = lookup(contents.query_ids, column, name, "those the index knows are")
        ids = column.ids[column.codes]
        if (rows < 0).any():
            first = show_id(ids[int(np.argmax(rows < 0))])
            raise ValueError(
                f"The {name} {first} is unknown to the index, which knows whom the recommender knew when it was made. "
                f"Ask the recommender: rec.{method}([{first}])."
            )
        check_selection_users(chosen, "candidates", name, column.ids, contents.query_ids)
        check_selection_users(unwanted, "exclude", name, column.ids, contents.query_ids)
        queries, excluded = contents.queries[rows], left_out(contents, column, rows, unwanted, exclude_seen)
        if chosen is None:
            best, scores = self._best(queries, excluded, k)
        else:
            among, allowed = eligible_rows(contents, column, chosen, excluded)
            with workers(self.n_jobs) as pool:
                place = allowed.top(queries, self.vectors[among], check_integer(k, "k"), pool)[0]
            best, scores = self._scored(queries, np.where(place >= 0, among[place], -1))
        found = id_name(of) if metric == "score" else f"similar_{name}"
        return ranked_table(name, ids, found, self.ids, best, scores, contents.library)

    def _best(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores of the k best of each query."""
        with workers(self.n_jobs) as pool:
            best = self._searcher.top(queries, excluded, check_integer(k, "k"), pool)
        return self._scored(queries, best)

    def _scored(self, queries: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows found, sorted by their scores, and these."""
        best, scores = rescored(queries, self.vectors, best)
        # Rounding may carry a cosine past 1.
        return best, np.clip(scores, -1, 1) if self.metric == "cosine" else scores
