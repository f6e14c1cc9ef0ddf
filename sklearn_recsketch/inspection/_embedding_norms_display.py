"""Plot embedding norms against popularity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sklearn_recsketch.inspection._embedding_space import embedding_space
from sklearn_recsketch.inspection._plotting import PALETTE, import_pyplot, scatter_style, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

__all__ = ["EmbeddingNormsDisplay"]


class EmbeddingNormsDisplay:
    """Scatter plot of embedding norms against popularity, with their rank correlation.

    It is recommended to use :meth:`from_estimator` to create an `EmbeddingNormsDisplay`. The notes of
    :func:`embedding_norms` explain how to interpret the plot.

    Parameters
    ----------
    counts : array-like of shape (n_points,)
        Number of interactions of each item or user, or number of items or users that have each feature. Counts are
        shown on a logarithmic axis. If some counts are zero, the axis is extended to include zero.
    norms : array-like of shape (n_points,)
        Euclidean norm of each vector.
    counted : str, default="interactions"
        Label of the axis that shows `counts`.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the plot.
    ax_ : matplotlib Axes
        Axes of the plot.
    points_ : matplotlib PathCollection
        Points of the plot.
    rank_correlation_ : float
        Spearman's rank correlation between counts and norms, which is shown in the title. It is NaN if all counts or
        all norms are equal.

    See Also
    --------
    embedding_norms : Return the norms and the popularity as a table.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import EmbeddingNormsDisplay
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> rec = WRMFRecommender(8, alpha=1, regularization=10, random_state=0).fit(X, y)
    >>> display = EmbeddingNormsDisplay.from_estimator(rec)
    >>> display.ax_.get_title()
    'rank correlation 0.98'
    """

    figure_: Figure
    ax_: Axes
    points_: PathCollection
    rank_correlation_: float

    def __init__(self, *, counts: Any, norms: Any, counted: str = "interactions") -> None:
        self.counts = counts
        self.norms = norms
        self.counted = counted

    @classmethod
    def from_estimator(
        cls, estimator: Any, of: str = "items", *, ax: Any = None, **scatter_kw: Any
    ) -> EmbeddingNormsDisplay:
        """Plot the embedding norms of a fitted recommender.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted estimator.
        of : {"items", "users", "item_features", "user_features"}, default="items"
            Whether to plot the norms of item vectors, user vectors, item feature embeddings or user feature embeddings.
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **scatter_kw : dict
            Keyword arguments passed to matplotlib's `scatter`.

        Returns
        -------
        EmbeddingNormsDisplay
            Display that contains the plot.
        """
        space = embedding_space(estimator, of)
        counted = "interactions" if space.name == space.side else f"{space.side}s that have the feature"
        display = cls(counts=space.counts, norms=space.norms, counted=counted)
        return display.plot(ax, **scatter_kw)

    def plot(self, ax: Any = None, **scatter_kw: Any) -> EmbeddingNormsDisplay:
        """Plot the norms against the counts.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **scatter_kw : dict
            Keyword arguments passed to matplotlib's `scatter`.

        Returns
        -------
        EmbeddingNormsDisplay
            This display.
        """
        plt = import_pyplot(type(self).__name__)
        if ax is None:
            _, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
            tidy(ax)
        self.ax_, self.figure_ = ax, ax.figure
        table = pd.DataFrame({"counts": self.counts, "norms": self.norms})
        self.rank_correlation_ = float(table.corr(method="spearman").to_numpy()[0, 1])
        # The more points there are, the fainter they are drawn.
        alpha = float(np.clip(30 / np.sqrt(max(1, len(table))), 0.15, 0.7))
        style = {"s": 10, "linewidths": 0, "alpha": alpha, "c": PALETTE[0]}
        self.points_ = ax.scatter(table["counts"], table["norms"], **scatter_style(style, scatter_kw))
        if (table["counts"] > 0).all():
            ax.set_xscale("log")
        else:
            ax.set_xscale("symlog", linthresh=1)
        ax.set(xlabel=self.counted, ylabel="norm of the vector")
        ax.set_title(f"rank correlation {self.rank_correlation_:.2f}", fontsize="medium")
        return self
