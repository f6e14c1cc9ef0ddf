"""The fitted recommender inside of what a user passes, and its ids by row number."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.ids import lookup, show_id
from sklearn_recsketch._ranking.query import asked_ids
from sklearn_recsketch.metrics._evaluation_task import unwrap

__all__ = ["factor_recommender", "known_rows"]


def factor_recommender(estimator: Any) -> Any:
    """The fitted recommender of a search or Pipeline, or itself; it has to have embeddings."""
    check_is_fitted(estimator)
    recommender, _ = unwrap(estimator, None)
    if not hasattr(recommender, "item_factors_"):
        raise TypeError(f"{type(recommender).__name__} has no embeddings: use a recommender that learns factors.")
    return recommender


def known_rows(recommender: Any, name: str, ids: Any, why: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids asked for, one or several, and their row numbers; an unknown one is an error that ends in `why`."""
    known = getattr(recommender, f"{name}s_")
    column = asked_ids(ids, name, known)
    asked = column.ids[column.codes]
    codes = lookup(known, column, name)
    if (codes < 0).any():
        raise ValueError(f"The {name} {show_id(asked[int(np.argmax(codes < 0))])} is unknown: {why}")
    return asked, codes
