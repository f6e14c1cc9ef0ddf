"""BayesSearchCV: search spaces, seeds, repeated and failed trials."""

from __future__ import annotations

import numpy as np
import pytest
from hill_search import (
    ACTIONS,
    BRIEF,
    FITS,
    NON_FINITE,
    QUICK,
    ROWS,
    SPACE,
    SPLITS,
    assert_equal,
    height,
    hill_search,
    rec_search,
    table,
)
from sklearn.exceptions import FitFailedWarning

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit

skopt = pytest.importorskip("skopt", reason="scikit-optimize is an optional dependency")


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()
    ACTIONS.clear()


# Seeds, surrogates and spaces.


@pytest.mark.parametrize("surrogate", [None, "gp", "forest", "extra_trees"])
def test_the_same_seed_gives_the_same_trials(surrogate):
    assert_equal(*(hill_search(surrogate=surrogate, optimizer_kwargs=BRIEF).fit(ROWS) for _ in range(2)))


def test_another_seed_gives_other_trials():
    assert hill_search().fit(ROWS).cv_results_["params"] != hill_search(random_state=1).fit(ROWS).cv_results_["params"]


def test_trials_approach_the_optimum():
    search = hill_search(n_iter=20).fit(ROWS)
    assert search.best_params_["a"] == 3
    # About 3 of 20 random trials would have the best a.
    assert sum(params["a"] == 3 for params in search.cv_results_["params"]) > 8


def test_the_surrogate_selects_the_model():
    searches = [hill_search(surrogate=name, optimizer_kwargs=BRIEF, n_iter=4).fit(ROWS) for name in ("gp", "forest")]
    models = [type(search.optimizer_results_[0].models[-1]).__name__ for search in searches]
    assert models == ["GaussianProcessRegressor", "RandomForestRegressor"]


def test_surrogate_and_base_estimator_are_mutually_exclusive():
    with pytest.raises(ValueError, match="set the same parameter"):
        hill_search(surrogate="gp").fit(ROWS)


def test_initial_trials_fit_no_model():
    search = hill_search(optimizer_kwargs=QUICK | {"n_initial_points": 7}).fit(ROWS)
    assert search.optimizer_results_[0].models == []


@pytest.mark.parametrize("name", ["random_state", "dimensions"])
def test_optimizer_kwargs_must_not_repeat_parameters_of_the_search(name):
    with pytest.raises(ValueError, match=f"optimizer_kwargs must not contain {name}"):
        hill_search(optimizer_kwargs={name: 0}).fit(ROWS)


def test_several_spaces_are_searched_in_turn():
    spaces = [({"a": (0.0, 6.0), "kind": ["round"]}, 3), {"b": (0.1, 10.0)}]
    search = hill_search(spaces, n_iter=4).fit(ROWS)
    assert [sorted(params) for params in search.cv_results_["params"]] == [["a", "kind"]] * 3 + [["b"]] * 4
    assert search.total_iterations == 7
    assert len(search.optimizer_results_) == 2


def test_dimensions_of_the_caller_do_not_change():
    space = {"b": skopt.space.Real(0.1, 10.0)}
    hill_search(space).fit(ROWS)
    assert (space["b"].transform_, space["b"].name) == ("identity", None)


def test_splits_are_computed_once():
    class Counted(UserHoldoutSplit):
        def split(self, X, y=None, groups=None):
            calls.append(1)
            yield SPLITS[len(calls) % 2]

    calls = []
    search = hill_search({"kind": ["steep", "round"]}, cv=Counted(), n_iter=4).fit(ROWS)
    assert len(calls) == 1
    assert search.n_splits_ == 1


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"search_spaces": {}}, ValueError, "at least one parameter"),
        ({"search_spaces": []}, ValueError, "at least one dict"),
        ({"search_spaces": [("a", 3)]}, TypeError, "a dict that maps parameters to dimensions"),
        ({"search_spaces": [({"a": (0, 6)}, 0)]}, TypeError, "n_iter at least 1"),
        (
            {"search_spaces": {"a": 3}},
            ValueError,
            r"search_spaces\['a'\] must be a list .* got 3 of type int\. For one value, write \[3\]",
        ),
        ({"search_spaces": [SPACE, {"c": (0, 6)}]}, ValueError, "Invalid parameter 'c'"),
        ({"refit": max}, ValueError, "'refit' parameter"),
        ({"scoring": "precision"}, ValueError, "'precision@5'"),
        ({"surrogate": "tree"}, ValueError, "'surrogate' parameter"),
        ({"cv": []}, ValueError, "at least one split"),
    ],
)
def test_invalid_parameters_are_detected_before_the_first_fit(change, error, text):
    with pytest.raises(error, match=text):
        hill_search().set_params(**change).fit(ROWS)
    assert not FITS


# Repeated trials and time limits.


def test_no_trial_is_evaluated_twice():
    search = hill_search({"a": (0, 2)}, n_iter=9, cv=SPLITS).fit(ROWS)
    assert len(FITS) == 3 * len(SPLITS) + 1  # and the refit
    assert sorted(params["a"] for params in search.cv_results_["params"]) == [0, 1, 2]


def test_repeated_trials_count_and_are_passed_to_the_optimizer():
    search = hill_search({"a": (0, 2)}, n_iter=9).fit(ROWS)
    assert len(search.optimizer_results_[0].func_vals) == 9


def test_a_repeated_trial_in_a_batch_is_evaluated_once():
    hill_search({"kind": ["round"]}, n_iter=4, n_points=2).fit(ROWS)
    assert len(FITS) == 1 + 1  # and the refit


def test_no_trial_is_started_after_the_time_limit():
    assert len(hill_search(max_time=0).fit(ROWS).cv_results_["params"]) == 1


def test_all_trials_run_within_the_time_limit():
    assert len(hill_search(max_time=600).fit(ROWS).cv_results_["params"]) == 6


def test_a_callback_ends_the_search_of_a_space():
    search = hill_search([{"a": (0, 6)}, {"b": (0.1, 10.0)}])
    search.fit(ROWS, callback=lambda result: len(result.func_vals) == 2)
    assert [list(params) for params in search.cv_results_["params"]] == [["a"], ["a"], ["b"], ["b"]]


# Initial parameters.


def test_initial_parameters_are_tried_first_and_count():
    initial = [{"a": 3, "b": 1}, {"a": np.int64(0), "b": 0.5}]
    search = hill_search(initial_params=initial).fit(ROWS)
    assert search.cv_results_["params"][:2] == [{"a": 3, "b": 1.0}, {"a": 0, "b": 0.5}]
    assert len(search.cv_results_["params"]) == 6
    assert search.optimizer_results_[0].func_vals[0] == 0
    # Two of the three initial trials are initial parameters, and the third one is random.
    assert len(search.optimizer_results_[0].models) == 4


def test_initial_parameters_belong_to_the_space_that_contains_them():
    search = hill_search([{"a": (0, 6)}, SPACE], n_iter=2, initial_params={"a": 3, "b": 1.0}).fit(ROWS)
    assert search.cv_results_["params"][2] == {"a": 3, "b": 1.0}


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"a": 7, "b": 1.0}, ValueError, r"^initial_params must.* a=7 is not an int between 0 and 6"),
        ({"a": 1.5, "b": 1.0}, ValueError, "a=1.5 is not an int"),
        ([{"a": 3, "b": 1.0}, {"a": 3, "b": 0.0}], ValueError, r"initial_params\[1\].* b=0.0 is not a number between"),
        ({"a": 3}, ValueError, r"lacks b\..*\{\*\*params, 'b': 0.01\}"),
        ({"a": 3, "b": 1.0, "kind": "steep"}, ValueError, "contains kind, which the search does not vary"),
        ("a", ValueError, "'initial_params' parameter"),
        ([("a", 3)], TypeError, r"initial_params\[0\] must be a dict"),
        ([{"a": 3, "b": 1.0}] * 7, ValueError, "there are 7 of them and n_iter=6"),
    ],
)
def test_initial_parameters_must_be_points_of_the_space(params, error, text):
    with pytest.raises(error, match=text):
        hill_search(initial_params=params).fit(ROWS)
    assert not FITS


def test_initial_parameters_of_no_space_are_refused():
    with pytest.raises(ValueError, match=r"in none of the 2 search spaces.*between 0 and 1\D.*between 4 and 5\D"):
        hill_search([{"a": (0, 1)}, {"a": (4, 5)}], initial_params={"a": 3}).fit(ROWS)


def test_the_error_for_an_unknown_initial_category_lists_the_categories():
    with pytest.raises(ValueError, match=r"kind='flat' is not one of \['round', 'steep'\]"):
        hill_search({"kind": ["round", "steep"]}, initial_params={"kind": "flat"}).fit(ROWS)


# Failed trials.


@NON_FINITE
def test_failed_trials_are_rows_of_nan_and_never_the_best():
    ACTIONS.update({n: RuntimeError("no") for n in range(3, 10, 3)})
    search = hill_search(n_iter=9)
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        search.fit(ROWS)
    assert np.isnan(search.cv_results_["mean_test_score"]).nonzero()[0].tolist() == [2, 5, 8]
    assert search.best_score_ == np.nanmax(search.cv_results_["mean_test_score"])


@NON_FINITE
def test_the_optimizer_receives_the_worst_score_for_a_failed_trial():
    ACTIONS[3] = RuntimeError("no")
    search = hill_search()
    with pytest.warns(FitFailedWarning):
        search.fit(ROWS)
    reported = -search.optimizer_results_[0].func_vals
    assert reported[2] == reported[:2].min()


@NON_FINITE
@pytest.mark.parametrize("generator", ["random", "lhs"])
def test_the_first_trials_may_all_fail(generator):
    ACTIONS.update({n: RuntimeError("no") for n in range(1, 6)})
    search = hill_search(n_iter=10, optimizer_kwargs=QUICK | {"initial_point_generator": generator})
    with pytest.warns(FitFailedWarning, match="5 fits failed out of a total of 10"):
        search.fit(ROWS)
    reported = -search.optimizer_results_[0].func_vals
    assert (reported[:5] == reported[5]).all()  # trials before the first finite score are reported with that score


@NON_FINITE
def test_a_trial_fails_if_one_of_its_folds_fails():
    ACTIONS[2] = RuntimeError("no")
    search = hill_search(cv=SPLITS)
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 12"):
        search.fit(ROWS)
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert np.isfinite(search.cv_results_["split0_test_score"][0])


@NON_FINITE
def test_a_score_of_nan_is_treated_as_a_failed_fit():
    search = hill_search(scoring=lambda hill, X, y=None: np.nan if hill.a > 2 else hill.a, n_iter=10).fit(ROWS)
    assert np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_params_["a"] <= 2


def test_an_error_is_raised_after_all_trials_if_all_fits_fail():
    ACTIONS.update({n: RuntimeError("no") for n in range(1, 20)})
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        hill_search().fit(ROWS)
    assert len(FITS) == 6


def test_an_error_is_raised_if_all_scores_are_nan():
    with pytest.raises(ValueError, match="None of the 6 trials has a finite score"):
        hill_search(scoring=lambda hill, X, y=None: np.nan).fit(ROWS)


def test_error_score_raise_raises_the_first_error():
    ACTIONS[2] = RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        hill_search(error_score="raise").fit(ROWS)
    assert len(FITS) == 2


@NON_FINITE
def test_a_failed_trial_has_nan_for_each_of_several_metrics(likes):
    class FailsInFirstFit(WRMFRecommender):
        def fit(self, X, y=None, **params):
            FITS.append({})
            if len(FITS) == 1:
                raise RuntimeError("no")
            return super().fit(X, y, **params)

    scoring = make_ranking_scorer(["precision@5", "ndcg@10"])
    search = rec_search(
        FailsInFirstFit(2, max_iter=1, random_state=0), scoring=scoring, refit="ndcg@10", error_score=np.nan
    )
    with pytest.warns(FitFailedWarning):
        search.fit(*likes[:2])
    for metric in ("precision@5", "ndcg@10"):
        assert np.isnan(search.cv_results_[f"mean_test_{metric}"]).tolist() == [True, False, False, False]


@NON_FINITE
def test_a_failing_scorer_of_several_metrics_leaves_nan_for_each():
    def both(hill, X, y=None):
        if len(FITS) == 1:
            raise RuntimeError("no")
        return {"height": height(hill, X), "depth": -height(hill, X)}

    with pytest.warns(UserWarning, match="Scoring failed"):
        search = hill_search(scoring=both, refit="height").fit(ROWS)
    for metric in ("height", "depth"):
        assert np.isnan(search.cv_results_[f"mean_test_{metric}"]).tolist() == [True] + [False] * 5


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.DivergenceWarning")
def test_a_diverging_candidate_has_a_finite_score(likes):
    rec = WARPRecommender(2, max_iter=3, random_state=0)
    space = {"learning_rate": (1e-3, 1e6, "log-uniform")}
    search = rec_search(rec, space=space, initial_params={"learning_rate": 1e6}).fit(*likes[:2])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_failed_search_leaves_the_fitted_attributes_unchanged():
    search = hill_search().fit(ROWS)
    before = table(search)
    ACTIONS.update({n: RuntimeError("no") for n in range(1, 50)})
    with pytest.raises(ValueError, match="fits failed"):
        search.fit(ROWS)
    np.testing.assert_equal(table(search), before)
