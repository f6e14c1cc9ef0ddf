"""Approximate search in a hierarchical navigable small world (HNSW) graph, built with usearch."""

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
BATCH_SIZE = 65_536  # vectors copied at once while building, neighbours fetched at once while searching
MOST_FETCHED = 1024  # neighbours fetched per query; the time of a search is proportional to it


class Hnsw:
    """A hierarchical navigable small world (HNSW) graph for maximum inner product search.

    The links of the graph are chosen by inner products of the original vectors, not by distances of augmented vectors.
    For recommender factors, this achieves the same recall in a fraction of the time.

    Parameters
    ----------
    graph : usearch.index.Index
        Graph of the vectors. In the graph, all vectors are divided by the same constant.
    vectors : ndarray of shape (n, n_components), dtype float32
        Vectors to search.
    """

    kind = "hnsw"

    def __init__(self, graph: Any, vectors: np.ndarray) -> None:
        self._graph = graph
        self._vectors = vectors

    @classmethod
    def build(cls, vectors: np.ndarray, pool: Workers, **parameters: int) -> Hnsw:
        """Build a graph by adding all vectors in random order.

        The order of the ids may correlate with popularity, and thus with the norms of the vectors. Adding the vectors
        in this order would lower the recall.
        """
        graph = _index_class()(ndim=vectors.shape[1], metric="ip", dtype="f32", enable_key_lookups=False, **parameters)
        # The distance of usearch is 1 - x.y, in which small inner products would be lost to rounding.
        largest = norms(vectors).max() or 1.0
        order = np.random.default_rng(0).permutation(len(vectors))
        for start, stop in even_ranges(len(order), BATCH_SIZE):
            rows = order[start:stop]
            graph.add(rows, _divided(vectors[rows], largest), threads=pool.n_threads)
        return cls(graph, vectors)

    @property
    def expansion_search(self) -> int:
        """Number of candidates kept during a search."""
        return int(self._graph.expansion_search)

    @expansion_search.setter
    def expansion_search(self, value: int) -> None:
        self._graph.expansion_search = value

    def top(self, queries: np.ndarray, excluded: sp.csr_array | None, k: int, pool: Workers) -> np.ndarray:
        """Return the row indices of approximately the k best vectors for each query.

        For a query with m excluded rows, the search fetches at least k + m neighbours, but at most `MOST_FETCHED`. If
        fewer than k neighbours remain after the exclusion, it falls back to exact search. If a query excludes so many
        rows that fewer than k remain, its list is padded with -1.
        """
        n = len(self._vectors)
        k = min(k, n)
        n_excluded = np.zeros(len(queries), int) if excluded is None else np.diff(excluded.indptr)
        best = np.full((len(queries), k), -1, dtype=np.int32)
        # Rounding up to powers of two limits the number of batches, and at most doubles the number of neighbours.
        widths = 2 ** np.ceil(np.log2(k + n_excluded)).astype(int)
        widths = np.minimum(widths, min(n, MOST_FETCHED))
        for width in np.unique(widths):
            group = np.flatnonzero(widths == width)
            for start, stop in even_ranges(len(group), max(1, BATCH_SIZE // int(width))):
                rows = group[start:stop]
                found = self._search(queries[rows], int(width), pool)
                kept = _first(found, None if excluded is None else excluded[rows], k)
                best[rows, : kept.shape[1]] = kept
        short = np.flatnonzero((best >= 0).sum(axis=1) < np.minimum(k, n - n_excluded))
        if len(short):
            still_excluded = None if excluded is None else sp.csr_array(excluded[short])
            best[short] = sorted_items(queries[short], self._vectors, still_excluded, k, pool)[0]
        return best

    def _search(self, queries: np.ndarray, width: int, pool: Workers) -> np.ndarray:
        """Return the `width` nearest nodes of each query, padded with -1 if the graph returns fewer nodes."""
        lengths = norms(queries)[:, None]
        found = self._graph.search(
            _divided(queries, np.where(lengths > 0, lengths, 1.0)), width, threads=pool.n_threads
        )
        if len(queries) == 1:  # usearch returns a different type for a single query, without padding
            rows = np.full((1, width), -1)
            rows[0, : len(found.keys)] = found.keys
            return rows
        return np.where(np.arange(width) < found.counts[:, None], found.keys.astype(np.int64), -1)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError(
            'An index of kind "hnsw" cannot be pickled: use save(folder) and EmbeddingIndex.load(folder) instead.'
        )

    def settings(self) -> dict[str, Any]:
        """Return the arguments of `load` that the usearch file does not contain."""
        return {"expansion_search": self.expansion_search}

    def save(self, folder: Path) -> None:
        """Write the graph to a file in the usearch format."""
        self._graph.save(folder / FILE)

    @classmethod
    def load(cls, folder: Path, vectors: np.ndarray, expansion_search: int) -> Hnsw:
        """Load the graph by mapping its file into memory."""
        graph = _index_class().restore(
            folder / FILE, view=True, enable_key_lookups=False, expansion_search=expansion_search
        )
        return cls(graph, vectors)


def _first(found: np.ndarray, excluded: sp.csr_array | None, k: int) -> np.ndarray:
    """Return the first k entries of each row that are neither missing nor excluded, padded with -1."""
    kept = found >= 0
    if excluded is not None:
        n = excluded.shape[1]
        excluded_pairs = np.repeat(np.arange(len(found)), np.diff(excluded.indptr)) * n + excluded.indices
        kept &= ~np.isin(np.arange(len(found))[:, None] * n + found, excluded_pairs)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(kept, order, axis=1), np.take_along_axis(found, order, axis=1), -1)


def _divided(vectors: np.ndarray, lengths: Any) -> np.ndarray:
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


def _index_class() -> Any:
    """Import the index class of the optional dependency usearch. Raise an ImportError if it is not installed."""
    try:
        from usearch.index import Index
    except ImportError as error:
        raise ImportError(
            'An index of kind "hnsw" requires usearch: pip install "sklearn-recsketch[index]". '
            'An index of kind "exact" has no further requirements.'
        ) from error
    return Index
