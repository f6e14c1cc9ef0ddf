"""Recommenders in scikit-learn: pipelines, searches, metadata routing, persistence, callbacks and estimator checks."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
import sklearn
from estimators import RECOMMENDERS, small
from expected_failures import checked_by_sklearn, sklearn_failures
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_recsketch import (
    InteractionThresholder,
)
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit

MODELS = small(RECOMMENDERS, max_iter=3)
FACTORS = small(max_iter=3)
EVERY = pytest.mark.parametrize("rec", MODELS, ids=lambda rec: type(rec).__name__)
WITH_FACTORS = pytest.mark.parametrize("rec", FACTORS, ids=lambda rec: type(rec).__name__)
CV = UserHoldoutSplit(n_items=2, random_state=0)


def pipeline(rec):
    return Pipeline([("threshold", InteractionThresholder(2, 2)), ("rec", clone(rec))])


# Model selection.


@EVERY
def test_cross_val_score_of_a_pipeline(rec, planted):
    scores = cross_val_score(pipeline(rec), *planted[:2], cv=CV, error_score="raise")
    assert 0 < scores[0] < 1


@WITH_FACTORS
def test_training_scores_exceed_test_scores(rec, planted):
    model = pipeline(rec).set_params(rec__max_iter=20)
    result = cross_validate(model, planted[0], cv=CV, return_train_score=True, error_score="raise")
    assert result["train_score"][0] > result["test_score"][0] > 0


@WITH_FACTORS
@pytest.mark.slow
def test_grid_search_in_two_processes_equals_one(rec, planted):
    grid = {"rec__n_components": [2, 6], "threshold__user_min": [2, 4]}
    results = [
        GridSearchCV(pipeline(rec), grid, cv=CV, n_jobs=n, error_score="raise").fit(*planted[:2]).cv_results_
        for n in (None, 2)
    ]
    np.testing.assert_array_equal(results[0]["mean_test_score"], results[1]["mean_test_score"])


def test_randomized_search_over_several_metrics(planted):
    scoring = make_ranking_scorer(["precision@5", "ndcg@10"])
    search = RandomizedSearchCV(
        FACTORS[0], {"alpha": [1, 10, 40]}, n_iter=2, scoring=scoring, refit="ndcg@10", cv=CV, random_state=0
    )
    search.fit(*planted[:2])
    assert np.isfinite(search.cv_results_["mean_test_precision@5"]).all()
    assert search.best_score_ == search.cv_results_["mean_test_ndcg@10"].max()


@WITH_FACTORS
def test_halving_search_over_epochs(rec, planted):
    search = HalvingGridSearchCV(
        pipeline(rec), {"rec__n_components": [2, 4, 8]}, resource="rec__max_iter", min_resources=1, max_resources=6,
        factor=2, cv=CV, random_state=0, error_score="raise",
    )  # fmt: skip
    search.fit(*planted[:2])
    assert search.best_estimator_["rec"].n_iter_ == search.n_resources_[-1]
    assert len(search.best_estimator_["rec"].recommend(k=2)) > 0


@pytest.mark.parametrize("routing", [False, True])
def test_plain_skopt_searches(routing, planted):
    skopt = pytest.importorskip("skopt", reason="scikit-optimize is an optional dependency")
    X, y, features = planted
    space = {"rec__alpha": skopt.space.Real(0.1, 100, prior="log-uniform"), "rec__n_components": (2, 8)}
    search = skopt.BayesSearchCV(pipeline(FACTORS[0]), space, n_iter=3, cv=CV, random_state=0, error_score="raise")
    name = "item_features" if routing else "rec__item_features"
    with sklearn.config_context(enable_metadata_routing=routing):
        search.fit(X, y, **{name: features})
    assert search.best_score_ > 0
    assert search.best_estimator_["rec"].item_features_ is not None
    # skopt passes NumPy scalars and types of its own, which must not end up in fitted arrays.
    assert np.isfinite(search.best_estimator_["rec"].recommend(k=2)["score"]).all()


@EVERY
def test_parameters_of_the_default_encoder_can_be_searched(rec, planted):
    if not hasattr(rec, "item_encoder"):
        pytest.skip(f"{type(rec).__name__} has no encoder")
    X, y, features = planted
    search = GridSearchCV(clone(rec), {"item_encoder__min_count": [1, 10]}, cv=CV, error_score="raise")
    search.fit(X, y, item_features=features)
    assert rec.item_encoder is None
    assert search.best_estimator_.item_encoder.min_count in (1, 10)


# Metadata.


@EVERY
@pytest.mark.parametrize("routing", [False, True])
def test_features_reach_the_last_step(rec, routing, planted):
    X, y, features = planted
    name = "item_features" if routing else "rec__item_features"
    with sklearn.config_context(enable_metadata_routing=routing):
        model = pipeline(rec).fit(X, y, **{name: features})
        scores = cross_val_score(pipeline(rec), X, y, cv=CV, params={name: features}, error_score="raise")
        search = GridSearchCV(pipeline(rec), {"threshold__user_min": [2]}, cv=CV, error_score="raise")
        search.fit(X, y, **{name: features})
    np.testing.assert_array_equal(model["rec"].items_, features.ids)
    np.testing.assert_array_equal(search.best_estimator_["rec"].items_, features.ids)
    assert np.isfinite(scores).all()


@WITH_FACTORS
def test_validation_data_are_routed(rec, split):
    X, y, X_test, y_test = split
    model = pipeline(rec).set_params(rec__early_stopping=True)
    with sklearn.config_context(enable_metadata_routing=True):
        model.fit(X, y, X_val=X_test, y_val=y_test)
    assert len(model["rec"].validation_scores_) == 3


# Cloning and persistence.


@EVERY
def test_fit_leaves_the_parameters_alone(rec, planted):
    X, y, features = planted
    model = clone(rec)
    before = repr(model.get_params())
    model.fit(X, y, item_features=features)
    assert repr(model.get_params()) == before
    assert repr(clone(model).get_params()) == before


@EVERY
def test_clone_is_unfitted_and_equal(rec, planted):
    model = clone(clone(rec).fit(*planted[:2]))
    assert not hasattr(model, "items_")
    assert repr(model) == repr(rec)


@EVERY
def test_pickled_model_recommends_the_same(rec, planted):
    X, y, features = planted
    model = clone(rec).fit(X, y, item_features=features)
    other = pickle.loads(pickle.dumps(model))
    assert other.recommend(k=3, history=X[:50]).equals(model.recommend(k=3, history=X[:50]))
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


@EVERY
def test_memory_mapped_model_recommends_the_same(rec, planted, tmp_path):
    X, y, features = planted
    model = clone(rec).fit(X, y, item_features=features)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert mapped.recommend(k=3).equals(model.recommend(k=3))
    assert mapped.recommend(k=3, history=X[:50]).equals(model.recommend(k=3, history=X[:50]))
    np.testing.assert_array_equal(mapped.predict(X), model.predict(X))
    if hasattr(rec, "similar_items"):
        assert mapped.similar_items(X["item"][:3]).equals(model.similar_items(X["item"][:3]))
    mapped.partial_fit(X[:20], y[:20])


# Callbacks.


class CountEpochs:
    """Callback that counts epochs, and stops the fit after `stop_after` of them if that is given."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.ended = 0, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **kwargs):
        self.begun += context.task_name == "epoch"

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.ended += context.task_name == "epoch"
        return context.task_name == "epoch" and self.ended == self.stop_after


@WITH_FACTORS
def test_callback_sees_every_epoch(rec, planted):
    counter = CountEpochs()
    clone(rec).set_callbacks(counter).fit(*planted[:2])
    assert (counter.begun, counter.ended) == (3, 3)


@WITH_FACTORS
def test_callback_stops_the_fit(rec, planted):
    model = clone(rec).set_callbacks(CountEpochs(stop_after=2)).fit(*planted[:2])
    assert model.n_iter_ == 2
    assert len(model.loss_curve_) == 2


@WITH_FACTORS
def test_scoring_monitor_logs_one_row_per_epoch(rec, planted):
    monitor = ScoringMonitor(scoring={"p": make_ranking_scorer("precision@5")})
    clone(rec).set_callbacks(monitor).fit(planted[0])
    scores = [row["p"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert np.isfinite(scores).all()


@WITH_FACTORS
def test_progress_bar_works_alone(rec, planted, capsys):
    pytest.importorskip("rich", reason="rich is an optional dependency")
    model = clone(rec).set_callbacks(ProgressBar()).fit(*planted[:2])
    assert model.n_iter_ == 3


# Estimator checks of scikit-learn.


@parametrize_with_checks(checked_by_sklearn(), expected_failed_checks=sklearn_failures, xfail_strict=True)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
