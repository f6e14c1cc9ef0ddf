"""Vectors laid out in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from sklearn_recsketch.recommenders._similarity import unit_length

__all__ = ["project"]

LEAST = 3  # points of a map
PERPLEXITY = 30.0  # of t-SNE where there are points enough


def project(vectors: np.ndarray, method: Any, random_state: Any) -> np.ndarray:
    """Two coordinates for each vector, by its direction alone: neighbours are by cosine.

    One thread, whose sums are the same each time: t-SNE makes another picture of the last digit.
    """
    directions = unit_length(vectors)
    n_points, n_components = directions.shape
    if n_points < LEAST or n_components < 2:
        raise ValueError(
            f"A map needs at least {LEAST} points and 2 components, got {n_points} points of {n_components} components."
        )
    if not np.ptp(directions, axis=0).any():
        raise ValueError(f"There is nothing to map: all {n_points} vectors point the same way.")
    with threadpool_limits(limits=1):
        points = np.asarray(_transformer(method, n_points, random_state).fit_transform(directions))
    if points.shape != (n_points, 2) or not np.isfinite(points).all():
        raise ValueError(
            f"method must give two finite coordinates to each of {n_points} points, but {method!r} gave an array of "
            f"shape {points.shape}" + (", not all of it finite." if points.shape == (n_points, 2) else ".")
        )
    return points


def _transformer(method: Any, n_points: int, random_state: Any) -> Any:
    if isinstance(method, str) and method == "tsne":
        # A point has about three times as many neighbours as the perplexity, at most all others.
        return TSNE(perplexity=min(PERPLEXITY, (n_points - 1) / 3), random_state=random_state)
    if isinstance(method, str) and method == "pca":
        return PCA(2, svd_solver="full")
    if not hasattr(method, "fit_transform") or isinstance(method, type):
        raise ValueError(f"method must be 'tsne', 'pca' or a transformer, such as PCA(2, whiten=True), got {method!r}.")
    return clone(method)
