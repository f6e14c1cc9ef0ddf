"""Plot the contributions to the score of an item for a user."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw
import numpy as np

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch.inspection._explain import explain
from sklearn_recsketch.inspection._plotting import MUTED, PALETTE, import_pyplot, tidy
from sklearn_recsketch.inspection._values_by_id import IdValueReader, ValuesById, shorten
from sklearn_recsketch.utils._compat import _validate_style_kwargs
from sklearn_recsketch.utils._scalars import to_python_scalar
from sklearn_recsketch.utils._validation import check_integer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

__all__ = ["ExplanationDisplay"]

POSITIVE, NEGATIVE = PALETTE[:2]
MAX_LABEL_LENGTH = 36  # in characters
N_SIMILAR = 3  # number of similar past items listed below the plot
SOURCE_LABELS = {
    "item": "the item itself",
    "mean item": "the mean item",
    "mean user": "the mean user",
    "bias": "bias: the same for every user",
    "remainder": "remainder",
}


class ExplanationDisplay:
    """Bar plot of the contributions to a score, with the largest contribution on top.

    The smallest contributions are combined into one additional bar, so that the bars always sum to the score. In
    explanations of WARP and BPR scores, past interactions have no contribution and no bar. Instead, the most similar
    past items are listed below the plot.

    It is recommended to use :meth:`from_estimator` to create an `ExplanationDisplay`.

    Parameters
    ----------
    explanation : frame with columns source, name, contribution, similarity
        Table returned by :func:`explain`.
    user, item : id, default=None
        User and item of the explained score. They are shown in the title. If `item` is an integer, the ids of past
        items are converted to integers, because a table that also contains feature names may store ids as text.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the plot.
    ax_ : matplotlib Axes
        Axes of the plot.
    bars_ : matplotlib BarContainer
        Bars of the plot, from top to bottom.

    See Also
    --------
    explain : Return the contributions as a table.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import ExplanationDisplay
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y)
    >>> best = rec.recommend(7, k=1)
    >>> display = ExplanationDisplay.from_estimator(rec, 7, best["item"][0], n_bars=4)
    >>> bool(abs(sum(bar.get_width() for bar in display.bars_) - best["score"][0]) < 1e-5)
    True
    """

    figure_: Figure
    ax_: Axes
    bars_: BarContainer

    def __init__(self, *, explanation: Any, user: Any = None, item: Any = None) -> None:
        self.explanation = explanation
        self.user = user
        self.item = item

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        user: Any,
        item: Any,
        *,
        by: str | None = None,
        history: Any = None,
        n_bars: int = 10,
        titles: ValuesById = None,
        ax: Any = None,
        **bar_kw: Any,
    ) -> ExplanationDisplay:
        """Plot the contributions to the score of an item for a user.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted estimator that learns embeddings.
        user, item : id
            User and item whose score is explained, as in :func:`explain`.
        by : {"history", "features"}, default=None
            Whether to split the score among past interactions or among features, as in :func:`explain`.
        history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            Interactions of the user, as in :func:`explain`.
        n_bars : int, default=10
            Number of contributions that have their own bar. All other contributions are combined into one bar.
        titles : mapping, Series or callable, default=None
            Item titles keyed by id, such as ``load_likes(path).names``. Items without a title are labelled with their
            id.
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **bar_kw : dict
            Keyword arguments passed to matplotlib's `barh`.

        Returns
        -------
        ExplanationDisplay
            Display that contains the plot.

        Raises
        ------
        TypeError, ValueError
            If :func:`explain` raises an error, if `titles` is neither a mapping nor a function, or if the keys of
            `titles` are text and the item ids are not, or vice versa.

        Warns
        -----
        UserWarning
            If a function passed as `titles` raises an exception for some items. These items are labelled with their id.
        """
        explanation = explain(estimator, user, item, by=by, history=history)
        # Convert the ids to the type that the model uses, for example 7.0 to 7.
        ids = {name: check_id_list(id_, name).ids[0] for name, id_ in (("user", user), ("item", item))}
        display = cls(explanation=explanation, **ids)
        return display.plot(ax, n_bars=n_bars, titles=titles, **bar_kw)

    def plot(self, ax: Any = None, *, n_bars: int = 10, titles: ValuesById = None, **bar_kw: Any) -> ExplanationDisplay:
        """Plot one bar per contribution.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        n_bars : int, default=10
            Number of contributions that have their own bar. All other contributions are combined into one bar.
        titles : mapping, Series or callable, default=None
            Item titles keyed by id. Items without a title are labelled with their id.
        **bar_kw : dict
            Keyword arguments passed to matplotlib's `barh`.

        Returns
        -------
        ExplanationDisplay
            This display.
        """
        plt = import_pyplot(type(self).__name__)
        rows = self._rows()
        bars = _largest([row for row in rows if not np.isnan(row.contribution)], n_bars)
        similar = [row for row in rows if row.source == "history" and np.isnan(row.contribution)][:N_SIMILAR]
        # Only read the titles that are drawn, because `titles` may be a slow function.
        title_of = self._read(titles, [*bars, *similar])
        widths = np.array([bar.contribution for bar in bars])
        if ax is None:
            _, ax = plt.subplots(figsize=(7.2, 1.4 + 0.28 * len(bars) + 0.2 * len(similar)), layout="constrained")
            tidy(ax)
            ax.spines["left"].set_visible(False)
            ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        places = np.arange(len(bars))[::-1]
        style = _validate_style_kwargs({"color": [_color(bar) for bar in bars], "height": 0.7}, bar_kw)
        self.bars_ = ax.barh(places, widths, **style)
        # Show the largest contribution with three significant digits.
        decimals = max(0, 2 - math.floor(math.log10(np.abs(widths).max() or 1)))
        ax.bar_label(self.bars_, fmt=f"{{:+.{decimals}f}}", padding=3, fontsize="small")
        ax.axvline(0, color="black", linewidth=0.8)
        ax.margins(x=0.2)
        ax.locator_params(axis="x", nbins=6)
        ax.set_ylim(-0.6, len(bars) - 0.4)
        # Do not interpret dollar signs in titles as formula delimiters.
        ax.set_yticks(places, [_label(bar, title_of) for bar in bars], parse_math=False)
        lines = [f"{_label(row, title_of)} ({row.similarity:.2f})" for row in similar]
        below = ["", "most similar past items (cosine)", *lines] if lines else []
        ax.set_xlabel("\n".join(["contribution to the score", *below]), parse_math=False)
        ax.set_title(self._title(f"score {widths.sum():.{decimals}f}", title_of), parse_math=False)
        return self

    def _rows(self) -> list[_Row]:
        """Return the rows of the table. The ids of past items have the same type as the id of the explained item."""
        table = nw.from_native(self.explanation, eager_only=True)
        # Missing values become NaN in the NumPy arrays, regardless of the library that the table comes from.
        numbers = (table[column].to_numpy() for column in ("contribution", "similarity"))
        return [
            _Row(source, self._past_id(name) if source == "history" else name, *map(float, values))
            for source, name, *values in zip(table["source"], table["name"], *numbers, strict=True)
        ]

    def _past_id(self, name: Any) -> Any:
        return int(name) if isinstance(self.item, int | np.integer) else to_python_scalar(name)

    def _read(self, titles: ValuesById, rows: list[_Row]) -> dict[Any, str | None]:
        """Return the titles of the explained item and of the past items in `rows`, keyed by id."""
        past = [row.name for row in rows if row.source == "history"]
        reader = IdValueReader("titles", "titles={id: text}")
        title_of = reader.read(titles, past if self.item is None else [to_python_scalar(self.item), *past])
        reader.warn_failures()
        return title_of

    def _title(self, score: str, title_of: dict[Any, str | None]) -> str:
        """Return the title of the plot, which shows the item, the user and the score."""
        lines = (
            []
            if self.item is None
            else [shorten(title_of[to_python_scalar(self.item)] or f"item {self.item}", MAX_LABEL_LENGTH)]
        )
        return "\n".join([*lines, score if self.user is None else f"user {self.user}: {score}"])


class _Row(NamedTuple):
    """Row of an explanation table."""

    source: str
    name: Any
    contribution: float
    similarity: float = np.nan


def _label(row: _Row, title_of: dict[Any, str | None]) -> str:
    """Return the label of a bar, such as an item title or a feature name."""
    title = title_of.get(row.name) if row.source == "history" else SOURCE_LABELS.get(row.source)
    return shorten(title or str(row.name), MAX_LABEL_LENGTH)


def _color(row: _Row) -> str:
    if row.source in ("remainder", "others"):
        return MUTED
    return POSITIVE if row.contribution >= 0 else NEGATIVE


def _largest(bars: list[_Row], n_bars: int) -> list[_Row]:
    """Return the `n_bars` longest bars in their original order, followed by the sum of all other bars."""
    n_bars = check_integer(n_bars, "n_bars")
    if not bars:
        raise ValueError("explanation has no rows with a contribution, so there are no bars to plot.")
    ranked = sorted(range(len(bars)), key=lambda row: -abs(bars[row].contribution))
    rest = ranked[n_bars:]
    if len(rest) < 2:
        return bars
    others = _Row("others", f"{len(rest)} others", sum(bars[row].contribution for row in rest))
    return [*(bars[row] for row in sorted(ranked[:n_bars])), others]
