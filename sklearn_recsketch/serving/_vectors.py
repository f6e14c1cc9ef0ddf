"""The vectors whose inner products are a recommender's scores."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["OTHER", "id_name", "score_vectors"]

OTHER = {"items": "users", "users": "items"}


def id_name(of: str) -> str:
    """The column of an id: "item" for "items"."""
    return of.removesuffix("s")


def score_vectors(recommender: Any, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids of all items or users, and the vectors that `predict` multiplies: biases are coordinates."""
    ids = getattr(recommender, f"{of}_")
    vectors = recommender._score_vectors(id_name(of), np.arange(len(ids)))
    return ids, vectors
