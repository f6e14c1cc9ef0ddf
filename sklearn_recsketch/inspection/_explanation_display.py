"""What makes up the score of an item, as bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw
import numpy as np

from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch.inspection._captions import ById, Captions, shorten
from sklearn_recsketch.inspection._explain import explain
from sklearn_recsketch.inspection._plotting import MUTED, PALETTE, import_pyplot, tidy
from sklearn_recsketch.utils._compat import _validate_style_kwargs
from sklearn_recsketch.utils._scalars import to_python_scalar
from sklearn_recsketch.utils._validation import check_integer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

__all__ = ["ExplanationDisplay"]

POSITIVE, NEGATIVE = PALETTE[:2]
WIDEST = 36  # characters of a label
N_NEAREST = 3  # past items named
OWN_LABELS = {
    "item": "the item itself",
    "mean item": "the mean item",
    "mean user": "the mean user",
    "bias": "bias: the same for every user",
    "remainder": "remainder",
}


class ExplanationDisplay:
    """The contributions to a score as bars, the largest on top.

    Small contributions are summed up in one more bar, so that the bars always sum to the score. Past interactions that
    have no contribution, as those of WARP and BPR, are no bars: the most similar ones are named below.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    explanation : frame with columns source, name, contribution, similarity
        As :func:`explain` returns it.
    user, item : id, default=None
        Whose explanation it is, for the title. Where the item is an integer, so are the ids of past items: tables
        that name features beside them may have these as text.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure of the plot.
    ax_ : matplotlib Axes
        The plot.
    bars_ : matplotlib BarContainer
        The bars, from the top.

    See Also
    --------
    explain : The same as a table.

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
        titles: ById = None,
        ax: Any = None,
        **bar_kw: Any,
    ) -> ExplanationDisplay:
        """Plot why a model scores this item so for this user.

        Parameters
        ----------
        estimator : recommender, or search or Pipeline that ends in one
            Fitted; it has to learn embeddings.
        user, item : id
            As in :func:`explain`.
        by : {"history", "features"}, default=None
            As in :func:`explain`.
        history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            As in :func:`explain`.
        n_bars : int, default=10
            Largest contributions with a bar of their own.
        titles : mapping, Series or callable, default=None
            Titles of items by id, such as ``load_likes(path).names``; an item without one is shown by its id.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **bar_kw : dict
            Passed to matplotlib's `barh`.

        Returns
        -------
        ExplanationDisplay

        Raises
        ------
        TypeError, ValueError
            As in :func:`explain`, and for titles that are neither a mapping nor a function, or by ids of another kind.

        Warns
        -----
        UserWarning
            Where a function of titles raises. The other bars are not lost.
        """
        explanation = explain(estimator, user, item, by=by, history=history)
        # As the model has them: 7 where 7.0 was written.
        ids = {name: check_id_list(id_, name).ids[0] for name, id_ in (("user", user), ("item", item))}
        display = cls(explanation=explanation, **ids)
        return display.plot(ax, n_bars=n_bars, titles=titles, **bar_kw)

    def plot(self, ax: Any = None, *, n_bars: int = 10, titles: ById = None, **bar_kw: Any) -> ExplanationDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        n_bars : int, default=10
            Largest contributions with a bar of their own.
        titles : mapping, Series or callable, default=None
            Titles of items by id; an item without one is shown by its id.
        **bar_kw : dict
            Passed to matplotlib's `barh`.

        Returns
        -------
        ExplanationDisplay
            The display itself.
        """
        plt = import_pyplot(type(self).__name__)
        rows = self._rows()
        bars = _largest([row for row in rows if not np.isnan(row.contribution)], n_bars)
        nearest = [row for row in rows if row.source == "history" and np.isnan(row.contribution)][:N_NEAREST]
        # Of what is drawn alone: a function of the id may be slow.
        known = self._read(titles, [*bars, *nearest])
        widths = np.array([bar.contribution for bar in bars])
        if ax is None:
            _, ax = plt.subplots(figsize=(7.2, 1.4 + 0.28 * len(bars) + 0.2 * len(nearest)), layout="constrained")
            tidy(ax)
            ax.spines["left"].set_visible(False)
            ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        places = np.arange(len(bars))[::-1]
        style = _validate_style_kwargs({"color": [_color(bar) for bar in bars], "height": 0.7}, bar_kw)
        self.bars_ = ax.barh(places, widths, **style)
        # As many decimals as give the longest bar three digits.
        decimals = max(0, 2 - math.floor(math.log10(np.abs(widths).max() or 1)))
        ax.bar_label(self.bars_, fmt=f"{{:+.{decimals}f}}", padding=3, fontsize="small")
        ax.axvline(0, color="black", linewidth=0.8)
        ax.margins(x=0.2)
        ax.locator_params(axis="x", nbins=6)
        ax.set_ylim(-0.6, len(bars) - 0.4)
        # What a title has between two dollars is no formula.
        ax.set_yticks(places, [_label(bar, known) for bar in bars], parse_math=False)
        lines = [f"{_label(row, known)} ({row.similarity:.2f})" for row in nearest]
        below = ["", "most similar past items (cosine)", *lines] if lines else []
        ax.set_xlabel("\n".join(["contribution to the score", *below]), parse_math=False)
        ax.set_title(self._title(f"score {widths.sum():.{decimals}f}", known), parse_math=False)
        return self

    def _rows(self) -> list[_Row]:
        """The table, with ids of past items of the same kind as that of the item explained."""
        table = nw.from_native(self.explanation, eager_only=True)
        # As arrays, what is missing is NaN in any library.
        numbers = (table[column].to_numpy() for column in ("contribution", "similarity"))
        return [
            _Row(source, self._past_id(name) if source == "history" else name, *map(float, values))
            for source, name, *values in zip(table["source"], table["name"], *numbers, strict=True)
        ]

    def _past_id(self, name: Any) -> Any:
        return int(name) if isinstance(self.item, int | np.integer) else to_python_scalar(name)

    def _read(self, titles: ById, rows: list[_Row]) -> dict[Any, str | None]:
        """Titles of the items that are drawn."""
        past = [row.name for row in rows if row.source == "history"]
        said = Captions("titles", "titles={id: text}")
        known = said.of(titles, past if self.item is None else [to_python_scalar(self.item), *past])
        said.warn()
        return known

    def _title(self, score: str, titles: dict[Any, str | None]) -> str:
        lines = (
            [] if self.item is None else [shorten(titles[to_python_scalar(self.item)] or f"item {self.item}", WIDEST)]
        )
        return "\n".join([*lines, score if self.user is None else f"user {self.user}: {score}"])


class _Row(NamedTuple):
    """A row of an explanation."""

    source: str
    name: Any
    contribution: float
    similarity: float = np.nan


def _label(row: _Row, titles: dict[Any, str | None]) -> str:
    """What a bar is called: an item by its title, a feature by its name."""
    title = titles.get(row.name) if row.source == "history" else OWN_LABELS.get(row.source)
    return shorten(title or str(row.name), WIDEST)


def _color(row: _Row) -> str:
    if row.source in ("remainder", "others"):
        return MUTED
    return POSITIVE if row.contribution >= 0 else NEGATIVE


def _largest(bars: list[_Row], n_bars: int) -> list[_Row]:
    """The longest bars in their order, and the sum of the others."""
    n_bars = check_integer(n_bars, "n_bars")
    if not bars:
        raise ValueError("There is no bar to show: no row of the explanation has a contribution.")
    ranked = sorted(range(len(bars)), key=lambda row: -abs(bars[row].contribution))
    rest = ranked[n_bars:]
    if len(rest) < 2:
        return bars
    others = _Row("others", f"{len(rest)} others", sum(bars[row].contribution for row in rest))
    return [*(bars[row] for row in sorted(ranked[:n_bars])), others]
