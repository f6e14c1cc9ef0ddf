"""Bayesian search: threads, progress, data, scikit-learn's contracts."""

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


# Threads, processes, progress.


def where(estimator, X, y=None):
    return os.getpid() + threading.get_ident() / 2**64


def test_folds_are_fitted_in_threads():
    scores = hill_search(cv=SPLITS, scoring=where, n_jobs=2, n_iter=2).fit(ROWS).cv_results_["split0_test_score"]
    assert (scores.astype(int) == os.getpid()).all()


@pytest.mark.slow
def test_processes_are_used_where_the_caller_says_so():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        scores = hill_search(cv=SPLITS, scoring=where, n_iter=2).fit(ROWS).cv_results_["split0_test_score"]
    assert (scores.astype(int) != os.getpid()).all()


@pytest.mark.parametrize(("n_points", "n_jobs"), [(1, 1), (1, 2), (4, 2)])
def test_each_fit_has_its_share_of_the_cores(n_points, n_jobs):
    def share(hill, X, y=None):
        return most_threads()

    search = hill_search(cv=SPLITS, scoring=share, n_jobs=n_jobs, n_points=n_points, n_iter=4).fit(ROWS)
    assert search.best_score_ == max(1, joblib.cpu_count() // n_jobs)


def test_threads_give_the_results_of_one(likes):
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
    if checkpoint:  # all that is left is the refit
        capsys.readouterr()
        search.fit(*likes[:2])
    shown = capsys.readouterr().out
    assert "BayesSearchCV - search" in shown
    assert "BayesSearchCV - refit-with-best-params" in shown
    assert ("BayesSearchCV - candidate-split-evaluation | WRMFRecommender - fit #7" in shown) != checkpoint
    assert len(search.recommend(k=2)) > 0


class CountTasks:
    """A callback that counts the tasks of searches by name."""

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


def test_trials_that_need_no_fit_are_counted_as_done(tmp_path):
    search = hill_search({"a": (0, 2)}, cv=SPLITS, checkpoint=tmp_path / "search.json")
    for _ in range(2):  # some are repeated; then all are in the file
        counter = CountTasks()
        search.set_callbacks(counter).fit(ROWS)
        assert counter.begun == counter.ended
        assert counter.ended["candidate-split-evaluation"] == search.n_iter * len(SPLITS)


def test_verbose_tells_of_each_trial(capsys):
    hill_search(n_iter=2, verbose=1, initial_params={"a": 3, "b": 1}).fit(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[BayesSearchCV] trial 1/2: 0, best 0; a=3, b=1"
    assert lines[1].startswith("[BayesSearchCV] trial 2/2: -")


# Data and metadata.


def test_the_default_split_leaves_users_items_to_learn_from(likes):
    X, y, _ = likes
    search = rec_search(cv=None, n_iter=1).fit(X, y)
    model = clone(search.best_estimator_)
    train, test = next(UserHoldoutSplit(random_state=0).split(X, y))
    score = model.fit(X.iloc[train], y[train]).score(X.iloc[test], y[test])
    assert search.best_score_ == score


@pytest.mark.parametrize("form", ["frame", "array", "polars"])
def test_results_do_not_depend_on_the_kind_of_ids(likes, form):
    X, y, _ = likes
    # Of equal length, so that texts sort like the numbers: ties in rankings are broken by that order.
    texts = X.apply(lambda column: "id" + column.astype(str).str.zfill(6))
    other = {"frame": texts, "array": texts.to_numpy(), "polars": None}[form]
    if form == "polars":
        other = pytest.importorskip("polars").from_pandas(texts)
    np.testing.assert_equal(table(rec_search().fit(other, y)), table(rec_search().fit(X, y)))


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_the_winner_is_fitted_on_the_rows_as_given(likes, form):
    X, y, _ = likes
    texts = X.astype(str).rename(columns={"user": "uid", "item": "mid"})
    if form == "polars":
        texts = pytest.importorskip("polars").from_pandas(texts)
    search = rec_search().fit(texts, y)
    assert search.feature_names_in_.tolist() == ["uid", "mid"]
    table = search.recommend(k=2)
    assert type(table) is type(texts)
    assert table.equals(clone(search.best_estimator_).fit(texts, y).recommend(k=2))


def test_a_step_of_somebody_elses_sees_the_ids_as_they_are(likes):
    class Prefix(BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X.assign(user="u" + X["user"])  # an error for categories

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
def test_validation_rows_as_many_as_training_rows_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} has as many rows as X, 20"):
        hill_search().fit(ROWS, **{name: ROWS})


@pytest.mark.parametrize(
    "scoring", [["precision@5", "ndcg@10"], make_ranking_scorer(["precision@5", "ndcg@10"])], ids=["list", "scorer"]
)
def test_of_several_metrics_one_is_searched_by(likes, scoring):
    search = rec_search(scoring=scoring, refit="ndcg@10").fit(*likes[:2])
    assert search.best_score_ == search.cv_results_["mean_test_ndcg@10"].max()
    np.testing.assert_array_equal(
        -search.optimizer_results_[0].func_vals, search.cv_results_["mean_test_ndcg@10"][: search.n_iter]
    )
    assert search.multimetric_


@pytest.mark.parametrize("scoring", [["precision@5", "ndcg@10"], lambda rec, X, y=None: {"one": 1.0, "two": 2.0}])
def test_several_metrics_need_one_to_search_by(likes, scoring):
    with pytest.raises(ValueError, match="'refit' parameter must be set to a scorer key"):
        rec_search(scoring=scoring).fit(*likes[:2])


def test_training_scores_are_there_on_request():
    assert "mean_train_score" in hill_search(return_train_score=True, n_iter=2).fit(ROWS).cv_results_


# The search as an estimator.


def test_without_refit_there_is_a_best_row_and_no_model(likes):
    search = rec_search(refit=False).fit(*likes[:2])
    assert set(search.best_params_) == {"alpha"}
    assert not hasattr(search, "recommend")


def test_it_can_be_cloned_and_shown():
    search = hill_search(initial_params={"a": 3, "b": 1.0}, max_time=3.0, checkpoint="search.json")
    assert repr(clone(search)) == repr(search)
    assert clone(search).get_params()["initial_params"] == {"a": 3, "b": 1.0}
    assert not {"iid", "fit_params"} & set(search.get_params())


def test_a_pickled_search_recommends_alike(likes):
    search = rec_search().fit(*likes[:2])
    other = pickle.loads(pickle.dumps(search))
    assert other.recommend(k=2).equals(search.recommend(k=2))
    np.testing.assert_array_equal(other.optimizer_results_[0].func_vals, search.optimizer_results_[0].func_vals)


def test_it_is_tagged_as_what_it_searches(likes):
    assert sklearn.utils.get_tags(rec_search()).estimator_type == "recommender"


def test_it_is_a_search_of_skopt():
    assert isinstance(hill_search(), skopt.BayesSearchCV)
