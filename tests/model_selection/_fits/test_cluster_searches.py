"""Searches on Dask and Ray give the results of a single process and send the data once."""

from __future__ import annotations

import importlib
import os
import pickle
import platform
import shutil
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clusters import PickleCountingFrame, assert_processes_end, dask_cluster, ray_cluster, task_sizes, thread_scorer
from joblib import cpu_count, parallel_config
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import InteractionThresholder, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import (
    EpochCurveMonitor,
    EpochSearchCV,
    MedianPruning,
    UserHoldoutSplit,
    register_ray,
)
from sklearn_recsketch.utils._cluster import BroadcastValue
from sklearn_recsketch.utils._threads import at_most_threads, workers

pytest.importorskip("skopt", reason="scikit-optimize is an optional dependency")

from sklearn_recsketch.model_selection import BayesSearchCV

pytestmark = pytest.mark.cluster
CV = UserHoldoutSplit(random_state=0)
ALPHAS = [-1.0, *range(1, 20)]  # fits with the first value fail


@pytest.fixture(scope="module")
def dask():
    """Start two workers with one core each."""
    with assert_processes_end(), dask_cluster():
        yield


@pytest.fixture(scope="module")
def ray():
    """Start two workers with one core each."""
    with assert_processes_end(), ray_cluster():
        register_ray()
        yield


@pytest.fixture(scope="module", params=["dask", "ray"])
def engine(request):
    """Start a cluster and return the name of its joblib backend."""
    request.getfixturevalue(request.param)
    return request.param


def on(engine):
    return parallel_config(engine, n_jobs=-1)


def wrmf():
    return WRMFRecommender(3, max_iter=2, random_state=0, n_jobs=64)


def grid_search(estimator, **options):
    return GridSearchCV(estimator, {"alpha": ALPHAS[:6]}, cv=CV, **options)


def epoch_search(estimator, **options):
    """Create a search with two batches of candidates, so that the second one is pruned."""
    prune = MedianPruning(warmup=1)
    return EpochSearchCV(estimator, {"alpha": ALPHAS}, epochs=[1, 2, 3], prune=prune, cv=CV, random_state=0, **options)


def bayes_search(estimator, n_iter=8, **options):
    # All trials are random, because the surrogate is not tested here.
    options |= {"n_points": 2, "optimizer_kwargs": {"n_initial_points": 8}, "random_state": 0}
    return BayesSearchCV(estimator, {"alpha": ALPHAS[:6]}, n_iter=n_iter, cv=CV, **options)


SCORING = {
    "scoring": {"precision": make_ranking_scorer("precision@5"), "threads": thread_scorer()},
    "refit": "precision",
}
SEARCHES = {"grid": grid_search, "epoch": epoch_search, "bayes": bayes_search}


# The same searches in this process and on the clusters.


@dataclass
class Run:
    """A fitted search, its recorded curves, and the number of times its table was pickled."""

    search: Any
    curves: pd.DataFrame
    n_pickled: int


@pytest.fixture(scope="module")
def table():
    """X, y and item features with 40,000 rows."""
    X, y, tags = make_interactions(
        1600, 200, n_components=8, taste=8.0, mean_activity=25, n_tags=4, return_features=True, random_state=0
    )
    return PickleCountingFrame(X), y, tags


@pytest.fixture(scope="module")
def checkpoint(table, tmp_path_factory):
    """A checkpoint with the first trials of the Bayesian search."""
    X, y, tags = table
    path = tmp_path_factory.mktemp("trials") / "search.json"
    with at_most_threads(1):
        bayes_search(wrmf(), n_iter=2, checkpoint=path, **SCORING).fit(X, y, item_features=tags)
    return path


@pytest.fixture(scope="module", params=SEARCHES)
def kind(request):
    """Type of the search."""
    return request.param


@pytest.fixture(scope="module")
def fitted(kind, table, checkpoint):
    """A function that fits a search of the given type."""
    X, y, tags = table

    def fit(folder):
        monitor = EpochCurveMonitor("precision@5", pd.DataFrame(X[:50]))
        resumed = {"checkpoint": shutil.copy(checkpoint, folder)} if kind == "bayes" else {}
        search = SEARCHES[kind](wrmf().set_callbacks(monitor), **SCORING, **resumed)
        PickleCountingFrame.count = 0
        with warnings.catch_warnings():
            # All fits of one candidate fail.
            warnings.simplefilter("ignore", FitFailedWarning)
            warnings.filterwarnings("ignore", "One or more of the test scores", UserWarning)
            search.fit(X, y, item_features=tags)
        return Run(search, monitor.curves(), PickleCountingFrame.count)

    return fit


@pytest.fixture(scope="module")
def here(fitted, tmp_path_factory):
    """The search fitted in this process."""
    return fitted(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def there(engine, kind, fitted, tmp_path_factory):
    """The search fitted on a cluster, and the size of each task in bytes."""
    if engine == "ray":
        # The function of Ray is sufficient for searches of this package.
        (register_ray if kind == "grid" else importlib.import_module("ray.util.joblib").register_ray)()
    with on(engine), task_sizes(engine) as sizes:
        return fitted(tmp_path_factory.mktemp("there")), sizes


def test_results_equal_those_of_one_process(here, there):
    expected, found = (
        {
            key: np.asarray(value).tolist()
            for key, value in run.search.cv_results_.items()
            if "_time" not in key and "threads" not in key
        }
        for run in (here, there[0])
    )
    np.testing.assert_equal(found, expected)
    assert there[0].search.best_params_ == here.search.best_params_
    # The test is not trivial: one candidate fails and, in an epoch search, one is stopped early.
    assert np.isnan(expected["mean_test_precision"]).any()
    assert any(expected.get("pruned", [True]))


def test_the_model_equals_that_of_one_process(here, there):
    models = [run.search.best_estimator_ for run in (here, there[0])]
    np.testing.assert_array_equal(models[0].item_factors_, models[1].item_factors_)


def test_curves_of_all_fits_are_returned(here, there):
    pd.testing.assert_frame_equal(here.curves, there[0].curves)


def test_tasks_are_small(there, table):
    sizes = there[1]
    assert len(sizes) > 0
    # A task of scikit-learn contains estimators, callbacks and scorers of about 30 kB; the table has 600 kB.
    assert max(sizes) < len(pickle.dumps(pd.DataFrame(table[0]))) / 15


def test_the_table_is_pickled_once(there):
    run = there[0]
    # The Ray backend pickles a table of scikit-learn once more to determine its size.
    assert 1 <= run.n_pickled <= 1 + isinstance(run.search, GridSearchCV)


def test_each_fit_uses_one_core(there):
    threads = there[0].search.cv_results_["mean_test_threads"]
    assert set(threads[~np.isnan(threads)]) == {1}


# Tests of single searches.


def test_cores_of_the_cluster_do_not_add_threads_here(engine):
    for n_jobs, expected in [(None, 1), (1, 1), (3, 3), (-1, cpu_count())]:
        with on(engine), workers(n_jobs) as pool:
            assert pool.n_threads == expected


def test_error_score_raise_raises_the_error_of_a_fit(engine, likes):
    with on(engine), pytest.raises(ValueError, match="'alpha' parameter of WRMFRecommender"):
        epoch_search(wrmf(), error_score="raise").fit(*likes[:2])


@pytest.mark.usefixtures("dask")
@pytest.mark.parametrize("kind", ["epoch", "bayes"])
def test_callbacks_refuse_fits_on_other_machines(likes, kind, monkeypatch):
    monitor = EpochCurveMonitor("precision@5", likes[0])
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    with (
        on("dask"),
        pytest.raises(
            RuntimeError, match=r"With EpochCurveMonitor, all fits must run on elsewhere, .* but one ran on "
        ),
    ):
        SEARCHES[kind](wrmf().set_callbacks(monitor)).fit(*likes[:2])


@pytest.mark.usefixtures("dask")
def test_progress_is_printed(likes, capsys):
    pytest.importorskip("rich", reason="rich is an optional dependency")
    with on("dask"):
        EpochSearchCV(wrmf(), {"alpha": [1, 2]}, epochs=[1]).set_callbacks(ProgressBar()).fit(*likes[:2])
    assert "WRMFRecommender - fit #1" in capsys.readouterr().out


@pytest.mark.usefixtures("dask")
def test_pipelines_and_string_ids(likes):
    X, y = likes[0].astype(str), likes[1]
    pipe = Pipeline([("threshold", InteractionThresholder(2, 2)), ("rec", wrmf())])
    search = EpochSearchCV(pipe, {"rec__alpha": [1, 10]}, epochs=[1, 2], resource="rec__max_iter", cv=CV)
    scores = search.fit(X, y).cv_results_["mean_test_score"]
    with on("dask"):
        np.testing.assert_array_equal(search.fit(X, y).cv_results_["mean_test_score"], scores)


@pytest.mark.usefixtures("dask")
def test_a_task_cannot_change_the_value_of_other_tasks():
    sent = pickle.loads(pickle.dumps(BroadcastValue({"seen": [], "rows": np.arange(3.0)}), 5))
    value = sent.get()
    value["seen"].append("by a task")
    forwarded = pickle.loads(pickle.dumps(sent, 5))
    assert sent.get()["seen"] == forwarded.get()["seen"] == []
    assert not value["rows"].flags.writeable


def test_the_error_without_ray_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.util.joblib.ray_backend", None)
    with pytest.raises(ImportError, match=r"sklearn-recsketch\[cluster\]"):
        register_ray()


@pytest.mark.usefixtures("ray")
def test_a_single_job_runs_in_this_process(likes):
    search = EpochSearchCV(wrmf(), {"alpha": [1, 2]}, epochs=[1], scoring=lambda *_: os.getpid(), refit=False)
    with parallel_config("ray"):
        assert search.fit(*likes[:2]).best_score_ == os.getpid()
