"""Plot embeddings as a two-dimensional map."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.inspection._embedding_space import embedding_space
from sklearn_recsketch.inspection._label_placement import place_labels
from sklearn_recsketch.inspection._plotting import (
    CHARACTERS_PER_INCH,
    PALETTE,
    import_pyplot,
    place_legend,
    scatter_style,
    tidy,
)
from sklearn_recsketch.inspection._projection import project
from sklearn_recsketch.inspection._values_by_id import IdValueReader
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._validation import check_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Annotation

__all__ = ["EmbeddingDisplay"]

MISSING_COLOR = "#b8c0c8"  # colour of points without a value, and of less frequent categories
EDGE_COLOR = "#222222"  # colour of the edges of labelled points
NUMERIC_TYPES = ("integer", "floating", "mixed-integer-float")


class EmbeddingDisplay:
    """Two-dimensional map of item, user or feature embeddings.

    Vectors with a high cosine similarity are plotted close to each other.

    It is recommended to use :meth:`from_estimator` to create an `EmbeddingDisplay`.

    Parameters
    ----------
    points : array-like of shape (n_points, 2)
        Coordinates of the points.
    labels : list of str, default=None
        Label of each point. An empty string means that the point has no label. If there is not enough space for all
        labels, earlier points are labelled first.
    color : array-like of shape (n_points,), default=None
        Number or category of each point. Numbers are shown with a colour bar, and categories with a legend. Each of the
        seven most frequent categories has its own colour. Other categories and missing values are grey. If None, all
        points have the same colour.
    ids : array-like of shape (n_points,), default=None
        Item, user or feature that each point represents. The ids are not drawn.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the map.
    ax_ : matplotlib Axes
        Axes of the map.
    points_ : matplotlib PathCollection
        Points of the map.
    texts_ : list of matplotlib Annotation
        Labels that were drawn.
    colorbar_ : matplotlib Colorbar or None
        Colour bar. It is None unless `color` contains numbers. Use ``colorbar_.set_label`` to describe the numbers.
    legend_ : matplotlib Legend or None
        Legend of the categories. It is None unless `color` contains categories.

    See Also
    --------
    similar_features : Find features with similar embeddings.
    embedding_norms : Return the embedding norms, which the map does not show.

    Notes
    -----
    t-SNE preserves neighbourhoods [1]_, but the sizes of clusters and the distances between clusters have no meaning.
    PCA preserves large distances. However, two points coincide in a PCA map if they differ only in principal components
    other than the first two.

    t-SNE takes a few seconds for 1000 points. Its time complexity is O(n log n), where n is the number of points.

    The label positions are computed for the current figure size. To plot into a figure of a different size, pass `ax`.

    References
    ----------
    .. [1] L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE", Journal of Machine Learning Research 9,
       2008. https://www.jmlr.org/papers/v9/vandermaaten08a.html

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import EmbeddingDisplay
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> display = EmbeddingDisplay.from_estimator(rec, "item_features", method="pca", prefix="tag=", n_labels=3)
    >>> [text.get_text() for text in display.texts_]
    ['t0', 't1', 't2']
    """

    figure_: Figure
    ax_: Axes
    points_: PathCollection
    texts_: list[Annotation]
    colorbar_: Colorbar | None
    legend_: Legend | None

    def __init__(self, *, points: Any, labels: Sequence[str] | None = None, color: Any = None, ids: Any = None) -> None:
        self.points = points
        self.labels = labels
        self.color = color
        self.ids = ids

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        of: str = "items",
        *,
        ids: Any = None,
        method: Any = "tsne",
        n_points: int = 1000,
        prefix: str = "",
        labels: Any = None,
        n_labels: int = 30,
        color: Any = None,
        random_state: RandomState = None,
        ax: Any = None,
        **scatter_kw: Any,
    ) -> EmbeddingDisplay:
        """Plot a map of the embeddings learned by a fitted recommender.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted estimator.
        of : {"items", "users", "item_features", "user_features"}, default="items"
            Whether to plot items, users, item features or user features. The ids of features are the names returned by
            the encoder, such as "tag=tiltbrush".
        ids : array-like of ids or names, default=None
            Items, users or features to plot. If None, the `n_points` items or users with the most interactions are
            plotted, or the `n_points` most frequent features.
        method : {"tsne", "pca"} or transformer, default="tsne"
            Method that projects the vectors to two dimensions. The vectors are first scaled to unit length, so that
            neighbours in the map have a high cosine similarity. "tsne" uses scikit-learn's `TSNE` with a perplexity of
            ``min(30, (n - 1) / 3)``, where n is the number of points. "pca" uses scikit-learn's `PCA`. A transformer,
            such as ``TSNE(perplexity=50, random_state=0)``, is cloned before it is fitted.
        n_points : int, default=1000
            Maximum number of points to plot. It is only used if `ids` is None.
        prefix : str, default=""
            Only plot features whose names start with this prefix, such as "tag=". The prefix is removed from the
            labels.
        labels : mapping, Series or callable, default=None
            Labels keyed by id. Points without a value have no label. If None, each point is labelled with its id or
            feature name.
        n_labels : int, default=30
            Maximum number of labels. The most popular points are labelled first. If a label would overlap other labels,
            it is skipped and the next point is labelled instead.
        color : mapping, Series or callable, default=None
            Numbers or categories keyed by id, such as the popularity or the main tag of each item. See the parameter
            `color` of the class.
        random_state : int, RandomState instance or None, default=None
            Random state of t-SNE. Pass an int for reproducible output across multiple calls. It is only used if
            ``method="tsne"``.
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **scatter_kw : dict
            Keyword arguments passed to matplotlib's `scatter`, such as ``s=5``, ``cmap="plasma"`` or ``norm="log"``.
            Use ``c="red"``, for example, to draw all points in the same colour.

        Returns
        -------
        EmbeddingDisplay
            Display that contains the map.

        Raises
        ------
        ValueError
            If an id is unknown, if a feature does not exist, if there are fewer than three points, or if none of the
            points has a value in `labels` or `color`. For unknown features, the message suggests similar names.
        TypeError
            If `labels` or `color` is neither a mapping nor a function.

        Warns
        -----
        UserWarning
            If a function passed as `labels` or `color` raises an exception for some ids. The points of these ids are
            drawn without a label or in grey.
        """
        space = embedding_space(estimator, of)
        rows = np.unique(_select_rows(space, prefix, check_integer(n_points, "n_points"), ids))
        # Sort the points by popularity, because labels are placed in this order.
        rows = rows[np.argsort(-space.counts[rows], kind="stable")]
        shown = space.ids[rows].tolist()
        if labels is None:
            texts = [str(id_).removeprefix(prefix) for id_ in shown]
        else:
            texts = [text or "" for text in _read_values(IdValueReader("labels", "labels={id: text}"), labels, shown)]
        if color is not None:
            hint = "color={id: number or category}, or c=... for one colour"
            color = _read_values(IdValueReader("color", hint, lambda value, _: value), color, shown)
        points = project(space.vectors[rows], method, random_state)
        display = cls(points=points, labels=texts, color=color, ids=space.ids[rows])
        return display.plot(ax, n_labels=n_labels, **scatter_kw)

    def plot(self, ax: Any = None, *, n_labels: int = 30, **scatter_kw: Any) -> EmbeddingDisplay:
        """Plot the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        n_labels : int, default=30
            Maximum number of labels. Earlier points are labelled first.
        **scatter_kw : dict
            Keyword arguments passed to matplotlib's `scatter`.

        Returns
        -------
        EmbeddingDisplay
            This display.
        """
        plt = import_pyplot(type(self).__name__)
        n_labels = check_integer(n_labels, "n_labels", least=0)
        points = np.asarray(self.points, dtype=np.float64)
        if ax is None:
            _, ax = plt.subplots(figsize=(7.0, 6.0), layout="constrained")
            tidy(ax)
            ax.spines[:].set_visible(False)
            ax.set_aspect("equal", adjustable="datalim")
        self.ax_, self.figure_ = ax, ax.figure
        # Hide the ticks, because the coordinates have no meaning.
        ax.set(xticks=[], yticks=[])
        # Draw smaller points if there are more of them per unit area.
        area = ax.bbox.width * ax.bbox.height * (72 / self.figure_.dpi) ** 2
        size = float(np.clip(0.05 * area / max(1, len(points)), 4, 36))
        colors, entries = _colors(self.color)
        style = {"s": size, "linewidths": 0, "alpha": 0.8, **colors}
        self.points_ = ax.scatter(*points.T, **scatter_style(style, scatter_kw))
        # Draw edges around labelled points. Add this artist before placing labels, because it may change the limits.
        edges = ax.scatter([], [], facecolors="none", edgecolors=EDGE_COLOR, linewidths=0.8)
        self._add_guide(entries)
        sizes = np.broadcast_to(self.points_.get_sizes(), len(points))
        labels = [""] * len(points) if self.labels is None else self.labels
        texts = place_labels(ax, points, labels, n_labels, np.sqrt(sizes) / 2)
        self.texts_ = list(texts.values())
        edges.set(offsets=points[list(texts)], sizes=sizes[list(texts)])
        return self

    def _add_guide(self, entries: dict[str, str]) -> None:
        """Add a colour bar for numbers, or a legend for categories."""
        self.legend_ = self.colorbar_ = None
        if self.points_.get_array() is not None:
            self.points_.set_cmap(self.points_.get_cmap().with_extremes(bad=MISSING_COLOR))
            self.colorbar_ = self.figure_.colorbar(self.points_, ax=self.ax_, aspect=40)
        elif entries:
            for category, color in entries.items():
                self.ax_.scatter([], [], s=30, linewidths=0, color=color, label=category)
            width = self.figure_.bbox.width / self.figure_.dpi * CHARACTERS_PER_INCH
            columns = max(1, int(width / (max(map(len, entries)) + 6)))
            self.legend_ = place_legend(self.ax_, among=[self.ax_], columns=columns)


def _colors(color: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the keyword arguments of `scatter` that set colours, and the colour of each legend entry."""
    if color is None:
        return {"c": PALETTE[0]}, {}
    values = pd.Series(list(color), dtype=object)
    if pd.api.types.infer_dtype(values, skipna=True) in NUMERIC_TYPES:
        return {"c": values.astype(np.float64), "plotnonfinite": True}, {}
    frequent = [category for category, _ in Counter(values.dropna()).most_common(len(PALETTE))]
    palette = dict(zip(frequent, PALETTE, strict=False))
    colors = [palette.get(value, MISSING_COLOR) for value in values]
    entries = {str(category): palette_color for category, palette_color in palette.items()}
    if MISSING_COLOR in colors:
        entries.setdefault("others", MISSING_COLOR)
    return {"c": colors}, entries


def _select_rows(space: Any, prefix: str, n_points: int, ids: Any) -> np.ndarray:
    """Return the row indices of `ids`, or of the most frequent points if `ids` is None."""
    if prefix and space.name != "feature":
        raise ValueError(f"prefix can only be used for features, got prefix={prefix!r} for {space.name}s.")
    rows = space.rows_with_prefix(prefix) if prefix else np.arange(len(space.ids))
    if ids is None:
        return rows[np.argsort(-space.counts[rows], kind="stable")[:n_points]]
    selected = space.rows(ids)
    mismatched = np.setdiff1d(selected, rows)
    if len(mismatched):
        raise ValueError(
            f"All ids must start with prefix={prefix!r}, got {space.ids[mismatched[0]]!r}. "
            f"Pass only one of ids and prefix."
        )
    return selected


def _read_values(reader: IdValueReader, source: Any, ids: list[Any]) -> list[Any]:
    """Return the value of each id, or None for ids without a value.

    Raise a ValueError if no id has a value.
    """
    values = reader.read(source, ids)
    reader.warn_failures()
    if ids and all(value is None for value in values.values()):
        raise ValueError(
            f"{reader.name} has no value for any of the {len(ids)} points, such as {show_id(ids[0])}. "
            f"Write {reader.hint}."
        )
    return list(values.values())
