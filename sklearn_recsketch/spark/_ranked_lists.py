"""Rank items for batches of users in Spark tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.top_k import RankedItems
from sklearn_recsketch.utils._threads import workers

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast

__all__ = ["LocalFactors", "ranked_batches", "vectors_of"]


class LocalFactors(NamedTuple):
    """Sorted ids of users or items and their vectors, in the memory of a single machine."""

    ids: np.ndarray
    vectors: np.ndarray


def vectors_of(column: Any, n_components: int) -> np.ndarray:
    """Convert an Arrow column of float lists to a matrix with one row per list."""
    return np.asarray(column.flatten()).reshape(-1, n_components)


def ranked_batches(
    batches: Iterator[pa.RecordBatch], items: Broadcast[LocalFactors], k: int
) -> Iterator[pa.RecordBatch]:
    """Recommend items to batches of users.

    The columns of a batch are `user`, `features` and `seen`. The column `seen` contains the codes of the items that
    each user has interacted with.
    """
    import pyarrow as pa

    ids, vectors = items.value
    item_ids, ranked = pa.array(ids), RankedItems(vectors)
    with workers(1) as pool:  # Spark runs one task per core
        for batch in batches:
            users = vectors_of(batch["features"], vectors.shape[1])
            best, scores = ranked.top(users, _seen(batch["seen"], len(vectors)), k, pool)
            row, rank = np.nonzero(best >= 0)
            yield pa.RecordBatch.from_arrays(
                [
                    batch["user"].take(pa.array(row)),
                    pa.array(rank + 1),
                    item_ids.take(pa.array(best[row, rank])),
                    pa.array(scores[row, rank]),
                ],
                names=["user", "rank", "item", "score"],
            )


def _seen(column: Any, n_items: int) -> sp.csr_array:
    """Convert an Arrow column of lists of item codes to a sparse matrix.

    A null value is treated as an empty list.
    """
    indices = np.asarray(column.flatten())
    lengths = np.asarray(column.value_lengths().fill_null(0))
    indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return sp.csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=(len(lengths), n_items))
