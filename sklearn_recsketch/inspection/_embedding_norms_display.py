"""A picture of popularity against the length of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sklearn_recsketch.inspection._plotting import PALETTE, import_pyplot, scatter_style, tidy
from sklearn_recsketch.inspection._space import embedded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

__all__ = ["EmbeddingNormsDisplay"]


class EmbeddingNormsDisplay:
    """Norms of vectors against how much the model has seen of each, with the rank correlation of the two.

    Make one with :meth:`from_estimator`. How to read it is said in :func:`embedding_norms`.

    Parameters
    ----------
    counts : array-like of shape (n_points,)
        Interactions, or how many ids carry a feature. The axis is logarithmic; zeros have a place on it.
    norms : array-like of shape (n_points,)
        Norms of the vectors.
    counted : str, default="interactions"
        What `counts` are, for the axis.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure of the plot.
    ax_ : matplotlib Axes
        The plot.
    points_ : matplotlib PathCollection
        The points.
    rank_correlation_ : float
        Spearman's rank correlation, in the title; NaN where all counts or all norms are the same.

    See Also
    --------
    embedding_norms : The same as a table.

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
        """Draw the norms of a fitted recommender.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted.
        of : {"items", "users", "item_features", "user_features"}, default="items"
            Whose vectors.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **scatter_kw : dict
            Passed to matplotlib's `scatter`.

        Returns
        -------
        EmbeddingNormsDisplay
        """
        space = embedded(estimator, of)
        counted = "interactions" if space.name == space.side else f"{space.side}s that have the feature"
        display = cls(counts=space.counts, norms=space.norms, counted=counted)
        return display.plot(ax, **scatter_kw)

    def plot(self, ax: Any = None, **scatter_kw: Any) -> EmbeddingNormsDisplay:
        """Draw the norms.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **scatter_kw : dict
            Passed to matplotlib's `scatter`.

        Returns
        -------
        EmbeddingNormsDisplay
            The display itself.
        """
        plt = import_pyplot(type(self).__name__)
        if ax is None:
            _, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
            tidy(ax)
        self.ax_, self.figure_ = ax, ax.figure
        table = pd.DataFrame({"counts": self.counts, "norms": self.norms})
        self.rank_correlation_ = float(table.corr(method="spearman").to_numpy()[0, 1])
        # The more points, the fainter.
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
