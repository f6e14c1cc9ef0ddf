"""The embedded space as a map."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.inspection._captions import Captions
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
from sklearn_recsketch.inspection._space import embedded
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

MISSING = "#b8c0c8"  # of points without a value, or of one of the less frequent categories
RIM = "#222222"
NUMBERS = ("integer", "floating", "mixed-integer-float")


class EmbeddingDisplay:
    """A map of items, users or features: near each other are those whose vectors point the same way.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    points : array-like of shape (n_points, 2)
        Coordinates.
    labels : list of str, default=None
        Text of each point, "" for none; where not all have room, the first ones are written.
    color : array-like of shape (n_points,), default=None
        Numbers, explained by a colour bar, or categories, explained by a legend: the most frequent seven, all
        others together. Points whose value is missing are grey. None gives all one colour.
    ids : array-like of shape (n_points,), default=None
        Which item, user or feature each point is; not drawn.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure of the map.
    ax_ : matplotlib Axes
        The map.
    points_ : matplotlib PathCollection
        All points.
    texts_ : list of matplotlib Annotation
        The labels written.
    colorbar_ : matplotlib Colorbar or None
        Explains a `color` of numbers; ``colorbar_.set_label`` says what they are.
    legend_ : matplotlib Legend or None
        Explains a `color` of categories.

    See Also
    --------
    similar_features : Which features are near each other, as a table.
    embedding_norms : What the map leaves out: how long the vectors are.

    Notes
    -----
    t-SNE keeps neighbours together; distances between groups, and the sizes of groups, mean little [1]_. PCA keeps
    large distances; what differs in other directions than the first two falls together.

    t-SNE of 1000 points takes some seconds, and time O(n log n) for more of them.

    Labels are placed for the size the figure has when they are drawn. To change it, pass `ax`.

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
        """Draw the map of a fitted recommender.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted.
        of : {"items", "users", "item_features", "user_features"}, default="items"
            What the points are. Features are by the names their encoder gives them, such as "tag=tiltbrush".
        ids : array-like of ids or names, default=None
            Which of them; None takes the `n_points` with the most interactions, of features those carried by the
            most ids.
        method : {"tsne", "pca"} or transformer, default="tsne"
            Makes two coordinates of vectors that are scaled to length one, as neighbours are by cosine.
            "tsne" and "pca" are scikit-learn's, t-SNE with a perplexity of 30 or a third of the other points. Of a
            transformer, such as ``TSNE(perplexity=50, random_state=0)``, a clone is fitted.
        n_points : int, default=1000
            Most points drawn where `ids` is None.
        prefix : str, default=""
            Take only features whose name starts so, and print their names without it: "tag=".
        labels : mapping, Series or callable, default=None
            Text by id; an id without one has no label. None prints the ids or names of features.
        n_labels : int, default=30
            Most labels written, those of the most popular points first. A label that has no room beside its
            point is left out, for the next one.
        color : mapping, Series or callable, default=None
            Number or category by id, such as its popularity or its main tag; see the class.
        random_state : int, RandomState instance or None, default=None
            An int gives the same picture at every call, for "tsne". "pca" needs none, and a transformer has its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **scatter_kw : dict
            Passed to matplotlib's `scatter`: ``s=5``, ``cmap="plasma"``, ``norm="log"``, or ``c="red"`` for
            one colour.

        Returns
        -------
        EmbeddingDisplay

        Raises
        ------
        ValueError
            For an unknown id, for a feature that does not exist, with the nearest ones that do, for fewer than
            three points, and for labels or colours of none of the points, or by ids of another kind.
        TypeError
            For labels or colours that are neither a mapping nor a function.

        Warns
        -----
        UserWarning
            Where a function raises. The other points are not lost.
        """
        space = embedded(estimator, of)
        rows = _chosen(space, prefix, check_integer(n_points, "n_points"), ids)
        # Once each, the most popular first: their labels come first.
        rows = np.unique(rows)
        rows = rows[np.argsort(-space.counts[rows], kind="stable")]
        shown = space.ids[rows].tolist()
        if labels is None:
            texts = [str(id_).removeprefix(prefix) for id_ in shown]
        else:
            texts = [text or "" for text in _said(Captions("labels", "labels={id: text}"), labels, shown)]
        if color is not None:
            instead = "color={id: number or category}, or c=... for one colour"
            color = _said(Captions("color", instead, lambda value, _: value), color, shown)
        points = project(space.vectors[rows], method, random_state)
        display = cls(points=points, labels=texts, color=color, ids=space.ids[rows])
        return display.plot(ax, n_labels=n_labels, **scatter_kw)

    def plot(self, ax: Any = None, *, n_labels: int = 30, **scatter_kw: Any) -> EmbeddingDisplay:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        n_labels : int, default=30
            Most labels written.
        **scatter_kw : dict
            Passed to matplotlib's `scatter`.

        Returns
        -------
        EmbeddingDisplay
            The display itself.
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
        # Coordinates have no unit.
        ax.set(xticks=[], yticks=[])
        # The more points to the square inch, the smaller.
        room = ax.bbox.width * ax.bbox.height * (72 / self.figure_.dpi) ** 2
        size = float(np.clip(0.05 * room / max(1, len(points)), 4, 36))
        colors, entries = _colors(self.color)
        style = {"s": size, "linewidths": 0, "alpha": 0.8, **colors}
        self.points_ = ax.scatter(*points.T, **scatter_style(style, scatter_kw))
        # Rims of the points that have a text; made before the limits are final, which new artists change.
        rims = ax.scatter([], [], facecolors="none", edgecolors=RIM, linewidths=0.8)
        self._explain(entries)
        sizes = np.broadcast_to(self.points_.get_sizes(), len(points))
        labels = [""] * len(points) if self.labels is None else self.labels
        texts = place_labels(ax, points, labels, n_labels, np.sqrt(sizes) / 2)
        self.texts_ = list(texts.values())
        rims.set(offsets=points[list(texts)], sizes=sizes[list(texts)])
        return self

    def _explain(self, entries: dict[str, str]) -> None:
        """A colour bar of numbers, a legend of categories."""
        self.legend_ = self.colorbar_ = None
        if self.points_.get_array() is not None:
            self.points_.set_cmap(self.points_.get_cmap().with_extremes(bad=MISSING))
            self.colorbar_ = self.figure_.colorbar(self.points_, ax=self.ax_, aspect=40)
        elif entries:
            for category, color in entries.items():
                self.ax_.scatter([], [], s=30, linewidths=0, color=color, label=category)
            width = self.figure_.bbox.width / self.figure_.dpi * CHARACTERS_PER_INCH
            columns = max(1, int(width / (max(map(len, entries)) + 6)))
            self.legend_ = place_legend(self.ax_, among=[self.ax_], columns=columns)


def _colors(color: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What `scatter` is to be told of the colours, and the entries of the legend."""
    if color is None:
        return {"c": PALETTE[0]}, {}
    values = pd.Series(list(color), dtype=object)
    if pd.api.types.infer_dtype(values, skipna=True) in NUMBERS:
        return {"c": values.astype(np.float64), "plotnonfinite": True}, {}
    frequent = [category for category, _ in Counter(values.dropna()).most_common(len(PALETTE))]
    palette = dict(zip(frequent, PALETTE, strict=False))
    colors = [palette.get(value, MISSING) for value in values]
    entries = {str(category): shade for category, shade in palette.items()}
    if MISSING in colors:
        entries.setdefault("others", MISSING)
    return {"c": colors}, entries


def _chosen(space: Any, prefix: str, n_points: int, ids: Any) -> np.ndarray:
    """Row numbers of the ids asked for, else of the points with the largest counts."""
    if prefix and space.name != "feature":
        raise ValueError(f"prefix={prefix!r} chooses features by their names: leave it out for {space.name}s.")
    rows = space.starting(prefix) if prefix else np.arange(len(space.ids))
    if ids is None:
        return rows[np.argsort(-space.counts[rows], kind="stable")[:n_points]]
    asked = space.rows(ids)
    others = np.setdiff1d(asked, rows)
    if len(others):
        raise ValueError(
            f"{space.ids[others[0]]!r} of ids does not start with prefix={prefix!r}: leave one of them out."
        )
    return asked


def _said(said: Captions, source: Any, ids: list[Any]) -> list[Any]:
    """What is said of each id, None where nothing; it is something of one of them at least."""
    values = said.of(source, ids)
    said.warn()
    if ids and all(value is None for value in values.values()):
        raise ValueError(
            f"{said.name} says nothing of the {len(ids)} points, such as {show_id(ids[0])}. Write {said.instead}."
        )
    return list(values.values())
