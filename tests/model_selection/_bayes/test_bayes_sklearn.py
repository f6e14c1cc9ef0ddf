"""BayesSearchCV: parallel fits, progress, data and metadata, scikit-learn API."""

from __future__ import annotations

import os
import pickle
import threading
from collections import Counter

import joblib
import numpy as np
import pytest
import sklearn
from hill_search import (
    ACTIONS,
    CV,
    FITS,
    ROWS,
    SPLITS,
    assert_equal,
    hill_search,
    rec_search,
    table,
)
from sklearn.base import BaseEstimator, clone
from sklearn.callback import ProgressBar
from sklearn.pipeline import Pipeline

from sklearn_recsketch import InteractionThresholder, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit, UserKFold
from sklearn_recsketch.utils._threads import most_threads

skopt = pytest.importorskip("skopt", reason="scikit-optimize is an optional dependency")


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()
    ACTIONS.clear()


# Parallel fits and progress.


def process_and_thread(estimator, X, y=None):
    return os.getpid() + threading.get_ident() / 2**64


def test_folds_are_fitted_in_threads():
    scores = (
        hill_search(cv=SPLITS, scoring=process_and_thread, n_jobs=2, n_iter=2)
        .fit(ROWS)
        .cv_results_["split0_test_score"]
    )
    assert (scores.astype(int) == os.getpid()).all()


@pytest.mark.slow
def test_the_caller_can_select_processes():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        scores = hill_search(cv=SPLITS, scoring=process_and_thread, n_iter=2).fit(ROWS).cv_results_["split0_test_score"]
    assert (scores.astype(int) != os.getpid()).all()


@pytest.mark.parametrize(("n_points", "n_jobs"), [(1, 1), (1, 2), (4, 2)])
def test_cores_are_divided_among_the_fits(n_points, n_jobs):
    def threads(hill, X, y=None):
        return most_threads()

    search = hill_search(cv=SPLITS, scoring=threads, n_jobs=n_jobs, n_points=n_points, n_iter=4).fit(ROWS)
    assert search.best_score_ == max(1, joblib.cpu_count() // n_jobs)


def test_results_do_not_depend_on_the_number_of_threads(likes):
    assert_equal(*(rec_search(cv=UserKFold(3, random_state=0), n_jobs=n).fit(*likes[:2]) for n in (1, 2)))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_progress_of_trials_and_epochs_is_shown(likes, capsys, checkpoint, tmp_path):
    pytest.importorskip("rich", reason="rich is an optional dependency")
    search = rec_search(
        WRMFRecommender(2, max_iter=2, random_state=0),
        cv=UserKFold(2, random_state=0),
        checkpoint=tmp_path / "search.json" if checkpoint else None,
    )
    search.set_callbacks(ProgressBar()).fit(*likes[:2])
    if checkpoint:  # only the refit remains
        capsys.readouterr()
        search.fit(*likes[:2])
    output = capsys.readouterr().out
    assert "BayesSearchCV - search" in output
    assert "BayesSearchCV - refit-with-best-params" in output
    assert ("BayesSearchCV - candidate-split-evaluation | WRMFRecommender - fit #7" in output) != checkpoint
    assert len(search.recommend(k=2)) > 0


class CountTasks:
    """Callback that counts the tasks of searches by name."""

    def __init__(self):
        self.begun, self.ended = Counter(), Counter()

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun[context.task_name] += 1

    def on_fit_task_end(self, estimator, context):
        self.ended[context.task_name] += 1


def test_trials_that_are_not_evaluated_are_reported_as_finished(tmp_path):
    search = hill_search({"a": (0, 2)}, cv=SPLITS, checkpoint=tmp_path / "search.json")
    for _ in range(2):  # some trials are repeated in the first search, and all are in the file in the second
        counter = CountTasks()
        search.set_callbacks(counter).fit(ROWS)
        assert counter.begun == counter.ended
        assert counter.ended["candidate-split-evaluation"] == search.n_iter * len(SPLITS)


def test_verbose_prints_each_trial(capsys):
    hill_search(n_iter=2, verbose=1, initial_params={"a": 3, "b": 1}).fit(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[BayesSearchCV] trial 1/2: 0, best 0; a=3, b=1"
    assert lines[1].startswith("[BayesSearchCV] trial 2/2: -")


# Data and metadata.


def test_the_default_splitter_is_a_user_holdout_split(likes):
    X, y, _ = likes
    search = rec_search(cv=None, n_iter=1).fit(X, y)
    model = clone(search.best_estimator_)
    train, test = next(UserHoldoutSplit(random_state=0).split(X, y))
    score = model.fit(X.iloc[train], y[train]).score(X.iloc[test], y[test])
    assert search.best_score_ == score


@pytest.mark.parametrize("form", ["frame", "array", "polars"])
def test_results_do_not_depend_on_the_type_of_ids(likes, form):
    X, y, _ = likes
    # Strings of equal length have the order of the numbers, which decides ties in rankings.
    strings = X.apply(lambda column: "id" + column.astype(str).str.zfill(6))
    other = {"frame": strings, "array": strings.to_numpy(), "polars": None}[form]
    if form == "polars":
        other = pytest.importorskip("polars").from_pandas(strings)
    np.testing.assert_equal(table(rec_search().fit(other, y)), table(rec_search().fit(X, y)))


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_the_best_parameters_are_refitted_on_the_original_rows(likes, form):
    X, y, _ = likes
    strings = X.astype(str).rename(columns={"user": "uid", "item": "mid"})
    if form == "polars":
        strings = pytest.importorskip("polars").from_pandas(strings)
    search = rec_search().fit(strings, y)
    assert search.feature_names_in_.tolist() == ["uid", "mid"]
    table = search.recommend(k=2)
    assert type(table) is type(strings)
    assert table.equals(clone(search.best_estimator_).fit(strings, y).recommend(k=2))


def test_custom_pipeline_steps_receive_the_original_ids(likes):
    class Prefix(BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X.assign(user="u" + X["user"])  # raises an error for categories

    X, y, _ = likes
    pipe = Pipeline([("prefix", Prefix()), ("rec", WRMFRecommender(2, max_iter=1, random_state=0))])
    search = rec_search(pipe, space={"rec__alpha": (1.0, 50.0)}, n_iter=2).fit(X.astype(str), y)
    assert search.best_estimator_["rec"].users_[0].startswith("u")


def test_a_pipeline_is_searched_as_a_whole(likes):
    X, y, tags = likes
    pipe = Pipeline([("threshold", InteractionThresholder(1, 1)), ("rec", WRMFRecommender(2, max_iter=1))])
    space = {"threshold__user_min": (1, 4), "rec__item_encoder__feature_weight": (0.1, 3.0, "log-uniform")}
    search = rec_search(pipe, space=space).fit(X, y, rec__item_features=tags)
    assert search.best_estimator_["rec"].item_features_ is not None
    assert search.similar_items(X["item"].iloc[0], k=2)["rank"].tolist() == [1, 2]


@pytest.mark.parametrize("cv", [None, CV])
def test_side_features_are_routed(likes, cv):
    X, y, tags = likes
    with sklearn.config_context(enable_metadata_routing=True):
        search = rec_search(cv=cv, n_iter=1).fit(X, y, item_features=tags, groups=None)
    np.testing.assert_array_equal(search.best_estimator_.items_, tags.ids)


@pytest.mark.parametrize("name", ["X_val", "rec__X_val"])
def test_validation_rows_must_not_be_as_many_as_training_rows(name):
    with pytest.raises(ValueError, match=f"{name} has as many rows as X, 20"):
        hill_search().fit(ROWS, **{name: ROWS})


@pytest.mark.parametrize(
    "scoring", [["precision@5", "ndcg@10"], make_ranking_scorer(["precision@5", "ndcg@10"])], ids=["list", "scorer"]
)
def test_the_refit_metric_is_optimized(likes, scoring):
    search = rec_search(scoring=scoring, refit="ndcg@10").fit(*likes[:2])
    assert search.best_score_ == search.cv_results_["mean_test_ndcg@10"].max()
    np.testing.assert_array_equal(
        -search.optimizer_results_[0].func_vals, search.cv_results_["mean_test_ndcg@10"][: search.n_iter]
    )
    assert search.multimetric_


@pytest.mark.parametrize("scoring", [["precision@5", "ndcg@10"], lambda rec, X, y=None: {"one": 1.0, "two": 2.0}])
def test_several_metrics_require_the_name_of_one_in_refit(likes, scoring):
    with pytest.raises(ValueError, match="'refit' parameter must be set to a scorer key"):
        rec_search(scoring=scoring).fit(*likes[:2])


def test_training_scores_are_computed_on_request():
    assert "mean_train_score" in hill_search(return_train_score=True, n_iter=2).fit(ROWS).cv_results_


# The search as a scikit-learn estimator.


def test_without_refit_there_is_a_best_row_and_no_model(likes):
    search = rec_search(refit=False).fit(*likes[:2])
    assert set(search.best_params_) == {"alpha"}
    assert not hasattr(search, "recommend")


def test_clone_and_repr():
    search = hill_search(initial_params={"a": 3, "b": 1.0}, max_time=3.0, checkpoint="search.json")
    assert repr(clone(search)) == repr(search)
    assert clone(search).get_params()["initial_params"] == {"a": 3, "b": 1.0}
    assert not {"iid", "fit_params"} & set(search.get_params())


def test_a_pickled_search_gives_the_same_recommendations(likes):
    search = rec_search().fit(*likes[:2])
    other = pickle.loads(pickle.dumps(search))
    assert other.recommend(k=2).equals(search.recommend(k=2))
    np.testing.assert_array_equal(other.optimizer_results_[0].func_vals, search.optimizer_results_[0].func_vals)


def test_it_has_the_estimator_type_of_the_recommender(likes):
    assert sklearn.utils.get_tags(rec_search()).estimator_type == "recommender"


def test_it_is_a_subclass_of_the_search_of_skopt():
    assert isinstance(hill_search(), skopt.BayesSearchCV)
