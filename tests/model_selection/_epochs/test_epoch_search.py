"""EpochSearchCV gives the same results as separate fits."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    BPRRecommender,
    InteractionThresholder,
    SideFeatureEncoder,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import EpochSearchCV, TemporalUserSplit, UserHoldoutSplit

EPOCHS = [2, 3, 6]
GRID = {"n_components": [4, 8], "regularization": [1e-3, 1.0]}


def wrmf(**parameters):
    return WRMFRecommender(4, **{"alpha": 10, "regularization": 1, "random_state": 0} | parameters)


def by_params(search, names):
    """Return columns of cv_results_ as a frame that is sorted by parameters."""
    table = pd.DataFrame({name: search.cv_results_[name] for name in names})
    table.index = [str(sorted(params.items())) for params in search.cv_results_["params"]]
    return table.sort_index()


def score_names(search):
    return [name for name in search.cv_results_ if "score" in name and "time" not in name]


PIPE = Pipeline([("threshold", InteractionThresholder(2, 2)), ("rec", WRMFRecommender(4, random_state=0))])


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    ("estimator", "prefix"),
    [
        (wrmf(), ""),
        (WARPRecommender(4, random_state=0), ""),
        (BPRRecommender(4, random_state=0), ""),
        (PIPE, "rec__"),
    ],
    ids=["WRMF", "WARP", "BPR", "Pipeline"],
)
def test_results_equal_those_of_a_grid_search_over_epochs(planted, estimator, prefix, n_jobs):
    X, y, _ = planted
    grid = {prefix + name: values for name, values in GRID.items()}
    options = {"cv": UserHoldoutSplit(2, random_state=0), "return_train_score": True}
    separate = GridSearchCV(
        estimator, grid | {prefix + "max_iter": EPOCHS}, scoring=make_ranking_scorer("precision@5"), **options
    ).fit(X, y)
    search = EpochSearchCV(estimator, grid, epochs=EPOCHS, resource=prefix + "max_iter", n_jobs=n_jobs, **options).fit(
        X, y
    )
    names = score_names(separate)
    assert score_names(search) == names
    pd.testing.assert_frame_equal(by_params(search, names), by_params(separate, names), check_exact=True)


@pytest.mark.parametrize("form", ["frame", "array", "polars"])
def test_results_do_not_depend_on_the_type_of_ids(planted, form):
    X, y, _ = planted
    expected = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X, y)
    strings = X.map(lambda i: f"{i:05d}")  # strings in the order of the numbers
    if form == "polars":
        strings = pytest.importorskip("polars").DataFrame({name: strings[name].tolist() for name in strings})
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(strings.to_numpy() if form == "array" else strings, y)
    assert np.array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_the_best_candidate_is_refitted_on_the_original_rows(planted):
    X, y, _ = planted
    strings = X.astype(str)
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(strings, y)
    separate = wrmf().set_params(**search.best_params_).fit(strings, y)
    assert search.best_estimator_.feature_names_in_.tolist() == ["user", "item"]
    pd.testing.assert_frame_equal(search.recommend(k=3), separate.recommend(k=3))


def test_side_features_are_passed_to_every_fit(planted):
    X, y, features = planted
    grid = {"item_encoder__min_count": [1, 3]}
    search = EpochSearchCV(wrmf(), grid, epochs=EPOCHS).fit(X, y, item_features=features)
    separate = GridSearchCV(
        wrmf(), grid | {"max_iter": EPOCHS}, cv=UserHoldoutSplit(random_state=0), scoring=make_ranking_scorer()
    ).fit(X, y, item_features=features)
    names = ["mean_test_score"]
    pd.testing.assert_frame_equal(by_params(search, names), by_params(separate, names), check_exact=True)
    assert isinstance(search.best_estimator_.item_encoder_, SideFeatureEncoder)


def test_side_features_are_routed(planted):
    X, y, features = planted
    with sklearn.config_context(enable_metadata_routing=True):
        search = EpochSearchCV(PIPE, {"rec__alpha": [1, 10]}, epochs=[2], resource="rec__max_iter")
        search.fit(X, y, item_features=features)
    assert search.best_estimator_["rec"].item_features_ is not None


def test_strengths_may_be_a_series_with_any_index(planted):
    X, y, _ = planted
    expected = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X, y).cv_results_["mean_test_score"]
    with_index = pd.Series(y, index=np.arange(len(y))[::-1] * 7)
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS).fit(X, with_index)
    assert np.array_equal(search.cv_results_["mean_test_score"], expected)


def test_groups_are_passed_to_the_splitter(planted):
    X, y, _ = planted
    times = np.arange(len(X))
    search = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, cv=TemporalUserSplit()).fit(X, y, groups=times)
    splits = list(TemporalUserSplit().split(X, y, times))
    expected = EpochSearchCV(wrmf(), GRID, epochs=EPOCHS, cv=splits).fit(X, y)
    assert np.array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_pipelines_with_memory_and_passthrough_steps(planted, tmp_path):
    X, y, _ = planted
    steps = [("nothing", "passthrough"), ("threshold", InteractionThresholder(2, 2)), ("rec", wrmf())]
    options = {"epochs": EPOCHS, "resource": "rec__max_iter", "refit": False}
    scores = [
        EpochSearchCV(Pipeline(steps, memory=memory), {"rec__alpha": [1, 10]}, **options).fit(X, y).cv_results_
        for memory in (None, str(tmp_path))
    ]
    assert np.array_equal(scores[0]["mean_test_score"], scores[1]["mean_test_score"])


def test_recommenders_may_be_candidates(planted):
    X, y, _ = planted
    recommenders = [wrmf(), WARPRecommender(4, random_state=0)]
    search = EpochSearchCV(PIPE, {"rec": recommenders}, epochs=[2, 4], resource="rec__max_iter", refit=False).fit(X, y)
    for n, recommender in enumerate(recommenders):
        separate = EpochSearchCV(clone(PIPE).set_params(rec=recommender), {}, epochs=[2, 4], resource="rec__max_iter")
        scores = separate.fit(X, y).cv_results_["mean_test_score"]
        assert np.array_equal(search.cv_results_["mean_test_score"][2 * n : 2 * n + 2], scores)


def test_fitted_models_are_built_at_checkpoints_only(planted, monkeypatch):
    made, learned = [], WRMFRecommender._learned

    def counted(*args):
        made.append(1)
        return learned(*args)

    monkeypatch.setattr(WRMFRecommender, "_learned", counted)
    EpochSearchCV(wrmf(), {"alpha": [1]}, epochs=[5, 10], refit=False).fit(planted[0])
    assert len(made) == 3  # the last one is the result of the fit


def test_training_that_converges_keeps_its_last_score(planted):
    X, y, _ = planted
    search = EpochSearchCV(wrmf(tol=0.5), {"alpha": [10]}, epochs=[1, 5, 8], return_train_score=True).fit(X, y)
    separate = GridSearchCV(
        wrmf(tol=0.5),
        {"max_iter": [1, 5, 8]},
        cv=UserHoldoutSplit(random_state=0),
        scoring=make_ranking_scorer(),
        return_train_score=True,
    ).fit(X, y)
    assert search.best_estimator_.n_iter_ < 5  # otherwise the test would be vacuous
    for name in ("mean_test_score", "mean_train_score"):
        assert np.array_equal(search.cv_results_[name], separate.cv_results_[name])


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.DivergenceWarning")
def test_a_diverging_candidate_has_finite_scores(planted):
    X, y, _ = planted
    rates = {"learning_rate": [0.05, 1e30]}
    search = EpochSearchCV(WARPRecommender(4, random_state=0), rates, epochs=EPOCHS).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(set(search.cv_results_["mean_test_score"][3:])) == 1  # the scores of the last finite factors


def test_a_failing_candidate_leaves_rows_of_nan(planted):
    X, y, _ = planted
    search = EpochSearchCV(wrmf(), {"n_components": [-1, 4]}, epochs=EPOCHS)
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[:3]).all() and np.isfinite(scores[3:]).all()
    assert search.best_params_["n_components"] == 4


def test_a_failing_scorer_of_several_metrics_leaves_nan_for_each(planted):
    both = make_ranking_scorer(["precision@5", "ndcg@10"])

    def scorer(estimator, X, y=None):
        if estimator.alpha == 10:
            raise ArithmeticError("scoring fails for one candidate")
        return both(estimator, X, y)

    search = EpochSearchCV(wrmf(), {"alpha": [10, 1]}, epochs=[1, 2], scoring=scorer, refit="ndcg@10")
    with pytest.warns(UserWarning, match="Scoring failed"), pytest.warns(UserWarning, match="non-finite"):
        search.fit(planted[0])
    for metric in ("precision@5", "ndcg@10"):
        assert np.isnan(search.cv_results_[f"mean_test_{metric}"]).tolist() == [True, True, False, False]


class FailsInEpochFour:
    """Callback that raises an error in the middle of a fit."""

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 3:
            raise ArithmeticError("in epoch four")


def test_a_fit_that_fails_late_keeps_its_earlier_scores(planted):
    X, y, _ = planted
    recommender = wrmf().set_callbacks(FailsInEpochFour())
    search = EpochSearchCV(recommender, {"alpha": [1, 10]}, epochs=EPOCHS, error_score=-1.0)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 6"):
        search.fit(X, y)
    with pytest.warns(FitFailedWarning):
        separate = GridSearchCV(
            recommender,
            {"alpha": [1, 10], "max_iter": EPOCHS},
            cv=UserHoldoutSplit(random_state=0),
            scoring=make_ranking_scorer(),
            error_score=-1.0,
        ).fit(X, y)
    names = ["mean_test_score"]
    pd.testing.assert_frame_equal(by_params(search, names), by_params(separate, names), check_exact=True)


def test_an_error_is_raised_if_all_candidates_fail(planted):
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        EpochSearchCV(wrmf(), {"n_components": [-1]}, epochs=EPOCHS).fit(planted[0])


def test_error_score_raise_raises_the_first_error(planted):
    with pytest.raises(ValueError, match="n_components"):
        EpochSearchCV(wrmf(), {"n_components": [-1, 4]}, epochs=EPOCHS, error_score="raise").fit(planted[0])
