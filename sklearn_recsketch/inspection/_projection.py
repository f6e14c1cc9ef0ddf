"""Project vectors to two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.typing import RandomState

__all__ = ["project"]

MIN_POINTS = 3
PERPLEXITY = 30.0  # perplexity of t-SNE, unless there are too few points


def project(vectors: np.ndarray, method: Any, random_state: RandomState) -> np.ndarray:
    """Project vectors to two dimensions.

    Vectors are first scaled to unit length, so that neighbours have a high cosine similarity. The projection uses a
    single thread, so that its result is reproducible. With several threads, rounding errors may vary between calls, and
    even small rounding errors visibly change the result of t-SNE.
    """
    directions = unit_length(vectors)
    n_points, n_components = directions.shape
    if n_points < MIN_POINTS or n_components < 2:
        raise ValueError(
            f"A map requires at least {MIN_POINTS} points and 2 components, "
            f"got {n_points} points and n_components={n_components}."
        )
    if not np.ptp(directions, axis=0).any():
        raise ValueError(f"A map requires different directions, but all {n_points} vectors have the same direction.")
    with threadpool_limits(limits=1):
        points = np.asarray(_transformer(method, n_points, random_state).fit_transform(directions))
    if points.shape != (n_points, 2) or not np.isfinite(points).all():
        raise ValueError(
            f"method must return two finite coordinates for each of {n_points} points, "
            f"but {method!r} returned an array of shape {points.shape}"
            + (" with values that are not finite." if points.shape == (n_points, 2) else ".")
        )
    return points


def _transformer(method: Any, n_points: int, random_state: RandomState) -> Any:
    """Return an unfitted transformer for `method`."""
    if isinstance(method, str) and method == "tsne":
        # t-SNE uses about 3 * perplexity neighbours of each point, but each point only has n_points - 1 neighbours.
        return TSNE(perplexity=min(PERPLEXITY, (n_points - 1) / 3), random_state=random_state)
    if isinstance(method, str) and method == "pca":
        return PCA(2, svd_solver="full")
    if not hasattr(method, "fit_transform") or isinstance(method, type):
        raise ValueError(f"method must be 'tsne', 'pca' or a transformer, such as PCA(2, whiten=True), got {method!r}.")
    return clone(method)
