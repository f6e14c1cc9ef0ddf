"""Plot the scores of all candidates of a search over epochs or trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch.inspection._cv_results import read_search, show_params, show_score
from sklearn_recsketch.inspection._plotting import (
    ACCENT,
    MUTED,
    draw_failures,
    import_pyplot,
    place_legend,
    tidy,
    whole_ticks,
)
from sklearn_recsketch.utils._compat import _validate_style_kwargs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

__all__ = ["SearchTraceDisplay"]

MIN_ALPHA = 0.12  # high enough to see a single trace, but so low that hundreds of traces do not become a black area


class SearchTraceDisplay:
    """Plot of the test scores of a search, with the best candidate on top.

    If the candidates were evaluated at several epochs, the plot shows one curve of scores per candidate. The lower the
    best score of a candidate, the fainter its curve. The curve of a pruned candidate ends at the epoch at which it was
    pruned. For all other searches, the plot shows one score per trial, in the order of the trials. It also shows the
    best score so far.

    It is recommended to use :meth:`from_search` to create a `SearchTraceDisplay`.

    Parameters
    ----------
    scores : list of array-like, or array-like of shape (n_trials,)
        Test scores. Higher is better. If `epochs` is given, pass one array per candidate. Otherwise, pass one score per
        trial. NaN values are omitted from the curves. If the score of a trial is NaN, it is shown as a cross at the
        bottom of the plot.
    epochs : list of array-like, default=None
        Epochs at which each candidate was scored. If None, `scores` contains one score per trial.
    params : list of dict, default=None
        Parameters of each candidate or trial, for the legend.
    metric : str, default="score"
        Name of the metric, for the axis labels.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the plot.
    ax_ : matplotlib Axes
        Axes of the plot.
    line_ : matplotlib Line2D
        Curve that is drawn on top. It shows the scores of the best candidate. If the plot shows trials, it shows the
        best score so far.
    traces_ : matplotlib LineCollection or None
        Curves of all other candidates, from worst to second best, or None if the plot shows trials.
    points_ : matplotlib Line2D or None
        Points of the trials, or None if the plot shows curves.
    legend_ : matplotlib Legend
        Legend. It is placed below the plot, or inside the plot if the figure also contains other plots.

    See Also
    --------
    EpochCurveDisplay : Plot the training and test scores of one candidate.
    SearchScatterDisplay : Plot scores against the values of each parameter.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import SearchTraceDisplay
    >>> from sklearn_recsketch.model_selection import UserHoldoutSplit
    >>> X, y = make_interactions(n_users=200, n_items=80, random_state=0)
    >>> grid = {"max_iter": [1, 2, 4], "alpha": [1, 10, 100]}
    >>> search = GridSearchCV(WRMFRecommender(8, random_state=0), grid, cv=UserHoldoutSplit(random_state=0))
    >>> display = SearchTraceDisplay.from_search(search.fit(X, y))
    >>> len(display.traces_.get_segments())
    2
    """

    figure_: Figure
    ax_: Axes
    line_: Line2D
    traces_: LineCollection | None
    points_: Line2D | None
    legend_: Legend

    def __init__(
        self,
        *,
        scores: Any,
        epochs: Sequence[Any] | None = None,
        params: Sequence[Mapping[str, Any]] | None = None,
        metric: str = "score",
    ) -> None:
        self.scores = scores
        self.epochs = epochs
        self.params = params
        self.metric = metric

    @classmethod
    def from_search(
        cls, search: Any, *, metric: str | None = None, resource: str | None = None, ax: Any = None, **line_kw: Any
    ) -> SearchTraceDisplay:
        """Plot the test scores of all candidates of a fitted search.

        Parameters
        ----------
        search : fitted search
            Search that has the attribute ``cv_results_``, such as scikit-learn's `GridSearchCV`. It may also be a
            Pipeline whose last step is a search.
        metric : str, default=None
            Metric to show. If None and there are several metrics, the metric named by `refit` is shown.
        resource : str, default=None
            Name of the parameter that sets the number of epochs. If None, the search's `resource` attribute is used if
            it is the name of a searched parameter. Otherwise, ``max_iter`` is used if the candidates were evaluated
            with several values of ``max_iter``.
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **line_kw : dict
            Keyword arguments passed to matplotlib's `plot` to draw the topmost line. If `color` is given, all other
            candidates are also drawn in this colour. Use `color` to distinguish two searches that are plotted into the
            same axes.

        Returns
        -------
        SearchTraceDisplay
            Display that contains the plot.
        """
        results = read_search(search, metric, resource)
        if results.resource is None:
            display = cls(scores=results.test, params=results.params, metric=results.metric)
        else:
            display = cls(
                scores=[results.test[candidate.rows] for candidate in results.curves],
                epochs=[results.epochs[candidate.rows] for candidate in results.curves],
                params=[candidate.params for candidate in results.curves],
                metric=results.metric,
            )
        return display.plot(ax, **line_kw)

    def plot(self, ax: Any = None, **line_kw: Any) -> SearchTraceDisplay:
        """Plot the scores over the epochs or trials.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot into. If None, a new figure is created.
        **line_kw : dict
            Keyword arguments passed to matplotlib's `plot` to draw the topmost line. If `color` is given, all other
            candidates are also drawn in this colour. Use `color` to distinguish two searches that are plotted into the
            same axes.

        Returns
        -------
        SearchTraceDisplay
            This display.
        """
        plt = import_pyplot(type(self).__name__)
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
            tidy(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.traces_ = self.points_ = None
        if self.epochs is None:
            self._plot_trials(np.asarray(self.scores, dtype=np.float64), line_kw)
        else:
            self._plot_curves([np.asarray(scores, dtype=np.float64) for scores in self.scores], line_kw)
        ax.set_ylabel(f"test {self.metric}")
        whole_ticks(ax)
        self.legend_ = place_legend(ax, among=[ax], reverse=True)
        return self

    def _plot_curves(self, scores: list[np.ndarray], line_kw: Mapping[str, Any]) -> None:
        """Plot one curve per candidate."""
        from matplotlib.collections import LineCollection

        assert self.epochs is not None
        color = _color(line_kw)
        best = np.array([np.nan if np.isnan(curve).all() else np.nanmax(curve) for curve in scores])
        # If all fits of a candidate failed, it has no score and no curve.
        ranked = np.argsort(-best, kind="stable")[: np.count_nonzero(~np.isnan(best))]
        if not len(ranked):
            raise ValueError("There is no curve to plot: the scores of all candidates are NaN.")
        curves = [
            np.column_stack([np.asarray(self.epochs[c])[~np.isnan(scores[c])], scores[c][~np.isnan(scores[c])]])
            for c in ranked
        ]
        opacity = np.maximum(MIN_ALPHA, 0.9 / (1 + 0.1 * np.arange(len(curves))))
        # Draw the curves in reverse order, because later curves cover earlier curves.
        others = slice(None, 0, -1)
        traces = LineCollection(curves[others], colors=color, alpha=opacity[others], linewidths=1.0, zorder=1.9)
        self.ax_.add_collection(traces)
        self.traces_ = traces
        # Draw a curve with a single point as a dot.
        dots = [rank for rank in range(len(curves) - 1, 0, -1) if len(curves[rank]) == 1]
        if dots:
            x, y = np.concatenate([curves[rank] for rank in dots]).T
            self.ax_.scatter(x, y, s=10, color=color, alpha=opacity[dots], linewidths=0, zorder=1.9)
        if len(curves) > 1:
            # Add an empty line for the legend, because the collection would be as faint as the worst curve there.
            self.ax_.plot([], [], color=color, alpha=0.7, linewidth=1.0, label=_others(len(curves) - 1, best))
        epochs, best_curve = curves[0].T
        peak = int(np.argmax(best_curve))
        style = {
            "label": self._caption(ranked[0], f"best: {show_score(best_curve[peak])} at epoch {epochs[peak]:g}"),
            "markevery": [peak],
        }
        self.line_ = self._draw_best(epochs, best_curve, style, line_kw)
        self.ax_.set_xlabel("epoch")

    def _plot_trials(self, scores: np.ndarray, line_kw: Mapping[str, Any]) -> None:
        """Plot the score of each trial, and the best score so far as a line."""
        failed = np.isnan(scores)
        if failed.all():
            raise ValueError("There is no trial to plot: all scores are NaN.")
        trials = np.arange(1, len(scores) + 1)
        style: dict[str, Any] = {"color": _color(line_kw), "linestyle": "none", "zorder": 1.9}
        (self.points_,) = self.ax_.plot(
            trials[~failed], scores[~failed], marker="o", markersize=4, alpha=0.6, label="one trial", **style
        )
        draw_failures(self.ax_, trials[failed])
        best = int(np.nanargmax(scores))
        best_style = {
            "label": self._caption(best, f"best so far: {show_score(scores[best])} in trial {trials[best]}"),
            "drawstyle": "steps-post",
            "markevery": [best],
        }
        self.line_ = self._draw_best(trials, np.fmax.accumulate(scores), best_style, line_kw)
        self.ax_.set_xlabel("trial")

    def _draw_best(self, x: np.ndarray, y: np.ndarray, style: dict[str, Any], line_kw: Mapping[str, Any]) -> Line2D:
        """Draw the line on top of the plot, with a dot at the best score."""
        default = {"color": ACCENT, "linewidth": 2.0, "marker": "o", "markersize": 5, "zorder": 2.1, **style}
        (line,) = self.ax_.plot(x, y, **_validate_style_kwargs(default, line_kw))
        return line

    def _caption(self, candidate: int, score: str) -> str:
        """Return the legend label of the line on top of the plot."""
        params = show_params(self.params[candidate]) if self.params is not None else ""
        return f"{score} with {params}" if params else score


def _color(line_kw: Mapping[str, Any]) -> Any:
    """Return the colour of all candidates except for the best candidate."""
    return _validate_style_kwargs({"color": MUTED}, line_kw)["color"]


def _others(n: int, best: np.ndarray) -> str:
    """Return the legend label of all candidates except the best candidate."""
    failed = int(np.isnan(best).sum())
    text = "the second best" if n == 1 else f"{n} others, fainter the lower their best score"
    return text + (f" ({failed} more have no score)" if failed else "")
