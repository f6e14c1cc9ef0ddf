"""EpochCurveMonitor: recorded curves equal the scores of separate fits."""

import pickle

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import InteractionThresholder, WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import EpochCurveMonitor, EpochSearchCV, UserHoldoutSplit


def wrmf(**parameters):
    return WRMFRecommender(4, random_state=0, **{"max_iter": 4} | parameters)


@pytest.mark.parametrize("recommender", [wrmf(), WARPRecommender(4, max_iter=4, random_state=0)], ids=["WRMF", "WARP"])
def test_curves_equal_the_scores_of_separate_fits(split, recommender):
    X, y, X_val, y_val = split
    monitor = EpochCurveMonitor("precision@5", X_val, y_val)
    recommender.set_callbacks(monitor).fit(X, y)
    scorer = make_ranking_scorer("precision@5")
    for row in monitor.curves().itertuples(index=False):
        separate = type(recommender)(4, max_iter=row.epoch, random_state=0).fit(X, y)
        assert row[2:] == (scorer(separate, X, y), scorer(separate, X_val, y_val))


def test_each_metric_has_its_own_columns(split):
    X, y, X_val, y_val = split
    monitor = EpochCurveMonitor(["precision@5", "ndcg@10"], X_val, y_val)
    wrmf().set_callbacks(monitor).fit(X, y)
    parts = [f"{part}_{metric}" for part in ("train", "validation") for metric in ("precision@5", "ndcg@10")]
    assert monitor.curves().columns.tolist() == ["fit", "epoch", *parts]


def test_every_sets_the_number_of_epochs_between_scores(split):
    X, y, X_val, _ = split
    monitor = EpochCurveMonitor("precision@5", X_val, every=3)
    wrmf(max_iter=8).set_callbacks(monitor).fit(X, y)
    assert monitor.curves()["epoch"].tolist() == [1, 4, 7]


def test_each_fit_is_a_separate_run(split):
    X, y, X_val, _ = split
    monitor = EpochCurveMonitor("precision@5", X_val)
    recommender = wrmf().set_callbacks(monitor).fit(X, y)
    recommender.set_params(max_iter=2).fit(X, y)
    assert len(monitor.curves()) == 2
    assert len(monitor.curves(run=0)) == 4


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_grid_search_is_one_run_with_all_its_fits(planted, n_jobs):
    X, y, _ = planted
    monitor = EpochCurveMonitor("precision@5", X[:100])
    scorer = make_ranking_scorer()
    GridSearchCV(
        wrmf().set_callbacks(monitor), {"alpha": [1, 10]}, scoring=scorer, cv=UserHoldoutSplit(), n_jobs=n_jobs
    ).fit(X, y)
    assert monitor.curves().groupby("fit").size().tolist() == [4, 4, 4]


def test_an_epoch_search_is_one_run_with_all_its_fits(planted):
    X, y, _ = planted
    monitor = EpochCurveMonitor("precision@5", X[:100])
    EpochSearchCV(wrmf().set_callbacks(monitor), {"alpha": [1, 10]}, epochs=[3], n_jobs=2).fit(X, y)
    assert monitor.curves().groupby("fit").size().tolist() == [3, 3, 3]


def test_it_works_on_the_last_step_of_a_pipeline(split):
    X, y, X_val, _ = split
    monitor = EpochCurveMonitor("precision@5", X_val)
    pipe = Pipeline([("threshold", InteractionThresholder(2, 2)), ("rec", wrmf())])
    pipe["rec"].set_callbacks(monitor)
    pipe.fit(X, y)
    assert len(monitor.curves()) == 4


def test_a_copy_is_a_separate_monitor(split):
    X, y, X_val, _ = split
    monitor = EpochCurveMonitor("precision@5", X_val)
    wrmf().set_callbacks(monitor).fit(X, y)
    copy = pickle.loads(pickle.dumps(monitor))
    wrmf(max_iter=2).set_callbacks(copy).fit(X, y)
    assert (len(monitor.curves()), len(copy.curves())) == (4, 2)


def test_a_copy_that_is_passed_on_reports_to_the_original(planted):
    X, y, _ = planted
    monitor = EpochCurveMonitor("precision@5", X[:100])
    # Pickle and unpickle in the process of the original, as a scheduler does, then send to another process.
    recommender = pickle.loads(pickle.dumps(wrmf().set_callbacks(monitor)))
    with parallel_config("loky", n_jobs=2):
        Parallel()(delayed(recommender.fit)(X, y) for _ in range(2))
    assert len(monitor.curves()) == 4


def test_any_scorer_can_be_recorded(split):
    X, y, X_val, _ = split
    monitor = EpochCurveMonitor(lambda estimator, X, y=None: estimator.n_iter_, X_val)
    wrmf().set_callbacks(monitor).fit(X, y)
    assert np.array_equal(monitor.curves()["validation_score"], [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        (("precision", [[1, 2]]), {}, "a name and a cutoff"),
        (("precision@5", [[1, 2, 3, 4]]), {}, "X_val has 4 feature"),
        (("precision@5", [[1, 2]]), {"every": 0}, "every must be an int of at least 1, got 0"),
    ],
)
def test_invalid_arguments(arguments, options, text):
    with pytest.raises(ValueError, match=text):
        EpochCurveMonitor(*arguments, **options)


def test_there_are_no_curves_before_a_fit(planted):
    with pytest.raises(ValueError, match="No logs"):
        EpochCurveMonitor("precision@5", planted[0]).curves()


def test_an_unknown_run_is_an_error(split):
    X, y, X_val, _ = split
    monitor = EpochCurveMonitor("precision@5", X_val)
    wrmf().set_callbacks(monitor).fit(X, y)
    with pytest.raises(ValueError, match="run must be the number of one of the 1 recorded runs"):
        monitor.curves(run=3)
