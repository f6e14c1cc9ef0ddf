"""Scores of all candidates of a search: curves over the epochs, or trials and the best so far."""

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

FAINTEST = 0.12  # one trace of hundreds is still seen, all of them together are no black area


class SearchTraceDisplay:
    """Test scores of all candidates of a search, the best one on top.

    A search that tried each candidate at several epochs gives one curve per candidate, fainter the
    lower its best score ranks; the curve of a pruned candidate ends where it was pruned. Any other
    search gives the score of each trial, in the order they were made, and the best score so far.

    Make one with :meth:`from_search`.

    Parameters
    ----------
    scores : list of array-like, or array-like of shape (n_trials,)
        Test scores, higher is better: with `epochs` one array per candidate, else one score per
        trial. NaN is not drawn in a curve; as a trial it is a cross at the bottom.
    epochs : list of array-like, default=None
        Epochs of each candidate's scores.
    params : list of dict, default=None
        Parameters of each candidate or trial, for the legend.
    metric : str, default="score"
        Name of the metric, for labels.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure of the plot.
    ax_ : matplotlib Axes
        The plot.
    line_ : matplotlib Line2D
        The curve of the best candidate, or the best score so far; drawn last.
    traces_ : matplotlib LineCollection or None
        The curves of the other candidates, from the worst to the second best; None for trials.
    points_ : matplotlib Line2D or None
        The scores of the trials; None for curves.
    legend_ : matplotlib Legend
        Below the plot of a figure that has no others, else in the plot.

    See Also
    --------
    EpochCurveDisplay : The curve of one candidate, beside its training scores.
    SearchScatterDisplay : Scores against the values of each parameter.

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
        """Plot the candidates of a fitted search.

        Parameters
        ----------
        search : fitted search
            Anything with scikit-learn's cv_results_, or a Pipeline that ends in one.
        metric : str, default=None
            The metric to show; None is the only one, or the one that `refit` names.
        resource : str, default=None
            The parameter that counts epochs. None is the attribute `resource` of the search, else a
            searched ``max_iter`` if candidates were tried at several values of it.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw : dict
            Passed to matplotlib's `plot` for the line on top. A `color` is that of the others, too,
            so that two searches in the same axes are told apart.

        Returns
        -------
        SearchTraceDisplay
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
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw : dict
            Passed to matplotlib's `plot` for the line on top. A `color` is that of the others, too,
            so that two searches in the same axes are told apart.

        Returns
        -------
        SearchTraceDisplay
            The display itself.
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
        from matplotlib.collections import LineCollection

        assert self.epochs is not None
        color = _color(line_kw)
        best = np.array([np.nan if np.isnan(curve).all() else np.nanmax(curve) for curve in scores])
        # Without those that have no score: their every fit failed.
        ranked = np.argsort(-best, kind="stable")[: np.count_nonzero(~np.isnan(best))]
        if not len(ranked):
            raise ValueError("There is no curve to show: the scores of all candidates are NaN.")
        curves = [
            np.column_stack([np.asarray(self.epochs[c])[~np.isnan(scores[c])], scores[c][~np.isnan(scores[c])]])
            for c in ranked
        ]
        opacity = np.maximum(FAINTEST, 0.9 / (1 + 0.1 * np.arange(len(curves))))
        # From the last: later ones are drawn over earlier ones.
        others = slice(None, 0, -1)
        traces = LineCollection(curves[others], colors=color, alpha=opacity[others], linewidths=1.0, zorder=1.9)
        self.ax_.add_collection(traces)
        self.traces_ = traces
        # A curve of a single point has no length: it is a dot.
        dots = [place for place in range(len(curves) - 1, 0, -1) if len(curves[place]) == 1]
        if dots:
            x, y = np.concatenate([curves[place] for place in dots]).T
            self.ax_.scatter(x, y, s=10, color=color, alpha=opacity[dots], linewidths=0, zorder=1.9)
        if len(curves) > 1:
            # The sample of the legend: a collection's own would be as faint as its worst.
            self.ax_.plot([], [], color=color, alpha=0.7, linewidth=1.0, label=_others(len(curves) - 1, best))
        epochs, top = curves[0].T
        last = int(np.argmax(top))
        style = {
            "label": self._caption(ranked[0], f"best: {show_score(top[last])} at epoch {epochs[last]:g}"),
            "markevery": [last],
        }
        self.line_ = self._top(epochs, top, style, line_kw)
        self.ax_.set_xlabel("epoch")

    def _plot_trials(self, scores: np.ndarray, line_kw: Mapping[str, Any]) -> None:
        failed = np.isnan(scores)
        if failed.all():
            raise ValueError("There is no trial to show: all scores are NaN.")
        trials = np.arange(1, len(scores) + 1)
        style: dict[str, Any] = {"color": _color(line_kw), "linestyle": "none", "zorder": 1.9}
        (self.points_,) = self.ax_.plot(
            trials[~failed], scores[~failed], marker="o", markersize=4, alpha=0.6, label="one trial", **style
        )
        draw_failures(self.ax_, trials[failed])
        best = int(np.nanargmax(scores))
        caption = {
            "label": self._caption(best, f"best so far: {show_score(scores[best])} in trial {trials[best]}"),
            "drawstyle": "steps-post",
            "markevery": [best],
        }
        self.line_ = self._top(trials, np.fmax.accumulate(scores), caption, line_kw)
        self.ax_.set_xlabel("trial")

    def _top(self, x: np.ndarray, y: np.ndarray, style: dict[str, Any], line_kw: Mapping[str, Any]) -> Line2D:
        """The line over all others, with a dot at the best score."""
        default = {"color": ACCENT, "linewidth": 2.0, "marker": "o", "markersize": 5, "zorder": 2.1, **style}
        (line,) = self.ax_.plot(x, y, **_validate_style_kwargs(default, line_kw))
        return line

    def _caption(self, candidate: int, score: str) -> str:
        params = show_params(self.params[candidate]) if self.params is not None else ""
        return f"{score} with {params}" if params else score


def _color(line_kw: Mapping[str, Any]) -> Any:
    """The colour of all but the best."""
    return _validate_style_kwargs({"color": MUTED}, line_kw)["color"]


def _others(n: int, best: np.ndarray) -> str:
    failed = int(np.isnan(best).sum())
    text = "the second best" if n == 1 else f"{n} others, fainter the lower their best score"
    return text + (f" ({failed} more have no score)" if failed else "")
