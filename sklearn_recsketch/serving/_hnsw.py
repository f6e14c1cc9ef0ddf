"""Approximate search in a graph, built and walked by usearch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import norms
from sklearn_recsketch._ranking.top_k import sorted_items
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["Hnsw"]

FILE = "graph.usearch"
AT_ONCE = 65_536  # vectors copied while building, neighbours fetched while searching
MOST_FETCHED = 1024  # neighbours fetched from the graph for one query; a walk costs in proportion


class Hnsw:
    """A hierarchical navigable small world graph whose neighbours are those of largest inner product.

    Plain inner products rather than augmented vectors: measured on factors, the graph then needs a small part of
    the time for the same recall.

    Parameters
    ----------
    graph : usearch.index.Index
        Of `vectors`, divided by a common number.
    vectors : ndarray of shape (n, n_components), dtype float32
    """

    kind = "hnsw"

    def __init__(self, graph: Any, vectors: np.ndarray) -> None:
        self._graph = graph
        self._vectors = vectors

    @classmethod
    def build(cls, vectors: np.ndarray, pool: Workers, **parameters: int) -> Hnsw:
        """Add all vectors to a new graph, in random order: the order of ids may follow popularity, and so norms."""
        graph = _index_class()(ndim=vectors.shape[1], metric="ip", dtype="f32", enable_key_lookups=False, **parameters)
        # usearch calls 1 - x.y the distance, which rounds small products away.
        largest = norms(vectors).max() or 1.0
        order = np.random.default_rng(0).permutation(len(vectors))
        for start, stop in even_ranges(len(order), AT_ONCE):
            rows = order[start:stop]
            graph.add(rows, _divided(vectors[rows], largest), threads=pool.n_threads)
        return cls(graph, vectors)

    @property
    def expansion_search(self) -> int:
        """Candidates a walk keeps."""
        return int(self._graph.expansion_search)

    @expansion_search.setter
    def expansion_search(self, value: int) -> None:
        self._graph.expansion_search = value

    def top(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers) -> np.ndarray:
        """Rows of about the k best of each query; -1 where too few are left.

        As many more neighbours are fetched as the query must not get, up to a bound. Where fewer than k remain,
        the search is exact.
        """
        n = len(self._vectors)
        k = min(k, n)
        n_excluded = np.zeros(len(queries), int) if excluded is None else np.diff(excluded.indptr)
        best = np.full((len(queries), k), -1, dtype=np.int32)
        # Powers of two: a few batches, none of which fetches twice what it needs.
        widths = 2 ** np.ceil(np.log2(k + n_excluded)).astype(int)
        widths = np.minimum(widths, min(n, MOST_FETCHED))
        for width in np.unique(widths):
            group = np.flatnonzero(widths == width)
            for start, stop in even_ranges(len(group), max(1, AT_ONCE // int(width))):
                rows = group[start:stop]
                found = self._walk(queries[rows], int(width), pool)
                kept = _first(found, None if excluded is None else excluded[rows], k)
                best[rows, : kept.shape[1]] = kept
        short = np.flatnonzero((best >= 0).sum(axis=1) < np.minimum(k, n - n_excluded))
        if len(short):
            left_out = None if excluded is None else sp.csr_array(excluded[short])
            best[short] = sorted_items(queries[short], self._vectors, left_out, k, pool)[0]
        return best

    def _walk(self, queries: np.ndarray, width: int, pool: Workers) -> np.ndarray:
        """The nearest `width` nodes of each query, -1 where the walk met fewer."""
        lengths = norms(queries)[:, None]
        found = self._graph.search(
            _divided(queries, np.where(lengths > 0, lengths, 1.0)), width, threads=pool.n_threads
        )
        if len(queries) == 1:  # usearch answers a single query in another form, without empty places
            rows = np.full((1, width), -1)
            rows[0, : len(found.keys)] = found.keys
            return rows
        return np.where(np.arange(width) < found.counts[:, None], found.keys.astype(np.int64), -1)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError('An index of kind "hnsw" is not pickled: use save(folder) and EmbeddingIndex.load(folder).')

    def settings(self) -> dict[str, Any]:
        """What `load` has to be told again: usearch's file does not keep it."""
        return {"expansion_search": self.expansion_search}

    def save(self, folder: Path) -> None:
        """Write the graph, in usearch's own format."""
        self._graph.save(folder / FILE)

    @classmethod
    def load(cls, folder: Path, vectors: np.ndarray, expansion_search: int) -> Hnsw:
        """Map the graph's file into memory."""
        graph = _index_class().restore(
            folder / FILE, view=True, enable_key_lookups=False, expansion_search=expansion_search
        )
        return cls(graph, vectors)


def _first(found: np.ndarray, excluded: sp.csr_array | None, k: int) -> np.ndarray:
    """The first k of each row that exist and are not excluded, -1 behind them."""
    kept = found >= 0
    if excluded is not None:
        n = excluded.shape[1]
        unwanted = np.repeat(np.arange(len(found)), np.diff(excluded.indptr)) * n + excluded.indices
        kept &= ~np.isin(np.arange(len(found))[:, None] * n + found, unwanted)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(kept, order, axis=1), np.take_along_axis(found, order, axis=1), -1)


def _divided(vectors: np.ndarray, lengths: Any) -> np.ndarray:
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


def _index_class() -> Any:
    """usearch's index, imported no sooner than a graph is needed."""
    try:
        from usearch.index import Index
    except ImportError as error:
        raise ImportError(
            'An index of kind "hnsw" needs usearch: pip install "sklearn-recsketch[index]". '
            'Kind "exact" needs nothing else.'
        ) from error
    return Index
