"""Score against the values of each parameter of a search."""

from __future__ import annotations

import math
import textwrap
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch.inspection._cv_results import (
    SearchResults,
    identity,
    read_search,
    short_names,
    show_score,
    show_value,
)
from sklearn_recsketch.inspection._plotting import (
    ACCENT,
    MUTED,
    draw_failures,
    import_pyplot,
    place_legend,
    tidy,
    whole_ticks,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

__all__ = ["SearchScatterDisplay"]

DECADES = 2  # positive values that span as many are shown on a logarithmic axis
MOST_TICKS = 6  # up to so many values are ticks themselves, if their labels have room
MOST_COLUMNS = 4
PANEL = 2.6  # inches, a panel's width and height
CHARACTERS = 28  # of tick labels that fit below a panel


class SearchScatterDisplay:
    """Test scores of a search against the values of each searched parameter, one panel each.

    The best candidate is highlighted in every panel. A parameter whose positive values span two
    decades has a logarithmic axis; values that are not numbers are categories, with their points
    spread sideways. A candidate without a score, as when its fit failed, is a cross at the bottom.

    Make one with :meth:`from_search`.

    Parameters
    ----------
    values : dict of str to sequence
        For each parameter, its value in each candidate.
    scores : dict of str to array-like
        For each parameter, the test scores of these candidates, higher is better.
    metric : str, default="score"
        Name of the metric, for labels.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure of the panels.
    axes_ : ndarray of matplotlib Axes
        One panel per parameter.
    points_ : list of matplotlib PathCollection
        The scores in each panel.
    legend_ : matplotlib Legend
        Below the panels of a figure that has no others, else in the first panel.

    See Also
    --------
    SearchTraceDisplay : Scores over the epochs or trials.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import SearchScatterDisplay
    >>> from sklearn_recsketch.model_selection import UserHoldoutSplit
    >>> X, y = make_interactions(n_users=200, n_items=80, random_state=0)
    >>> grid = {"alpha": [1, 10, 100], "regularization": [0, 0.01, 1], "confidence": ["linear", "log"]}
    >>> search = GridSearchCV(WRMFRecommender(8, random_state=0), grid, cv=UserHoldoutSplit(random_state=0))
    >>> display = SearchScatterDisplay.from_search(search.fit(X, y))
    >>> [(panel.get_xlabel(), panel.get_xscale()) for panel in display.axes_]
    [('alpha', 'log'), ('confidence', 'linear'), ('regularization', 'symlog')]
    """

    figure_: Figure
    axes_: np.ndarray
    points_: list[PathCollection]
    legend_: Legend

    def __init__(
        self, *, values: Mapping[str, Sequence[Any]], scores: Mapping[str, Any], metric: str = "score"
    ) -> None:
        self.values = values
        self.scores = scores
        self.metric = metric

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        metric: str | None = None,
        parameters: Sequence[str] | None = None,
        resource: str | None = None,
        axes: Any = None,
    ) -> SearchScatterDisplay:
        """Plot the candidates of a fitted search.

        Where candidates were tried at several epochs, each is shown at its best one; the panel of the
        epochs themselves has all of them.

        Parameters
        ----------
        search : fitted search
            Anything with scikit-learn's cv_results_, or a Pipeline that ends in one.
        metric : str, default=None
            The metric to show; None is the only one, or the one that `refit` names.
        parameters : list of str, default=None
            Parameters to show; None is all that have more than one value.
        resource : str, default=None
            The parameter that counts epochs. None is the attribute `resource` of the search, else a
            searched ``max_iter`` if candidates were tried at several values of it.
        axes : array-like of matplotlib Axes, default=None
            One panel per parameter; None makes a figure.

        Returns
        -------
        SearchScatterDisplay
        """
        results = read_search(search, metric, resource)
        shown = {name: _rows(results, name) for name in _parameters(results, parameters)}
        display = cls(
            values={name: [results.params[row][name] for row in rows] for name, rows in shown.items()},
            scores={name: results.test[rows] for name, rows in shown.items()},
            metric=results.metric,
        )
        return display.plot(axes)

    def plot(self, axes: Any = None) -> SearchScatterDisplay:
        """Draw the panels.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            One panel per parameter; None makes a figure.

        Returns
        -------
        SearchScatterDisplay
            The display itself.
        """
        plt = import_pyplot(type(self).__name__)
        n_panels = len(self.values)
        if axes is None:
            n_rows = math.ceil(n_panels / MOST_COLUMNS)
            n_columns = math.ceil(n_panels / n_rows)
            figure, grid = plt.subplots(
                n_rows, n_columns, figsize=(max(4.5, PANEL * n_columns), PANEL * n_rows + 0.6), sharey=True,
                squeeze=False, layout="constrained",
            )  # fmt: skip
            for unused in grid.flat[n_panels:]:
                unused.remove()
            axes = grid.flat[:n_panels]
            for panel in axes:
                tidy(panel)
            figure.align_xlabels(axes)
        self.axes_ = np.ravel(np.array(axes, dtype=object))
        if len(self.axes_) != n_panels:
            raise ValueError(
                f"axes must hold one Axes per parameter, {n_panels} for {list(self.values)}, got {len(self.axes_)}."
            )
        self.figure_ = self.axes_[0].figure
        scores = {name: np.asarray(values, dtype=np.float64) for name, values in self.scores.items()}
        best = np.nanmax(np.concatenate(list(scores.values())))
        short = short_names(self.values)
        self.points_ = []
        for panel, name in zip(self.axes_, self.values, strict=True):
            self.points_.append(_draw(panel, self.values[name], scores[name], best))
            panel.set_xlabel(short[name])
            place = panel.get_subplotspec()
            if place is None or place.is_first_col():
                panel.set_ylabel(f"test {self.metric}")
        self.legend_ = place_legend(self.axes_[0], among=self.axes_, columns=3)
        # Scores are compared across panels, also across those of a user who did not share their scale.
        free = [panel for panel in self.axes_ if panel.get_autoscaley_on()]
        limits = np.array([panel.get_ylim() for panel in free])
        for panel in free:
            panel.set_ylim(limits[:, 0].min(), limits[:, 1].max(), auto=True)
        return self


def _parameters(results: SearchResults, asked: Sequence[str] | None) -> list[str]:
    """The parameters to show."""
    if asked is not None:
        if not len(asked):
            raise ValueError(f"parameters is empty: name at least one of {results.names}, or leave it out for all.")
        for name in asked:
            if name not in results.names:
                raise ValueError(f"parameters must be among the searched ones {results.names}, got {name!r}.")
        return list(asked)
    varied = [name for name in results.names if len({identity(row[name]) for row in results.params if name in row}) > 1]
    if not varied:
        raise ValueError(
            f"The search has no parameter with more than one value to show, among {results.names}. "
            f"Name those to show all the same: parameters={results.names[:1]}."
        )
    return varied


def _rows(results: SearchResults, name: str) -> np.ndarray:
    """The rows shown in the panel of a parameter."""
    rows: list[int] = []
    for candidate in results.candidates:
        if name == results.resource and candidate.best is not None:
            # Epochs a pruned candidate did not reach are no failures.
            rows += [row for row in candidate.rows if not np.isnan(results.test[row])]
        elif name == results.resource:
            rows += list(candidate.rows)
        else:
            rows.append(candidate.rows[0] if candidate.best is None else candidate.best)
    return np.array([row for row in rows if name in results.params[row]], dtype=np.intp)


def _draw(panel: Axes, values: Sequence[Any], scores: np.ndarray, best: float) -> PathCollection:
    if all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in values):
        x = np.array(values, dtype=np.float64)
        _number_axis(panel, x, integer=all(isinstance(value, Integral) for value in values))
    else:
        x = _category_axis(panel, values)
    failed = np.isnan(scores)
    # The more points, the fainter: hundreds at one value of a grid would be a solid bar.
    alpha = float(np.clip(6 / np.sqrt(len(x)), 0.1, 0.6))
    points = panel.scatter(x[~failed], scores[~failed], s=18, color=MUTED, alpha=alpha, linewidths=0)
    # The sample of the legend, which must not be as faint.
    panel.scatter([], [], s=18, color=MUTED, alpha=0.6, linewidths=0, label="a candidate")
    top = np.flatnonzero(scores == best)[:1]
    if len(top):
        panel.scatter(
            x[top], scores[top], s=60, color=ACCENT, edgecolors="white", linewidths=1, zorder=3,
            label=f"the best: {show_score(best)}",
        )  # fmt: skip
    draw_failures(panel, x[failed])
    return points


def _number_axis(panel: Axes, x: np.ndarray, integer: bool) -> None:
    values = np.unique(x)
    positive = values[values > 0]
    if values[0] >= 0 and len(positive) and positive[-1] >= 10**DECADES * positive[0]:
        decades = np.log10(positive[-1] / positive[0])
        if values[0] > 0:
            panel.set_xscale("log")
        else:
            # Zero has a place of its own, somewhat before the smallest of the others.
            panel.set_xscale("symlog", linthresh=positive[0], linscale=max(0.5, 0.15 * decades))
            first, last = math.ceil(np.log10(positive[0])), math.floor(np.log10(positive[-1]))
            powers = range(first, last + 1, math.ceil((last - first + 1) / 4))
            panel.set_xticks([0, *(10.0**k for k in powers)], ["0", *(f"$10^{{{k}}}$" for k in powers)])
        panel.minorticks_off()
    elif integer:
        whole_ticks(panel)
    labels = [show_value(value) for value in values[: MOST_TICKS + 1]]
    if 1 < len(values) <= MOST_TICKS and _fits(panel.xaxis.get_transform().transform(values), labels):
        panel.set_xticks(values, labels)


def _fits(places: np.ndarray, labels: list[str]) -> bool:
    """Whether labels centred at these places leave a gap between each other."""
    needed = np.convolve([len(label) for label in labels], [0.5, 0.5], mode="valid") + 1
    return bool((np.diff(places) / np.ptp(places) * CHARACTERS >= needed).all())


def _category_axis(panel: Axes, values: Sequence[Any]) -> np.ndarray:
    """Ticks at categories; returns each value's place, spread sideways."""
    keys = [identity(value) for value in values]
    categories = sorted(dict(zip(keys, values, strict=True)).items(), key=lambda item: _order(item[1]))
    place = {key: position for position, (key, _) in enumerate(categories)}
    labels = [show_value(value) for _, value in categories]
    room = CHARACTERS // len(labels) - 1
    style: dict[str, Any] = {}
    if max(map(len, labels)) > room >= 8:
        labels = ["\n".join(textwrap.wrap(label, room)) for label in labels]
    elif max(map(len, labels)) > room:
        style = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    panel.set_xticks(range(len(labels)), labels, **style)
    panel.set_xlim(-0.5, len(labels) - 0.5)
    # The same picture each time.
    spread = np.random.RandomState(0).uniform(-0.18, 0.18, len(values))
    return np.array([place[key] for key in keys]) + spread


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, then others by name."""
    number = isinstance(value, Real)
    return (not number, float(value) if number else 0.0, str(value))
