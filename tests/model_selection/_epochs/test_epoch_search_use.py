"""EpochSearchCV: scorers, candidates, refit, progress, invalid parameters."""

import gc
import threading
import time
import warnings
import weakref

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    WRMFRecommender,
)
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_report
from sklearn_recsketch.model_selection import EpochSearchCV, MedianPruning

EPOCHS = [2, 3, 6]
GRID = {"n_components": [4, 8], "regularization": [1e-3, 1.0]}


def wrmf(**parameters):
    return WRMFRecommender(4, **{"alpha": 10, "regularization": 1, "random_state": 0} | parameters)


PIPE = Pipeline([("threshold", InteractionThresholder(2, 2)), ("rec", WRMFRecommender(4, random_state=0))])


@pytest.mark.parametrize("form", [list, lambda names: {name: name for name in names}], ids=["list", "dict"])
def test_several_metrics_by_name_equal_separate_searches(planted, form):
    X, y, _ = planted
    scoring = form(["precision@5", "ndcg@10"])
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, scoring=scoring, refit="ndcg@10").fit(X, y)
    for metric in ("precision@5", "ndcg@10"):
        separate = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, scoring=metric).fit(X, y)
        assert np.array_equal(search.cv_results_[f"mean_test_{metric}"], separate.cv_results_["mean_test_score"])
    assert search.best_score_ == search.cv_results_["mean_test_ndcg@10"].max()


def test_metrics_in_a_list_are_computed_from_one_ranking(planted, monkeypatch):
    rankings = []

    def counted(*args):
        rankings.append(1)
        return top_items(*args)

    monkeypatch.setattr("sklearn_recsketch._ranking.scores.top_items", counted)
    options = {"scoring": ["precision@5", "ndcg@10"], "refit": False}
    EpochSearchCV(wrmf(), {"alpha": [1, 2]}, epochs=[1, 2, 3], **options).fit(planted[0])
    assert len(rankings) == 6


def test_a_metric_may_be_called_score(planted):
    scoring = {"score": "precision@5", "other": "recall@20"}
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, scoring=scoring, refit="other").fit(planted[0])
    assert search.best_score_ == search.cv_results_["mean_test_other"].max()
    assert search.multimetric_


def test_a_missing_refit_metric_is_detected_at_the_first_score(planted):
    calls = []

    def scorer(estimator, X, y=None):
        calls.append(1)
        return {"a": 1.0}

    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, scoring=scorer, refit="b").fit(planted[0])
    assert len(calls) == 1


def test_a_custom_scorer_receives_the_original_rows(planted):
    seen = []

    def scorer(estimator, X, y=None):
        seen.append(type(X))
        return 0.5

    EpochSearchCV(wrmf(), {"alpha": [1]}, epochs=[1], scoring=scorer).fit(planted[0].astype(str).to_numpy())
    assert seen == [np.ndarray]


@pytest.mark.parametrize("scoring", [["precision@5", "ndcg@10"], make_ranking_scorer(["precision@5", "ndcg@10"])])
def test_several_metrics_require_the_name_of_one_in_refit(planted, scoring):
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, scoring=scoring).fit(planted[0])


def test_the_fewest_epochs_are_selected_among_equal_scores(planted):
    X, y, _ = planted
    scorer = make_ranking_scorer("recall@120", exclude_seen=False)  # the recall of all items is always 1
    search = EpochSearchCV(wrmf(), GRID, epochs=[4, 2, 3], scoring=scorer).fit(X, y)
    assert search.best_score_ == 1
    assert search.best_params_["max_iter"] == 2


def test_a_sample_of_candidates_is_seeded(planted):
    X, y, _ = planted
    sampled = [
        EpochSearchCV(wrmf(), GRID, epochs=[2], n_iter=3, random_state=seed).fit(X, y).cv_results_["params"]
        for seed in (0, 0)
    ]
    assert sampled[0] == sampled[1]
    assert len(sampled[0]) == 3


def test_candidates_may_be_listed(planted):
    X, y, _ = planted
    candidates = [{"alpha": 1.0}, {"regularization": 5.0, "n_components": 3}]
    search = EpochSearchCV(wrmf(), None, epochs=[1, 2], candidates=candidates).fit(X, y)
    assert [{k: v for k, v in p.items() if k != "max_iter"} for p in search.cv_results_["params"][::2]] == candidates


def test_refit_may_be_a_function(planted):
    X, y, _ = planted
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, refit=lambda results: 4).fit(X, y)
    assert search.best_params_ == search.cv_results_["params"][4]


def test_without_refit_there_is_a_best_row_and_no_model(planted):
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(planted[0]).set_params(refit=False).fit(planted[0])
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert not hasattr(search, "best_estimator_")  # left from the first fit
    assert not hasattr(search, "recommend")
    with pytest.raises(AttributeError, match="has no attribute 'recommend'") as error:
        search.recommend()
    assert "refit=False" in str(error.value.__cause__)


def test_a_search_without_refit_cannot_be_evaluated(planted):
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, refit=False).fit(planted[0])
    with pytest.raises(TypeError, match="got EpochSearchCV fitted with refit=False: pass refit=True"):
        ranking_report(search, planted[0])


def test_recommendations_are_those_of_the_best_estimator(planted):
    X, y, _ = planted
    search = EpochSearchCV(PIPE, {"rec__alpha": [1, 10]}, epochs=[2], resource="rec__max_iter").fit(X, y)
    rec = search.best_estimator_["rec"]
    pd.testing.assert_frame_equal(search.recommend(k=4, exclude_seen=False), rec.recommend(k=4, exclude_seen=False))
    pd.testing.assert_frame_equal(search.similar_items(rec.items_[:2], 3), rec.similar_items(rec.items_[:2], 3))
    pd.testing.assert_frame_equal(search.similar_users(rec.users_[:2], 3), rec.similar_users(rec.users_[:2], 3))


def test_an_unfitted_search_cannot_recommend():
    with pytest.raises(NotFittedError):
        EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).recommend()


def test_a_failed_fit_leaves_the_search_unchanged(planted):
    X, y, _ = planted
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X, y)
    before = dict(vars(search))
    with pytest.raises(ValueError, match="All the"):
        search.set_params(estimator__n_components=-1, param_distributions={"alpha": [1]}).fit(X, y)
    for name in ("cv_results_", "best_estimator_", "best_params_", "scorer_"):
        assert vars(search)[name] is before[name]


def test_fit_time_does_not_include_scoring(planted):
    X, y, _ = planted

    def scorer(estimator, X, y=None):
        time.sleep(0.2)
        return 0.5

    results = EpochSearchCV(wrmf(), {"alpha": [1]}, epochs=[1, 2, 3], scoring=scorer).fit(X, y).cv_results_
    assert (results["mean_score_time"] >= 0.2).all()
    assert results["mean_fit_time"][2] < 0.4  # less than the time of two rounds of scoring


@pytest.mark.slow
def test_models_are_released_before_the_search_ends(planted):
    matrices, left = [], []

    def scorer(estimator, X, y=None):
        gc.collect()
        left.append(sum(reference() is not None for reference in matrices))
        matrices.append(weakref.ref(estimator.interactions_))
        return 0.5

    EpochSearchCV(wrmf(), {"alpha": [1, 2, 3, 4, 5]}, epochs=[1], scoring=scorer).fit(planted[0])
    assert max(left) <= 1


def test_callbacks_of_the_recommender_are_kept(planted):
    X, y, _ = planted
    seen = []

    class Counter:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            seen.append(context.task_name)

    EpochSearchCV(wrmf().set_callbacks(Counter()), {"alpha": [1, 2]}, epochs=[1, 3], refit=False).fit(X, y)
    assert seen.count("epoch") == 6


def test_progress_of_candidates_and_epochs_is_shown(planted, capsys):
    pytest.importorskip("rich")
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, n_jobs=2).set_callbacks(ProgressBar())
    search.fit(planted[0])
    assert "EpochSearchCV - search" in capsys.readouterr().out


def test_verbose_prints_each_candidate(planted, capsys):
    EpochSearchCV(wrmf(), {"alpha": [1, 10]}, epochs=EPOCHS, verbose=2).fit(planted[0])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 1 folds for each of 2 candidates, 3 checkpoints each"
    assert sum("best" in line and "6 epochs" in line for line in lines) == 2


def test_joblib_configures_the_number_of_parallel_fits(planted):
    threads = set()

    def scorer(estimator, X, y=None):
        threads.add(threading.get_ident())
        return 0.5

    with parallel_config(n_jobs=2):
        EpochSearchCV(wrmf(), {"alpha": range(1, 9)}, epochs=[5], scoring=scorer, refit=False).fit(planted[0])
    assert len(threads) == 2


def test_warning_filters_do_not_change(planted):
    before = list(warnings.filters)
    EpochSearchCV(wrmf(), {"alpha": range(1, 30)}, epochs=[1], n_jobs=2, refit=False).fit(planted[0])
    assert warnings.filters == before


@pytest.mark.slow
def test_processes_and_threads_give_the_same_results(planted):
    X, y, _ = planted
    by_threads = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X.astype(str), y)
    with parallel_config("loky", n_jobs=2):
        by_processes = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X.astype(str), y)
    assert np.array_equal(by_threads.cv_results_["mean_test_score"], by_processes.cv_results_["mean_test_score"])


def test_clone_and_repr():
    search = EpochSearchCV(wrmf(), GRID, epochs=range(2, 40, 2), prune=MedianPruning(warmup=1))
    assert clone(search).get_params()["prune"] == MedianPruning(warmup=1)
    assert "epochs=range(2, 40, 2)" in repr(search)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"epochs": 10}, TypeError, r"write range\(1, n \+ 1\)"),
        ({"epochs": []}, ValueError, "at least one int"),
        ({"epochs": [0, 2]}, ValueError, "each at least 1"),
        ({"resource": "n_epochs"}, ValueError, "is not a parameter of WRMFRecommender"),
        ({"estimator": PIPE, "param_distributions": {}}, ValueError, "Did you mean resource='rec__max_iter'"),
        ({"estimator": LogisticRegression()}, TypeError, "a recommender that is trained in epochs"),
        (
            {"estimator": PopularityRecommender()},
            TypeError,
            r"WARPRecommender or .* PopularityRecommender\(\)\. .*GridS",
        ),
        ({"estimator": Pipeline([("rec", PopularityRecommender())])}, TypeError, "got PopularityRecommender"),
        ({"estimator": WRMFRecommender}, TypeError, "got the class WRMFRecommender"),
        ({"resource": "alpha"}, ValueError, r"sets the number of epochs, got 'alpha'\. Set resource='max_iter'"),
        ({"resource": "n_epochs"}, ValueError, "Did you mean resource='max_iter'"),
        ({"param_distributions": []}, ValueError, r"or a list of at least one such dict, got \[\]"),
        ({"param_distributions": ["alpha"]}, ValueError, "got 'alpha'"),
        ({"param_distributions": {"alpha": []}}, ValueError, "at least one value"),
        ({"estimator": wrmf(early_stopping=True)}, ValueError, "early_stopping must be False"),
        ({"param_distributions": {"max_iter": [3]}}, ValueError, "max_iter is the resource"),
        ({"param_distributions": {"alhpa": [3]}}, ValueError, "Invalid parameter 'alhpa'"),
        ({"param_distributions": None}, ValueError, "are both None"),
        ({"candidates": [{"alpha": 1}]}, ValueError, "param_distributions and n_iter must be None"),
        ({"param_distributions": None, "candidates": [3]}, ValueError, "at least one dict of parameters, got 3"),
        ({"param_distributions": None, "candidates": []}, ValueError, "at least one dict of parameters, got"),
        ({"prune": "mean"}, ValueError, r"one of \['halving', 'median'\]"),
        ({"scoring": "precision"}, ValueError, "name and a cutoff like 'precision@5'"),
        ({"n_iter": 0}, ValueError, "'n_iter' parameter"),
    ],
)
def test_invalid_parameters_are_detected_before_the_first_fit(planted, change, error, text, monkeypatch):
    parameters = {"estimator": wrmf(), "param_distributions": GRID, "epochs": EPOCHS} | change
    fitted = []
    for recommender in (WRMFRecommender, PopularityRecommender):
        monkeypatch.setattr(recommender, "fit", lambda *_, **__: fitted.append(1))
    with pytest.raises(error, match=text):
        EpochSearchCV(**parameters).fit(planted[0])
    assert not fitted


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sample_weight", r"sample_weight was passed, but WRMFRecommender.fit has no .* third column of X"),
        ("itemfeatures", r"itemfeatures was passed, .* It has: user_features, item_features, X_val, y_val\."),
    ],
)
@pytest.mark.parametrize("pipeline", [False, True])
def test_unknown_fit_parameters_are_detected_before_the_first_fit(planted, name, text, pipeline):
    X, y, _ = planted
    estimator, prefix = (Pipeline([("rec", wrmf())]), "rec__") if pipeline else (wrmf(), "")
    search = EpochSearchCV(estimator, {}, epochs=EPOCHS, resource=f"{prefix}max_iter")
    with pytest.raises(TypeError, match=text):
        search.fit(X, y, **{f"{prefix}{name}": np.ones(len(X))})


def test_fit_parameters_of_a_pipeline_start_with_a_step(planted):
    X, y, tags = planted
    search = EpochSearchCV(Pipeline([("rec", wrmf())]), {}, epochs=EPOCHS, resource="rec__max_iter")
    with pytest.raises(TypeError, match=r"write rec__item_features=\.\.\., or enable"):
        search.fit(X, y, item_features=tags)


def test_an_empty_grid_searches_over_epochs_only(planted):
    search = EpochSearchCV(wrmf(), {}, epochs=[1, 2]).fit(planted[0])
    assert search.cv_results_["params"] == [{"max_iter": 1}, {"max_iter": 2}]


def test_validation_rows_must_not_be_as_many_as_training_rows(planted):
    X, y, _ = planted
    with pytest.raises(ValueError, match="slices fit parameters of that length"):
        EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X, y, X_val=X)
