"""Plot embeddings as a map."""

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

MISSING_COLOR = "#b8c0c8"  # of points without a value, and of less frequent categories
EDGE_COLOR = "#222222"  # of points with a label
NUMERIC_TYPES = ("integer", "floating", "mixed-integer-float")


class EmbeddingDisplay:
    """Two-dimensional map of the embeddings of items, users or features.

    Vectors with a high cosine similarity are close to each other.

    It is recommended to use :meth:`from_estimator` to create an `EmbeddingDisplay`.

    Parameters
    ----------
    points : array-like of shape (n_points, 2)
        Coordinates of the points.
    labels : list of str, default=None
        Label of each point, "" for no label. Labels of earlier points take precedence if space is limited.
    color : array-like of shape (n_points,), default=None
        Numbers, shown with a colour bar, or categories, shown with a legend. The seven most frequent categories have
        their own colours. Other categories and missing values are grey. If None, all points have the same colour.
    ids : array-like of shape (n_points,), default=None
        Item, user or feature of each point. They are not drawn.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the map.
    ax_ : matplotlib Axes
        Axes of the map.
    points_ : matplotlib PathCollection
        Points of the map.
    texts_ : list of matplotlib Annotation
        Labels that are drawn.
    colorbar_ : matplotlib Colorbar or None
        Colour bar if `color` contains numbers. Use ``colorbar_.set_label`` to describe them.
    legend_ : matplotlib Legend or None
        Legend if `color` contains categories.

    See Also
    --------
    similar_features : Find features with similar embeddings.
    embedding_norms : Return the norms of the embeddings, which the map does not show.

    Notes
    -----
    t-SNE preserves neighbourhoods, but distances between clusters and sizes of clusters are not meaningful [1]_. PCA
    preserves large distances, but points that differ only outside of the first two principal components coincide.

    t-SNE takes a few seconds for 1000 points, and its time grows as O(n log n).

    Labels are placed for the current size of the figure. Pass `ax` to use a different size.

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
        random_state: Any = None,
        ax: Any = None,
        **scatter_kw: Any,
    ) -> EmbeddingDisplay:
        """Plot a map of the embeddings of a fitted recommender.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted estimator.
        of : {"items", "users", "item_features", "user_features"}, default="items"
            Whether to plot items, users or features. Features have the names returned by the encoder, such as
            "tag=tiltbrush".
        ids : array-like of ids or names, default=None
            Points to plot. If None, the `n_points` items or users with the most interactions, or the `n_points` most
            frequent features.
        method : {"tsne", "pca"} or transformer, default="tsne"
            Method that projects the vectors to two dimensions. Vectors are scaled to unit length first, so
            neighbours have a high cosine similarity. "tsne" and "pca" use scikit-learn's `TSNE` and
            `PCA`. The perplexity of t-SNE is 30, or a third of the number of other points if this is smaller. A
            transformer, such as ``TSNE(perplexity=50, random_state=0)``, is cloned before it is fitted.
        n_points : int, default=1000
            Maximum number of points. Only used if `ids` is None.
        prefix : str, default=""
            Only plot features whose names start with this prefix, such as "tag=". It is removed from the labels.
        labels : mapping, Series or callable, default=None
            Labels by id. Ids without a value have no label. If None, labels are the ids or the names of features.
        n_labels : int, default=30
            Maximum number of labels. The most popular points are labelled first. A label that would overlap with
            others is skipped, and the next point is labelled instead.
        color : mapping, Series or callable, default=None
            Numbers or categories by id, such as popularity or the main tag. See the parameter `color` of the class.
        random_state : int, RandomState instance or None, default=None
            Random state of t-SNE. Pass an int for reproducible output across multiple calls. Only used if
            ``method="tsne"``.
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **scatter_kw : dict
            Keyword arguments passed to matplotlib's `scatter`, such as ``s=5``, ``cmap="plasma"``, ``norm="log"``, or
            ``c="red"`` for one colour.

        Returns
        -------
        EmbeddingDisplay
            Display of the map.

        Raises
        ------
        ValueError
            If an id is unknown, if a feature does not exist (the error suggests similar names), if there are fewer than
            three points, or if `labels` or `color` has no value for any of the points.
        TypeError
            If `labels` or `color` is neither a mapping nor a function.

        Warns
        -----
        UserWarning
            If a function raises. Only the affected points have no label or colour.
        """
        space = embedding_space(estimator, of)
        rows = np.unique(_select_rows(space, prefix, check_integer(n_points, "n_points"), ids))
        # Sort by popularity, because the first points are labelled first.
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
            Maximum number of labels.
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
        # Points are smaller if there are more of them per area.
        area = ax.bbox.width * ax.bbox.height * (72 / self.figure_.dpi) ** 2
        size = float(np.clip(0.05 * area / max(1, len(points)), 4, 36))
        colors, entries = _colors(self.color)
        style = {"s": size, "linewidths": 0, "alpha": 0.8, **colors}
        self.points_ = ax.scatter(*points.T, **scatter_style(style, scatter_kw))
        # Edges around labelled points. The artist is added before labels are placed, because new artists change limits.
        edges = ax.scatter([], [], facecolors="none", edgecolors=EDGE_COLOR, linewidths=0.8)
        self._add_guide(entries)
        sizes = np.broadcast_to(self.points_.get_sizes(), len(points))
        labels = [""] * len(points) if self.labels is None else self.labels
        texts = place_labels(ax, points, labels, n_labels, np.sqrt(sizes) / 2)
        self.texts_ = list(texts.values())
        edges.set(offsets=points[list(texts)], sizes=sizes[list(texts)])
        return self

    def _add_guide(self, entries: dict[str, str]) -> None:
        """Add a colour bar for numbers or a legend for categories."""
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
    """Keyword arguments of `scatter` for the colours, and the colour of each entry of the legend."""
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
    """Row numbers of `ids`, or of the points with the largest counts if `ids` is None."""
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
    """Value of each id, None if there is none. It is an error if no id has a value."""
    values = reader.read(source, ids)
    reader.warn_failures()
    if ids and all(value is None for value in values.values()):
        raise ValueError(
            f"{reader.name} has no value for any of the {len(ids)} points, such as {show_id(ids[0])}. "
            f"Write {reader.hint}."
        )
    return list(values.values())
