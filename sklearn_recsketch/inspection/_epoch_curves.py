"""Plot the training and held-out scores of a model over the epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch.inspection._cv_results import choose_metric, read_search, show_params, show_score
from sklearn_recsketch.inspection._plotting import import_pyplot, place_legend, tidy, whole_ticks
from sklearn_recsketch.utils._compat import _validate_style_kwargs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

__all__ = ["EpochCurveDisplay"]


class EpochCurveDisplay:
    """Plot of the training and held-out scores of a model over the epochs, in two panels.

    Each panel has its own scale. Training scores are usually so much higher than held-out scores that the held-out
    curve would look flat on a common scale. In both panels, a dot marks the epoch with the best held-out score.

    It is recommended to use :meth:`from_monitor` or :meth:`from_search` to create an `EpochCurveDisplay`. To compare
    several models in one figure, pass the attribute `axes_` of the first display as the argument `axes` of the next
    display.

    Parameters
    ----------
    epochs : array-like of shape (n_epochs,)
        Number of epochs completed at each point of the curves.
    test_scores : array-like of shape (n_epochs,)
        Held-out score at each point. Higher is better. NaN values are not drawn.
    train_scores : array-like of shape (n_epochs,), default=None
        Training score at each point. If None, the plot has only one panel.
    test_std, train_std : array-like of shape (n_epochs,), default=None
        Standard deviations of the scores over the splits. They are drawn as bands around the curves.
    metric : str, default="score"
        Name of the metric, for the axis labels.
    held_out : str, default="test"
        Name of the held-out data, such as "test" or "validation", for the axis labels.
    name : str, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that contains the panels.
    axes_ : ndarray of matplotlib Axes
        Panels for training and held-out scores, or a single panel for held-out scores.
    lines_ : list of matplotlib Line2D
        Curves, in the order of the panels.
    legend_ : matplotlib Legend
        Legend. It is placed below the panels, or inside the panel of held-out scores if the figure also contains other
        panels.

    See Also
    --------
    SearchTraceDisplay : Plot the test scores of all candidates of a search.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import EpochCurveDisplay
    >>> from sklearn_recsketch.model_selection import UserHoldoutSplit
    >>> X, y = make_interactions(n_users=200, n_items=80, random_state=0)
    >>> grid = {"max_iter": [1, 2, 4], "alpha": [1, 10]}
    >>> search = GridSearchCV(WRMFRecommender(8, random_state=0), grid, cv=UserHoldoutSplit(random_state=0),
    ...                       return_train_score=True).fit(X, y)
    >>> display = EpochCurveDisplay.from_search(search, params={"alpha": 1})
    >>> len(display.axes_)
    2
    >>> other = EpochCurveDisplay.from_search(search, params={"alpha": 10}, axes=display.axes_)
    >>> [text.get_text() for text in other.legend_.get_texts()]
    ['alpha=1: ... at epoch ...', 'alpha=10: ... at epoch ...']
    """

    figure_: Figure
    axes_: np.ndarray
    lines_: list[Line2D]
    legend_: Legend

    def __init__(
        self,
        *,
        epochs: Any,
        test_scores: Any,
        train_scores: Any = None,
        test_std: Any = None,
        train_std: Any = None,
        metric: str = "score",
        held_out: str = "test",
        name: str | None = None,
    ) -> None:
        self.epochs = epochs
        self.test_scores = test_scores
        self.train_scores = train_scores
        self.test_std = test_std
        self.train_std = train_std
        self.metric = metric
        self.held_out = held_out
        self.name = name

    @classmethod
    def from_monitor(
        cls,
        monitor: Any,
        *,
        metric: str | None = None,
        run: int = -1,
        name: str | None = None,
        axes: Any = None,
        **line_kw: Any,
    ) -> EpochCurveDisplay:
        """Plot the scores that a monitor recorded during fitting.

        Parameters
        ----------
        monitor : EpochCurveMonitor
            Monitor that was used when fitting a model or a search. For a search, the scores of its last fit are shown.
            If the search refits the best candidate, the last fit is this refit.
        metric : str, default=None
            Metric to show. It may be None if the monitor recorded only one metric.
        run : int, default=-1
            Index of the recorded run to show. By default, the last run is shown.
        name : str, default=None
            Name of the model, for the legend.
        axes : matplotlib Axes or array-like of one or two, default=None
            Panels to plot into, as in :meth:`plot`.
        **line_kw : dict
            Keyword arguments passed to matplotlib's `plot` for both curves.

        Returns
        -------
        EpochCurveDisplay
            Display that contains the curves.
        """
        curves = monitor.curves(run=run)
        # A search is one run with many fits.
        curves = curves[curves["fit"] == curves["fit"].max()]
        names = [column.removeprefix("validation_") for column in curves if column.startswith("validation_")]
        metric = choose_metric(metric, names, None, "monitor")
        train = f"train_{metric}"
        display = cls(
            epochs=np.asarray(curves["epoch"]),
            test_scores=np.asarray(curves[f"validation_{metric}"], dtype=np.float64),
            train_scores=np.asarray(curves[train], dtype=np.float64) if train in curves else None,
            metric=metric,
            held_out="validation",
            name=name,
        )
        return display.plot(axes, **line_kw)

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        metric: str | None = None,
        params: Mapping[str, Any] | None = None,
        resource: str | None = None,
        name: str | None = None,
        axes: Any = None,
        **line_kw: Any,
    ) -> EpochCurveDisplay:
        """Plot the scores of a single search candidate that was evaluated at several epochs.

        Parameters
        ----------
        search : fitted search
            Search whose ``cv_results_`` has one row for each candidate and epoch. Training scores are only shown if the
            search was created with ``return_train_score=True``.
        metric : str, default=None
            Metric to show. If None and there are several metrics, the metric named by `refit` is shown.
        params : dict, default=None
            Parameters of the candidate to show. The number of epochs may be included, but it is ignored. If None, the
            best candidate is shown.
        resource : str, default=None
            Name of the parameter that sets the number of epochs. If None, the search's `resource` attribute is used if
            it is the name of a searched parameter. Otherwise, ``max_iter`` is used if the candidates were evaluated
            with several values of ``max_iter``.
        name : str, default=None
            Name of the model, for the legend. If None, the legend shows the parameters of the candidate.
        axes : matplotlib Axes or array-like of one or two, default=None
            Panels to plot into, as in :meth:`plot`.
        **line_kw : dict
            Keyword arguments passed to matplotlib's `plot` for both curves.

        Returns
        -------
        EpochCurveDisplay
            Display that contains the curves.

        Raises
        ------
        ValueError
            If the search has no candidate with the parameters `params`. The message names the most similar candidate.
        """
        results = read_search(search, metric, resource)
        if results.resource is None:
            raise ValueError(
                f"search must have tried candidates at several epochs, but none of the parameters {results.names} "
                f"is known to be the number of epochs. Search over max_iter, or pass the name as resource='...'."
            )
        ranked = results.ranked(results.curves) or results.curves
        candidate = ranked[0] if params is None else results.find(params)
        rows = candidate.rows
        display = cls(
            epochs=results.epochs[rows],
            test_scores=results.test[rows],
            train_scores=None if results.train is None else results.train[rows],
            test_std=results.test_std[rows],
            train_std=None if results.train_std is None else results.train_std[rows],
            metric=results.metric,
            name=show_params(candidate.params) if name is None else name,
        )
        return display.plot(axes, **line_kw)

    def plot(self, axes: Any = None, *, name: str | None = None, **line_kw: Any) -> EpochCurveDisplay:
        """Plot the curves.

        Parameters
        ----------
        axes : matplotlib Axes or array-like of one or two, default=None
            Panels to plot into. If there are two panels, the first shows the training scores. If there is only one
            panel, it shows the held-out scores, and the training scores are not drawn. If None, a new figure is
            created.
        name : str, default=None
            Name of the model, for the legend. If None, the parameter `name` of the class is used.
        **line_kw : dict
            Keyword arguments passed to matplotlib's `plot` for both curves.

        Returns
        -------
        EpochCurveDisplay
            This display.
        """
        plt = import_pyplot(type(self).__name__)
        if axes is None:
            n_panels = 1 if self.train_scores is None else 2
            _, axes = plt.subplots(1, n_panels, figsize=(4.8 * n_panels, 3.6), layout="constrained")
            for panel in np.ravel(axes):
                tidy(panel)
        self.axes_ = np.ravel(np.array(axes, dtype=object))
        if len(self.axes_) not in (1, 2):
            raise ValueError(f"axes must be one Axes, or two for training and test scores, got {len(self.axes_)}.")
        self.figure_ = self.axes_[0].figure
        test = np.asarray(self.test_scores, dtype=np.float64)
        if np.isnan(test).all():
            raise ValueError("There is no score to plot: all test_scores are NaN, for example because all fits failed.")
        best = int(np.nanargmax(test))
        name = self.name if name is None else name
        caption = f"{show_score(test[best])} at epoch {self.epochs[best]:g}"
        style = _validate_style_kwargs({"label": caption if name is None else f"{name}: {caption}"}, line_kw)
        self.lines_ = [self._draw(self.axes_[-1], test, self.test_std, best, self.held_out, style)]
        if self.train_scores is not None and len(self.axes_) == 2:
            # Use the same colour in both panels, even if they contain different numbers of curves.
            style = {**style, "color": self.lines_[0].get_color()}
            train = np.asarray(self.train_scores, dtype=np.float64)
            self.lines_.insert(0, self._draw(self.axes_[0], train, self.train_std, best, "training", style))
        self.legend_ = place_legend(self.axes_[-1], among=self.axes_)
        return self

    def _draw(
        self, panel: Axes, scores: np.ndarray, std: Any, best: int, rows: str, style: Mapping[str, Any]
    ) -> Line2D:
        """Draw one curve, with a dot at the position `best`."""
        drawn = np.flatnonzero(~np.isnan(scores))
        epochs = np.asarray(self.epochs)[drawn]
        dot = {"marker": "o", "markersize": 5, "markevery": np.flatnonzero(drawn == best).tolist()}
        (line,) = panel.plot(epochs, scores[drawn], **_validate_style_kwargs(dot, style))
        if std is not None and np.any(np.asarray(std)[drawn] > 0):
            width = np.asarray(std, dtype=np.float64)[drawn]
            panel.fill_between(
                epochs, scores[drawn] - width, scores[drawn] + width, color=line.get_color(), alpha=0.15, linewidth=0
            )
        panel.set(xlabel="epoch", ylabel=f"{rows} {self.metric}")
        whole_ticks(panel)
        return line
