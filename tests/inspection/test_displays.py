"""EpochCurveDisplay, SearchTraceDisplay, and errors of all displays of searches."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from formula_search import (
    EPOCHS,
    GRID,
    FormulaEstimator,
    failing_search,
    fit_search,
    grid_search,
    random_search,
    rows_of,
    texts,
)
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EpochCurveDisplay, SearchScatterDisplay, SearchTraceDisplay
from sklearn_recsketch.model_selection import EpochCurveMonitor, EpochSearchCV

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is an optional dependency")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - after the choice of the backend


class Monitor:
    """Stand-in for EpochCurveMonitor with fixed scores."""

    def __init__(self, *metrics, train=True, shift=0.0):
        self.metrics = metrics or ("precision@5",)
        self.train = train
        self.shift = shift

    def curves(self, run=-1):
        table = {"fit": [0, 0, 0], "epoch": [1, 2, 3]}
        for position, metric in enumerate(self.metrics):
            if self.train:
                table[f"train_{metric}"] = [0.5, 0.6, 0.7]
            table[f"validation_{metric}"] = np.array([0.1, 0.3, 0.2]) + position + self.shift + 10 * (run == 0)
        return pd.DataFrame(table)


@pytest.fixture(scope="module")
def grid():
    return grid_search()


@pytest.fixture(scope="module")
def failing():
    return failing_search()


@pytest.fixture(scope="module")
def trials():
    return random_search()


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


# Curves of one model.


def test_curves_show_the_scores_of_cv_results(grid):
    display = EpochCurveDisplay.from_search(grid, params={"norm": "l1", "alpha": 1.0})
    rows = rows_of(grid, alpha=1.0, norm="l1")
    for line, kind in zip(display.lines_, ["train", "test"], strict=True):
        np.testing.assert_array_equal(line.get_xdata(), EPOCHS)
        np.testing.assert_array_equal(line.get_ydata(), grid.cv_results_[f"mean_{kind}_score"][rows])
    assert [line.axes for line in display.lines_] == display.axes_.tolist()


def test_the_default_is_the_best_candidate_with_a_dot_at_its_best_epoch(grid):
    display = EpochCurveDisplay.from_search(grid)
    assert texts(display) == ["alpha=10, norm=None: 0.9408 at epoch 4"]
    assert display.lines_[-1].get_ydata().max() == grid.best_score_
    assert [line.get_xdata()[line.get_markevery()].tolist() for line in display.lines_] == [[4], [4]]
    # best_params_ contain the number of epochs, which is ignored.
    same = EpochCurveDisplay.from_search(grid, params=grid.best_params_)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), same.lines_[0].get_ydata())


def test_a_curve_ends_where_the_candidate_was_pruned(grid):
    display = EpochCurveDisplay.from_search(grid, params={"alpha": 100.0, "norm": None})
    assert [line.get_xdata().tolist() for line in display.lines_] == [[1, 2], [1, 2]]


def test_the_band_is_one_standard_deviation(grid):
    display = EpochCurveDisplay.from_search(grid, params={"alpha": 1.0, "norm": None})
    (band,) = display.axes_[1].collections
    rows = rows_of(grid, alpha=1.0, norm=None)
    top = (grid.cv_results_["mean_test_score"] + grid.cv_results_["std_test_score"])[rows].max()
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(top)


def test_one_fold_has_no_band_and_without_training_scores_there_is_one_panel():
    one = fit_search(GridSearchCV(FormulaEstimator(), {"max_iter": EPOCHS}, cv=[([0, 1, 2], [3, 4, 5])]))
    (panel,) = EpochCurveDisplay.from_search(one).axes_
    assert len(panel.collections) == 0
    assert len(EpochCurveDisplay.from_monitor(Monitor(train=False)).axes_) == 1


def test_several_models_are_drawn_in_the_same_panels():
    first = EpochCurveDisplay.from_monitor(Monitor(), name="WARP")
    second = EpochCurveDisplay.from_monitor(Monitor(shift=0.05), name="BPR", axes=first.axes_)
    assert [len(panel.lines) for panel in first.axes_] == [2, 2]
    assert texts(second) == ["WARP: 0.3000 at epoch 2", "BPR: 0.3500 at epoch 2"]
    assert first.figure_.legends == [second.legend_]
    assert len(plt.get_fignums()) == 1


def test_a_model_has_one_colour_in_both_panels():
    first = EpochCurveDisplay.from_monitor(Monitor(train=False), axes=plt.subplots(1, 2)[1])
    second = EpochCurveDisplay.from_monitor(Monitor(), axes=first.axes_)
    train, validation = (line.get_color() for line in second.lines_)
    assert train == validation != first.lines_[0].get_color()


def test_the_metric_and_run_of_a_monitor_are_selected():
    display = EpochCurveDisplay.from_monitor(Monitor("ndcg@5", "recall@5"), metric="recall@5", run=0)
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), [11.1, 11.3, 11.2])
    assert [panel.get_ylabel() for panel in display.axes_] == ["training recall@5", "validation recall@5"]


def test_the_refit_is_shown_after_a_search():
    X, y = make_interactions(60, 30, random_state=0)
    monitor = EpochCurveMonitor("precision@5", X[:50])
    EpochSearchCV(WRMFRecommender(2, random_state=0).set_callbacks(monitor), {"alpha": [1, 9]}, epochs=[3]).fit(X, y)
    shown = EpochCurveDisplay.from_monitor(monitor).lines_[1].get_ydata()
    curves = monitor.curves()
    assert np.array_equal(shown, curves["validation_precision@5"][curves["fit"] == 2])


def test_line_kw_apply_to_both_lines(grid):
    display = EpochCurveDisplay.from_search(grid, c="red", marker="s", label="mine")
    assert {line.get_color() for line in display.lines_} == {"red"}
    assert {line.get_marker() for line in display.lines_} == {"s"}
    assert texts(display) == ["mine"]


def test_only_the_test_curve_is_drawn_in_a_single_panel(grid):
    _, ax = plt.subplots()
    assert EpochCurveDisplay.from_search(grid, axes=ax).axes_.tolist() == [ax]
    assert [line.get_ydata().max() for line in ax.lines] == [grid.best_score_]


# Curves of all candidates.


def test_each_candidate_has_a_trace(grid):
    display = SearchTraceDisplay.from_search(grid)
    segments = display.traces_.get_segments()
    assert len(segments) + 1 == len(GRID["alpha"]) * len(GRID["norm"])
    drawn = np.sort(np.concatenate([segment[:, 1] for segment in [*segments, display.line_.get_xydata()]]))
    scores = grid.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(drawn, np.sort(scores[~np.isnan(scores)]))


def test_the_best_trace_is_drawn_last(grid):
    display = SearchTraceDisplay.from_search(grid)
    rows = rows_of(grid, alpha=10.0, norm=None)
    assert display.ax_.lines[-1] is display.line_
    assert display.line_.get_zorder() > display.traces_.get_zorder()
    np.testing.assert_array_equal(display.line_.get_ydata(), grid.cv_results_["mean_test_score"][rows])
    assert texts(display)[0] == "best: 0.9408 at epoch 4 with alpha=10, norm=None"


def test_other_traces_fade_with_rank_and_end_where_they_were_pruned(grid):
    traces = SearchTraceDisplay.from_search(grid).traces_
    best = [segment[:, 1].max() for segment in traces.get_segments()]
    assert best == sorted(best)
    assert (np.diff(traces.get_alpha()) > 0).all()
    assert sorted(len(segment) for segment in traces.get_segments()) == [2, 2, 4, 4, 4]


def test_hundreds_of_traces_are_one_artist():
    many = fit_search(GridSearchCV(FormulaEstimator(), {"max_iter": [1, 2], "alpha": np.logspace(-3, 3, 301)}, cv=2))
    display = SearchTraceDisplay.from_search(many)
    assert len(display.traces_.get_segments()) == 300
    assert len(display.ax_.lines) == 2  # the best candidate, and an empty line for the legend
    display.figure_.canvas.draw()


def test_a_trace_with_one_point_is_a_dot():
    display = SearchTraceDisplay(epochs=[[1, 2], [1, 2]], scores=[[0.1, 0.2], [0.05, np.nan]]).plot()
    assert display.ax_.collections[-1].get_offsets().tolist() == [[1, 0.05]]


def test_failed_candidates_are_counted(failing):
    assert texts(SearchTraceDisplay.from_search(failing))[1] == "the second best (1 more have no score)"


def test_two_searches_are_drawn_in_the_same_axes(grid, trials):
    first = SearchTraceDisplay.from_search(trials, color="green", label="one")
    second = SearchTraceDisplay.from_search(trials, c="blue", label="two", ax=first.ax_)
    assert (first.points_.get_color(), second.points_.get_color()) == ("green", "blue")
    assert [text for text in texts(second) if text in ("one", "two")] == ["two", "one"]
    curves = SearchTraceDisplay.from_search(grid, color="green")
    np.testing.assert_array_equal(curves.traces_.get_colors()[0, :3], matplotlib.colors.to_rgb("green"))


def test_trials_are_shown_with_the_best_score_so_far(trials):
    scores = trials.cv_results_["mean_test_score"]
    failed = np.isnan(scores)
    assert failed.any()
    display = SearchTraceDisplay.from_search(trials)
    assert display.traces_ is None
    np.testing.assert_array_equal(display.points_.get_ydata(), scores[~failed])
    np.testing.assert_array_equal(display.points_.get_xdata(), np.flatnonzero(~failed) + 1)
    np.testing.assert_array_equal(display.line_.get_ydata(), np.fmax.accumulate(scores))
    crosses = [line for line in display.ax_.lines if line.get_marker() == "x"]
    assert [line.get_xdata().tolist() for line in crosses] == [(np.flatnonzero(failed) + 1).tolist()]
    assert texts(display)[0].startswith(f"best so far: {np.nanmax(scores):#.4g} in trial {np.nanargmax(scores) + 1}")


def test_a_sampled_max_iter_is_not_the_number_of_epochs():
    space = {"max_iter": range(1, 40), "alpha": np.logspace(-1, 1, 50)}
    sampled = fit_search(RandomizedSearchCV(FormulaEstimator(), space, n_iter=12, cv=2, random_state=0))
    assert len(SearchTraceDisplay.from_search(sampled).points_.get_xdata()) == 12


def test_the_resource_of_a_search_is_the_number_of_epochs(grid):
    class SearchWithResource(GridSearchCV):
        resource = "regularization"

    space = {"regularization": [1, 2, 3], "max_iter": [1, 2]}
    search = fit_search(SearchWithResource(FormulaEstimator(), space, cv=2))
    assert SearchTraceDisplay.from_search(search).line_.get_xdata().tolist() == [1, 2, 3]
    assert SearchTraceDisplay.from_search(search, resource="max_iter").line_.get_xdata().tolist() == [1, 2]


def test_grids_without_the_resource_have_no_curves():
    grid = [{"alpha": [3.0]}, {"max_iter": [1, 2], "alpha": [1.0, 10.0]}]
    search = fit_search(GridSearchCV(FormulaEstimator(), grid, cv=2))
    assert len(SearchTraceDisplay.from_search(search, resource="max_iter").traces_.get_segments()) == 1


# All displays.


@pytest.mark.parametrize("display", [EpochCurveDisplay, SearchTraceDisplay])
def test_a_legend_inside_the_panel_is_above_the_scores(display, grid):
    _, ax = plt.subplots()
    drawn = [display.from_search(grid, **{"axes" if display is EpochCurveDisplay else "ax": ax}) for _ in range(2)][-1]
    drawn.figure_.canvas.draw()
    lowest = ax.transData.inverted().transform(drawn.legend_.get_window_extent())[0, 1]
    assert grid.best_score_ < lowest < ax.get_ylim()[1]


@pytest.mark.parametrize(
    ("display", "n_axes", "argument"),
    [(EpochCurveDisplay, 2, "axes"), (SearchTraceDisplay, 1, "ax"), (SearchScatterDisplay, 3, "axes")],
)
def test_the_passed_axes_are_used(display, n_axes, argument, grid):
    figure, axes = plt.subplots(1, n_axes)
    drawn = display.from_search(grid, **{argument: axes})
    assert drawn.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    # A legend of the figure could overlap with other panels.
    assert figure.legends == []
    figure.canvas.draw()


@pytest.mark.parametrize("display", [EpochCurveDisplay, SearchTraceDisplay, SearchScatterDisplay])
def test_a_new_figure_contains_the_whole_plot(display, grid):
    drawn = display.from_search(grid)
    assert len(plt.get_fignums()) == 1
    drawn.figure_.canvas.draw()
    inside = drawn.figure_.bbox.padded(1).get_points()
    tight = drawn.figure_.get_tightbbox().get_points() * drawn.figure_.dpi
    assert (tight[0] >= inside[0]).all()
    assert (tight[1] <= inside[1]).all()


@pytest.mark.parametrize("display", [EpochCurveDisplay, SearchTraceDisplay, SearchScatterDisplay])
def test_the_error_without_matplotlib_names_the_extra(display, grid, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=rf'{display.__name__} .*pip install "sklearn-recsketch\[plot\]"'):
        display.from_search(grid)


@pytest.mark.slow
def test_importing_inspection_does_not_import_matplotlib():
    code = "import sys, sklearn_recsketch.inspection; print('matplotlib' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert process.stdout.strip() == "False", process.stderr


def all_failed():
    search = fit_search(GridSearchCV(FormulaEstimator(), {"alpha": [1.0]}, cv=2))
    search.cv_results_["mean_test_score"] = np.array([np.nan])
    return search


EPOCH, TRACE, SCATTER = (
    display.from_search for display in (EpochCurveDisplay, SearchTraceDisplay, SearchScatterDisplay)
)
CONSTANT = GridSearchCV(FormulaEstimator(), {"max_iter": [3]}, cv=2)
NAMES = r"\['alpha', 'max_iter', 'norm'\]"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda s, _: EPOCH(s, params={"alpha": np.float64(11), "norm": "l1"}),
            r"except max_iter, got \{'alpha': 11.0, 'norm': 'l1'\}\. "
            r"The most similar of 6 candidates is \{'alpha': 10.0, 'norm': 'l1'\}",
        ),
        (lambda s, _: EPOCH(s, params={"norm": "l1", "alpha": 0}), r"is \{'alpha': 1.0, 'norm': 'l1'\}"),
        (lambda s, _: EPOCH(s, axes=plt.subplots(1, 3)[1]), "axes must be one Axes, or two for .*, got 3"),
        (lambda s, _: EPOCH(s, resource="epochs"), rf"one of the searched parameters {NAMES}, got 'epochs'"),
        (
            lambda s, _: EPOCH(s, resource="norm"),
            "whose values are numbers of epochs, got 'norm' with values such as 'l1'",
        ),
        (lambda _, s: EPOCH(s, params={"alpha": -1.0}), "There is no score to plot"),
        (lambda _, s: EPOCH(fit_search(CONSTANT)), r"tried candidates at several epochs, .*resource='\.\.\.'"),
        (
            lambda *_: EpochCurveDisplay.from_monitor(Monitor("ndcg@5", "recall@5")),
            r"The monitor has several metrics\. Pass one of \['ndcg@5', 'recall@5'\], such as metric='ndcg@5'",
        ),
        (lambda s, _: EPOCH(s, metric="ndcg@5"), r"metrics \['score'\] of the search, got 'ndcg@5'"),
        (lambda s, _: TRACE(s, metric="ndcg@5"), r"metrics \['score'\] of the search, got 'ndcg@5'"),
        (lambda s, _: SCATTER(s, metric="ndcg@5"), r"metrics \['score'\] of the search, got 'ndcg@5'"),
        (lambda *_: TRACE(all_failed()), "There is no score to plot: it is NaN for all 1 rows"),
        (
            lambda *_: SCATTER(fit_search(CONSTANT)),
            r"None of the parameters .* has more than one value.*parameters=\['max_iter'\]",
        ),
        (lambda s, _: SCATTER(s, parameters=["beta"]), rf"among the searched parameters {NAMES}, got 'beta'"),
        (lambda s, _: SCATTER(s, parameters=[]), "parameters is empty"),
        (lambda s, _: SCATTER(s, axes=plt.subplots(1, 2)[1]), rf"one Axes per parameter, 3 for {NAMES}, got 2"),
    ],
)
def test_invalid_arguments_are_errors(call, message, grid, failing):
    with pytest.raises(ValueError, match=message):
        call(grid, failing)


@pytest.mark.parametrize("show", [EPOCH, TRACE, SCATTER])
def test_only_fitted_searches_are_accepted(show, grid):
    with pytest.raises(NotFittedError):
        show(GridSearchCV(FormulaEstimator(), GRID))
    with pytest.raises(TypeError, match=r"search must be a fitted search, .* got dict, which has no cv_results_"):
        show(grid.cv_results_)
    with pytest.raises(TypeError, match="got PopularityRecommender, which has no cv_results_"):
        show(PopularityRecommender().fit([[1, 2]]))
    show(Pipeline([("search", grid)]))
