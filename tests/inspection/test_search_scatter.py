"""SearchScatterDisplay, and reading results of searches."""

from __future__ import annotations

import numpy as np
import pytest
from formula_search import EPOCHS, GRID, FormulaEstimator, failing_search, fit_search, grid_search, rows_of, texts
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import SearchScatterDisplay, SearchTraceDisplay
from sklearn_recsketch.inspection._cv_results import read_search, show_params, show_value
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is an optional dependency")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - after the choice of the backend


@pytest.fixture(scope="module")
def grid():
    return grid_search()


@pytest.fixture(scope="module")
def failing():
    return failing_search()


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_each_parameter_has_a_panel_with_all_candidates(grid):
    display = SearchScatterDisplay.from_search(grid)
    assert [panel.get_xlabel() for panel in display.axes_] == ["alpha", "max_iter", "norm"]
    scores = grid.cv_results_["mean_test_score"]
    alpha, epoch, _ = (points.get_offsets() for points in display.points_)
    assert len(alpha) == 6  # each candidate at its best epoch
    assert len(epoch) == np.count_nonzero(~np.isnan(scores))
    best = {tuple(row) for row in alpha.tolist()}
    assert best == {
        (a, np.nanmax(scores[rows_of(grid, alpha=a, norm=norm)])) for a in GRID["alpha"] for norm in GRID["norm"]
    }


def test_the_best_candidate_is_highlighted_in_each_panel(grid):
    display = SearchScatterDisplay.from_search(grid)
    positions = []
    for panel in display.axes_:
        (best,) = [points.get_offsets() for points in panel.collections if points.get_zorder() == 3]
        assert best[0, 1] == grid.best_score_
        positions.append(best[0, 0])
    assert positions[:2] == [10, 4]
    assert round(positions[2]) == 0  # None is sorted before l1
    assert texts(display) == ["a candidate", "the best: 0.9408"]


def test_failed_fits_are_crosses_but_pruned_epochs_are_not(failing):
    alpha, epoch = SearchScatterDisplay.from_search(failing).axes_
    assert [line.get_xdata().tolist() for line in alpha.lines] == [[-1]]
    assert [line.get_xdata().tolist() for line in epoch.lines] == [EPOCHS]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 10, 100], "log"),
        ([1, 10, 90], "linear"),
        ([0, 0.001, 1], "symlog"),
        ([0, 0.1, 1], "linear"),
        ([-1, 0.001, 1], "linear"),
        ([np.float32(0.01), 3, 7], "log"),
    ],
)
def test_the_scale_depends_on_the_values(values, scale):
    display = SearchScatterDisplay(values={"alpha": values}, scores={"alpha": [1, 2, 3]}).plot()
    assert display.axes_[0].get_xscale() == scale
    np.testing.assert_array_equal(display.points_[0].get_offsets()[:, 0], np.array(values, dtype=float))
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1, 50, 1000], ["1", "50", "1000"]),
        ([0, *np.logspace(-6, 2, 30)], ["0", "$10^{-6}$", "$10^{-3}$", "$10^{0}$"]),
    ],
)
def test_few_distinct_values_and_zero_have_ticks(values, labels):
    display = SearchScatterDisplay(values={"alpha": values}, scores={"alpha": np.arange(len(values))}).plot()
    assert [label.get_text() for label in display.axes_[0].get_xticklabels()] == labels


def test_points_are_close_to_the_tick_of_their_category():
    values = [True, False, None, "l2", 3] * 20
    display = SearchScatterDisplay(values={"norm": values}, scores={"norm": np.arange(100.0)}).plot()
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert sorted(labels) == ["3", "False", "None", "True", "l2"]
    positions = np.round(display.points_[0].get_offsets()[:, 0]).astype(int)
    assert [labels[position] for position in positions] == [str(value) for value in values]


def test_constant_parameters_are_only_shown_if_requested():
    search = fit_search(GridSearchCV(FormulaEstimator(), {"max_iter": [3], "alpha": [1.0, 10.0]}, cv=2))
    assert list(SearchScatterDisplay.from_search(search).values) == ["alpha"]
    assert list(SearchScatterDisplay.from_search(search, parameters=["max_iter"]).values) == ["max_iter"]


def test_panels_have_the_same_limits_in_axes_that_do_not_share_them(grid):
    display = SearchScatterDisplay.from_search(grid, axes=plt.subplots(1, 3)[1])
    assert len({panel.get_ylim() for panel in display.axes_}) == 1


# Reading searches.


@pytest.fixture(scope="module")
def real():
    """Searches over a pipeline, with two metrics and with one."""
    X, y = make_interactions(150, 60, random_state=0)
    pipe = Pipeline([("rec", WRMFRecommender(4, random_state=0))])
    space = {"rec__max_iter": [1, 3], "rec__alpha": [1, 30]}
    scorers = [make_ranking_scorer(["precision@5", "ndcg@10"]), make_ranking_scorer("precision@5")]
    return [
        GridSearchCV(pipe, space, cv=UserHoldoutSplit(2, random_state=0), scoring=scorer, refit=refit).fit(X, y)
        for scorer, refit in zip(scorers, ["ndcg@10", True])
    ]


def test_the_metric_of_refit_is_shown_by_default(real):
    several, _ = real
    for metric, shown in [(None, "ndcg@10"), ("precision@5", "precision@5")]:
        display = SearchTraceDisplay.from_search(several, metric=metric)
        assert display.ax_.get_ylabel() == f"test {shown}"
        assert display.line_.get_ydata().max() == several.cv_results_[f"mean_test_{shown}"].max()


def test_the_label_of_a_single_metric_is_its_name(real):
    _, single = real
    for metric in [None, "score", "precision@5"]:
        assert SearchTraceDisplay.from_search(single, metric=metric).ax_.get_ylabel() == "test precision@5"


def test_names_are_shortened_if_they_stay_unambiguous(real):
    assert [panel.get_xlabel() for panel in SearchScatterDisplay.from_search(real[1]).axes_] == ["alpha", "max_iter"]
    params = {"user_encoder__norm": "l1", "item_encoder__norm": None, "rec__alpha": 0.00012345}
    assert show_params(params) == "user_encoder__norm=l1, item_encoder__norm=None, alpha=0.000123"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float64(1e-5), "1e-5"),
        (1234.5, "1234"),
        (1e7, "1e7"),
        (np.int64(200), "200"),
        (True, "True"),
        ("SideFeatureEncoder(norm='l1', idf=True)", "SideFeat…'l1', idf=True)"),
    ],
)
def test_values_are_shortened(value, text):
    assert show_value(value) == text


def test_unhashable_values_distinguish_candidates():
    search = fit_search(GridSearchCV(FormulaEstimator(), {"max_iter": [1, 2], "norm": [["a"], ["b"], True]}, cv=2))
    assert len(read_search(search).candidates) == 3
    assert read_search(search).find({"norm": ["b"]}).params == {"norm": ["b"]}
