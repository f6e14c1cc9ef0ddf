"""What makes up the score of an item, as bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw
import numpy as np

from sklearn_recsketch.inspection._explain import explain
from sklearn_recsketch.inspection._plotting import MUTED, PALETTE, import_pyplot, tidy
from sklearn_recsketch.utils._compat import _validate_style_kwargs
from sklearn_recsketch.utils._validation import check_id_list

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        Whose explanation it is, for the title.

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
        names: Mapping[Any, str] | None = None,
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
        names : mapping of id to str, default=None
            Titles of items, such as ``load_likes(path).names``; an item without one is shown by its id.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **bar_kw : dict
            Passed to matplotlib's `barh`.

        Returns
        -------
        ExplanationDisplay
        """
        explanation = explain(estimator, user, item, by=by, history=history)
        # As the model has them: 7 where 7.0 was written.
        ids = {name: check_id_list(id_, name).ids[0] for name, id_ in (("user", user), ("item", item))}
        display = cls(explanation=explanation, **ids)
        return display.plot(ax, n_bars=n_bars, names=names, **bar_kw)

    def plot(
        self, ax: Any = None, *, n_bars: int = 10, names: Mapping[Any, str] | None = None, **bar_kw: Any
    ) -> ExplanationDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        n_bars : int, default=10
            Largest contributions with a bar of their own.
        names : mapping of id to str, default=None
            Titles of items; an item without one is shown by its id.
        **bar_kw : dict
            Passed to matplotlib's `barh`.

        Returns
        -------
        ExplanationDisplay
            The display itself.
        """
        plt = import_pyplot(type(self).__name__)
        titles = {} if names is None else {str(id_): title for id_, title in names.items()}
        rows, nearest = self._read(titles)
        bars = _largest(rows, n_bars)
        widths = np.array([bar.width for bar in bars])
        if ax is None:
            _, ax = plt.subplots(figsize=(7.2, 1.4 + 0.28 * len(bars) + 0.2 * len(nearest)), layout="constrained")
            tidy(ax)
            ax.spines["left"].set_visible(False)
            ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        places = np.arange(len(bars))[::-1]
        style = _validate_style_kwargs({"color": [bar.color for bar in bars], "height": 0.7}, bar_kw)
        self.bars_ = ax.barh(places, widths, **style)
        # As many decimals as give the longest bar three digits.
        decimals = max(0, 2 - math.floor(math.log10(np.abs(widths).max() or 1)))
        ax.bar_label(self.bars_, fmt=f"{{:+.{decimals}f}}", padding=3, fontsize="small")
        ax.axvline(0, color="black", linewidth=0.8)
        ax.margins(x=0.2)
        ax.locator_params(axis="x", nbins=6)
        ax.set_ylim(-0.6, len(bars) - 0.4)
        # What a title has between two dollars is no formula.
        ax.set_yticks(places, [bar.label for bar in bars], parse_math=False)
        ax.set_xlabel("\n".join(["contribution to the score", *nearest]), parse_math=False)
        ax.set_title(self._title(f"score {widths.sum():.{decimals}f}", titles), parse_math=False)
        return self

    def _read(self, titles: Mapping[str, str]) -> tuple[list[_Bar], list[str]]:
        """A bar for each contribution; lines that name the most similar past items, where these have none."""
        table = nw.from_native(self.explanation, eager_only=True)
        bars: list[_Bar] = []
        nearest: list[str] = []
        # As arrays, what is missing is NaN in any library.
        numbers = (table[column].to_numpy() for column in ("contribution", "similarity"))
        for source, name, contribution, similarity in zip(table["source"], table["name"], *numbers, strict=True):
            label = OWN_LABELS.get(source) or _shown(name, titles if source == "history" else {})
            if not np.isnan(contribution):
                color = MUTED if source == "remainder" else POSITIVE if contribution >= 0 else NEGATIVE
                bars.append(_Bar(label, float(contribution), color))
            elif source == "history" and len(nearest) < N_NEAREST:
                nearest.append(f"{label} ({similarity:.2f})")
        return bars, ["", "most similar past items (cosine)", *nearest] if nearest else []

    def _title(self, score: str, titles: Mapping[str, str]) -> str:
        item = self.item if str(self.item) in titles else f"item {self.item}"
        lines = [] if self.item is None else [_shown(item, titles)]
        return "\n".join([*lines, score if self.user is None else f"user {self.user}: {score}"])


class _Bar(NamedTuple):
    label: str
    width: float
    color: str


def _largest(bars: list[_Bar], n_bars: int) -> list[_Bar]:
    """The longest bars in their order, and the sum of the others."""
    if not isinstance(n_bars, int | np.integer) or isinstance(n_bars, bool) or n_bars < 1:
        raise ValueError(f"n_bars must be an int of at least 1, got {n_bars!r}.")
    if not bars:
        raise ValueError("There is no bar to show: no row of the explanation has a contribution.")
    ranked = sorted(range(len(bars)), key=lambda row: -abs(bars[row].width))
    rest = ranked[n_bars:]
    if len(rest) < 2:
        return bars
    others = _Bar(f"{len(rest)} others", sum(bars[row].width for row in rest), MUTED)
    return [*(bars[row] for row in sorted(ranked[:n_bars])), others]


def _shown(name: Any, titles: Mapping[str, str]) -> str:
    """A name or its title, on one line and not too long."""
    text = " ".join(str(titles.get(str(name), name)).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1].rstrip()}…"
