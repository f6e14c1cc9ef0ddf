"""Plot the scores of a search against the values of each parameter."""

from __future__ import annotations

import math
import textwrap
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch.inspection._cv_results import (
    SearchResults,
    hashable_key,
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

MIN_DECADES = 2  # the axis is logarithmic if the positive values span at least this many decades
MAX_TICKS = 6  # maximum number of distinct values for which each value has its own tick, if the labels fit
MAX_COLUMNS = 4
PANEL_SIZE = 2.6  # width and height of a panel in inches
MAX_CHARACTERS = 28  # total length of the tick labels that fit below a panel


class SearchScatterDisplay:
    """Scatter plots of the test scores of a search, with one panel per parameter.

    Each panel shows the scores of the candidates against the values of one parameter. The best candidate is highlighted
    in every panel. If the positive values of a parameter span at least two orders of magnitude, its axis is
    logarithmic. Values that are not numbers are shown as categories, with horizontal jitter. Candidates without a score
    are shown as crosses at the bottom of the panel. For example, a candidate has no score if all its fits failed.

    It is recommended to use :meth:`from_search` to create a `SearchScatterDisplay`.

    Parameters
    ----------
    values : dict of str to sequence
        For each parameter, its value in each candidate.
    scores : dict of str to array-like
        For each parameter, the test scores of the same candidates. Higher is better.
    metric : str, default="score"
        Name of the metric, for the axis labels.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the panels.
    axes_ : ndarray of matplotlib Axes
        Panels of the plot, one per parameter.
    points_ : list of matplotlib PathCollection
        Points in each panel.
    legend_ : matplotlib Legend
        Legend. It is placed below the panels, or inside the first panel if the figure also contains other panels.

    See Also
    --------
    SearchTraceDisplay : Plot test scores over epochs or trials.

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
        """Plot the test scores of all candidates of a fitted search.

        If the candidates were evaluated at several epochs, each candidate is shown at its best epoch. The panel for the
        number of epochs is an exception: it shows the candidates at all epochs.

        Parameters
        ----------
        search : fitted search
            Search that has the attribute ``cv_results_``, such as scikit-learn's `GridSearchCV`. It may also be a
            Pipeline whose last step is a search.
        metric : str, default=None
            Metric to show. If None and there are several metrics, the metric named by `refit` is shown.
        parameters : list of str, default=None
            Parameters to show. If None, all parameters with more than one value are shown.
        resource : str, default=None
            Name of the parameter that sets the number of epochs. If None, the search's `resource` attribute is used if
            it is the name of a searched parameter. Otherwise, ``max_iter`` is used if the candidates were evaluated
            with several values of ``max_iter``.
        axes : array-like of matplotlib Axes, default=None
            Axes to plot into, one per parameter. If None, a new figure is created.

        Returns
        -------
        SearchScatterDisplay
            Display that contains the plots.
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
        """Plot the scores in one panel per parameter.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            Axes to plot into, one per parameter. If None, a new figure is created.

        Returns
        -------
        SearchScatterDisplay
            This display.
        """
        plt = import_pyplot(type(self).__name__)
        n_panels = len(self.values)
        if axes is None:
            n_rows = math.ceil(n_panels / MAX_COLUMNS)
            n_columns = math.ceil(n_panels / n_rows)
            figure, grid = plt.subplots(
                n_rows, n_columns, figsize=(max(4.5, PANEL_SIZE * n_columns), PANEL_SIZE * n_rows + 0.6), sharey=True,
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
                f"axes must contain one Axes per parameter, {n_panels} for {list(self.values)}, got {len(self.axes_)}."
            )
        self.figure_ = self.axes_[0].figure
        scores = {name: np.asarray(values, dtype=np.float64) for name, values in self.scores.items()}
        best = np.nanmax(np.concatenate(list(scores.values())))
        short = short_names(self.values)
        self.points_ = []
        for panel, name in zip(self.axes_, self.values, strict=True):
            self.points_.append(_draw(panel, self.values[name], scores[name], best))
            panel.set_xlabel(short[name])
            subplot = panel.get_subplotspec()
            if subplot is None or subplot.is_first_col():
                panel.set_ylabel(f"test {self.metric}")
        self.legend_ = place_legend(self.axes_[0], among=self.axes_, columns=3)
        # Use the same vertical limits in all panels, even if the user passed axes that do not share their limits.
        autoscaled = [panel for panel in self.axes_ if panel.get_autoscaley_on()]
        limits = np.array([panel.get_ylim() for panel in autoscaled])
        for panel in autoscaled:
            panel.set_ylim(limits[:, 0].min(), limits[:, 1].max(), auto=True)
        return self


def _parameters(results: SearchResults, names: Sequence[str] | None) -> list[str]:
    """Return the names of the parameters to show."""
    if names is not None:
        if not len(names):
            raise ValueError(f"parameters is empty. Pass at least one of {results.names}, or None for all.")
        for name in names:
            if name not in results.names:
                raise ValueError(f"parameters must be among the searched parameters {results.names}, got {name!r}.")
        return list(names)
    varied = [
        name for name in results.names if len({hashable_key(row[name]) for row in results.params if name in row}) > 1
    ]
    if not varied:
        raise ValueError(
            f"None of the parameters {results.names} of the search has more than one value. "
            f"Pass the parameters to show, such as parameters={results.names[:1]}."
        )
    return varied


def _rows(results: SearchResults, name: str) -> np.ndarray:
    """Return the rows of ``cv_results_`` that the panel of this parameter shows."""
    rows: list[int] = []
    for candidate in results.candidates:
        if name == results.resource and candidate.best is not None:
            # If a pruned candidate did not reach an epoch, this is not a failure.
            rows += [row for row in candidate.rows if not np.isnan(results.test[row])]
        elif name == results.resource:
            rows += list(candidate.rows)
        else:
            rows.append(candidate.rows[0] if candidate.best is None else candidate.best)
    return np.array([row for row in rows if name in results.params[row]], dtype=np.intp)


def _draw(panel: Axes, values: Sequence[Any], scores: np.ndarray, best: float) -> PathCollection:
    """Draw the panel of a parameter, and return its points."""
    if all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in values):
        x = np.array(values, dtype=np.float64)
        _number_axis(panel, x, integer=all(isinstance(value, Integral) for value in values))
    else:
        x = _category_axis(panel, values)
    failed = np.isnan(scores)
    # The more points there are, the fainter they are drawn. Hundreds of points at the same value would look like a
    # solid bar.
    alpha = float(np.clip(6 / np.sqrt(len(x)), 0.1, 0.6))
    points = panel.scatter(x[~failed], scores[~failed], s=18, color=MUTED, alpha=alpha, linewidths=0)
    # Add an empty artist for the legend, which would otherwise be as faint as the points.
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
    """Choose the axis scale and the ticks for a numeric parameter."""
    values = np.unique(x)
    positive = values[values > 0]
    if values[0] >= 0 and len(positive) and positive[-1] >= 10**MIN_DECADES * positive[0]:
        decades = np.log10(positive[-1] / positive[0])
        if values[0] > 0:
            panel.set_xscale("log")
        else:
            # Show zero to the left of the smallest positive value.
            panel.set_xscale("symlog", linthresh=positive[0], linscale=max(0.5, 0.15 * decades))
            first, last = math.ceil(np.log10(positive[0])), math.floor(np.log10(positive[-1]))
            powers = range(first, last + 1, math.ceil((last - first + 1) / 4))
            panel.set_xticks([0, *(10.0**k for k in powers)], ["0", *(f"$10^{{{k}}}$" for k in powers)])
        panel.minorticks_off()
    elif integer:
        whole_ticks(panel)
    labels = [show_value(value) for value in values[: MAX_TICKS + 1]]
    if 1 < len(values) <= MAX_TICKS and _fits(panel.xaxis.get_transform().transform(values), labels):
        panel.set_xticks(values, labels)


def _fits(positions: np.ndarray, labels: list[str]) -> bool:
    """Return whether there is enough space for labels that are centred at the given positions."""
    needed = np.convolve([len(label) for label in labels], [0.5, 0.5], mode="valid") + 1
    return bool((np.diff(positions) / np.ptp(positions) * MAX_CHARACTERS >= needed).all())


def _category_axis(panel: Axes, values: Sequence[Any]) -> np.ndarray:
    """Add a tick for each category, and return a jittered position for each value."""
    keys = [hashable_key(value) for value in values]
    categories = sorted(dict(zip(keys, values, strict=True)).items(), key=lambda item: _order(item[1]))
    positions = {key: position for position, (key, _) in enumerate(categories)}
    labels = [show_value(value) for _, value in categories]
    width = MAX_CHARACTERS // len(labels) - 1
    style: dict[str, Any] = {}
    if max(map(len, labels)) > width >= 8:
        labels = ["\n".join(textwrap.wrap(label, width)) for label in labels]
    elif max(map(len, labels)) > width:
        style = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    panel.set_xticks(range(len(labels)), labels, **style)
    panel.set_xlim(-0.5, len(labels) - 0.5)
    # A fixed seed makes the plot reproducible.
    jitter = np.random.RandomState(0).uniform(-0.18, 0.18, len(values))
    return np.array([positions[key] for key in keys]) + jitter


def _order(value: Any) -> tuple[bool, float, str]:
    """Return a sort key. Numbers come first and are sorted by value. All other values are sorted by name."""
    number = isinstance(value, Real)
    return (not number, float(value) if number else 0.0, str(value))
