"""Neighbours in the embedded space."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch.solvers._ranking import top_items
from sklearn_recsketch.solvers._request import ranked_table
from sklearn_recsketch.utils._ids import lookup, show_id
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_id_list, check_k

__all__ = ["similar", "unit_length"]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their norms; zeros stay zeros."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


def similar(recommender: Any, name: str, ids: Any, k: int) -> Any:
    """The k users or items of largest cosine with each of `ids`, itself left out."""
    check_is_fitted(recommender)
    known = getattr(recommender, f"{name}s_")
    column = check_id_list(ids, name)
    codes = lookup(known, column, name)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        first = show_id(column.ids[column.codes[unknown[0]]])
        warnings.warn(
            f"{len(unknown)} of the {len(codes)} {name} ids are unknown (first: {first}): each is represented by "
            f"the mean {name}.",
            UserWarning,
            stacklevel=3,
        )
    everything = unit_length(getattr(recommender, f"{name}_factors_"))
    queries = unit_length(recommender._vectors(name, codes))
    itself = np.flatnonzero(codes >= 0)
    excluded = sp.csr_array((np.ones(len(itself), np.float32), (itself, codes[itself])), shape=(len(codes), len(known)))
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(queries, everything, excluded, check_k(k), pool)
    # Rounding may carry a cosine past 1.
    scores = np.clip(scores, -1, 1)
    asked = column.ids[column.codes]
    return ranked_table(name, asked, f"similar_{name}", known, best, scores, recommender._table_library())
