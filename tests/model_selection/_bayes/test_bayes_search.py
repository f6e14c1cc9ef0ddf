"""Bayesian search: spaces, seeds, trials that repeat or fail."""

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


# The search itself.


@pytest.mark.parametrize("surrogate", [None, "gp", "forest", "extra_trees"])
def test_the_same_seed_gives_the_same_trials(surrogate):
    assert_equal(*(hill_search(surrogate=surrogate, optimizer_kwargs=BRIEF).fit(ROWS) for _ in range(2)))


def test_another_seed_gives_other_trials():
    assert hill_search().fit(ROWS).cv_results_["params"] != hill_search(random_state=1).fit(ROWS).cv_results_["params"]


def test_trials_come_closer_to_the_best():
    search = hill_search(n_iter=20).fit(ROWS)
    assert search.best_params_["a"] == 3
    # Of 20 random trials 3 have the best a; of 17 chosen ones more.
    assert sum(params["a"] == 3 for params in search.cv_results_["params"]) > 8


def test_a_forest_is_another_surrogate_than_a_gaussian_process():
    searches = [hill_search(surrogate=name, optimizer_kwargs=BRIEF, n_iter=4).fit(ROWS) for name in ("gp", "forest")]
    models = [type(search.optimizer_results_[0].models[-1]).__name__ for search in searches]
    assert models == ["GaussianProcessRegressor", "RandomForestRegressor"]


def test_two_names_of_a_surrogate_clash():
    with pytest.raises(ValueError, match="two names of one thing"):
        hill_search(surrogate="gp").fit(ROWS)


def test_initial_points_are_random():
    search = hill_search(optimizer_kwargs=QUICK | {"n_initial_points": 7}).fit(ROWS)
    assert search.optimizer_results_[0].models == []


@pytest.mark.parametrize("name", ["random_state", "dimensions"])
def test_the_optimizer_is_told_once_what_the_search_knows(name):
    with pytest.raises(ValueError, match=f"optimizer_kwargs must not have {name}"):
        hill_search(optimizer_kwargs={name: 0}).fit(ROWS)


def test_several_spaces_have_their_turns():
    spaces = [({"a": (0.0, 6.0), "kind": ["round"]}, 3), {"b": (0.1, 10.0)}]
    search = hill_search(spaces, n_iter=4).fit(ROWS)
    assert [sorted(params) for params in search.cv_results_["params"]] == [["a", "kind"]] * 3 + [["b"]] * 4
    assert search.total_iterations == 7
    assert len(search.optimizer_results_) == 2


def test_a_dimension_of_the_caller_stays_as_it_is():
    space = {"b": skopt.space.Real(0.1, 10.0)}
    hill_search(space).fit(ROWS)
    assert (space["b"].transform_, space["b"].name) == ("identity", None)


def test_the_folds_are_drawn_once():
    class Counted(UserHoldoutSplit):
        def split(self, X, y=None, groups=None):
            seen.append(1)
            yield SPLITS[len(seen) % 2]

    seen = []
    search = hill_search({"kind": ["steep", "round"]}, cv=Counted(), n_iter=4).fit(ROWS)
    assert len(seen) == 1
    assert search.n_splits_ == 1


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"search_spaces": {}}, ValueError, "at least one parameter"),
        ({"search_spaces": []}, ValueError, "at least one dict"),
        ({"search_spaces": [("a", 3)]}, TypeError, "dict of dimensions by parameter"),
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
def test_bad_parameters_are_found_before_the_first_fit(change, error, text):
    with pytest.raises(error, match=text):
        hill_search().set_params(**change).fit(ROWS)
    assert not FITS


# Trials that are not evaluated.


def test_nothing_is_evaluated_twice():
    search = hill_search({"a": (0, 2)}, n_iter=9, cv=SPLITS).fit(ROWS)
    assert len(FITS) == 3 * len(SPLITS) + 1  # and the refit
    assert sorted(params["a"] for params in search.cv_results_["params"]) == [0, 1, 2]


def test_repeated_trials_count_and_are_learnt_from():
    search = hill_search({"a": (0, 2)}, n_iter=9).fit(ROWS)
    assert len(search.optimizer_results_[0].func_vals) == 9


def test_a_batch_evaluates_what_it_has_twice_once():
    hill_search({"kind": ["round"]}, n_iter=4, n_points=2).fit(ROWS)
    assert len(FITS) == 1 + 1  # and the refit


def test_no_trial_is_begun_after_the_time_is_up():
    assert len(hill_search(max_time=0).fit(ROWS).cv_results_["params"]) == 1


def test_time_that_is_not_up_ends_nothing():
    assert len(hill_search(max_time=600).fit(ROWS).cv_results_["params"]) == 6


def test_a_callback_ends_the_search_of_a_space():
    search = hill_search([{"a": (0, 6)}, {"b": (0.1, 10.0)}])
    search.fit(ROWS, callback=lambda result: len(result.func_vals) == 2)
    assert [list(params) for params in search.cv_results_["params"]] == [["a"], ["a"], ["b"], ["b"]]


# Trials to begin with.


def test_initial_parameters_are_tried_first_and_count():
    first = [{"a": 3, "b": 1}, {"a": np.int64(0), "b": 0.5}]
    search = hill_search(initial_params=first).fit(ROWS)
    assert search.cv_results_["params"][:2] == [{"a": 3, "b": 1.0}, {"a": 0, "b": 0.5}]
    assert len(search.cv_results_["params"]) == 6
    assert search.optimizer_results_[0].func_vals[0] == 0
    assert len(search.optimizer_results_[0].models) == 4  # 1 random trial, not 3: initial ones are among them


def test_initial_parameters_belong_to_the_space_that_has_them():
    search = hill_search([{"a": (0, 6)}, SPACE], n_iter=2, initial_params={"a": 3, "b": 1.0}).fit(ROWS)
    assert search.cv_results_["params"][2] == {"a": 3, "b": 1.0}


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"a": 7, "b": 1.0}, ValueError, r"^initial_params must.* a=7 is not an int between 0 and 6"),
        ({"a": 1.5, "b": 1.0}, ValueError, "a=1.5 is not an int"),
        ([{"a": 3, "b": 1.0}, {"a": 3, "b": 0.0}], ValueError, r"initial_params\[1\].* b=0.0 is not a number between"),
        ({"a": 3}, ValueError, r"leaves out b\..*\{\*\*params, 'b': 0.01\}"),
        ({"a": 3, "b": 1.0, "kind": "steep"}, ValueError, "has kind, which the search does not vary"),
        ("a", ValueError, "'initial_params' parameter"),
        ([("a", 3)], TypeError, r"initial_params\[0\] must be a dict"),
        ([{"a": 3, "b": 1.0}] * 7, ValueError, "are 7, but n_iter=6"),
    ],
)
def test_initial_parameters_must_be_points_of_the_space(params, error, text):
    with pytest.raises(error, match=text):
        hill_search(initial_params=params).fit(ROWS)
    assert not FITS


def test_initial_parameters_of_no_space_are_refused():
    with pytest.raises(ValueError, match=r"in none of the 2 search spaces.*between 0 and 1\D.*between 4 and 5\D"):
        hill_search([{"a": (0, 1)}, {"a": (4, 5)}], initial_params={"a": 3}).fit(ROWS)


def test_initial_categories_are_listed_where_there_is_none():
    with pytest.raises(ValueError, match=r"kind='flat' is not one of \['round', 'steep'\]"):
        hill_search({"kind": ["round", "steep"]}, initial_params={"kind": "flat"}).fit(ROWS)


# Trials that fail.


@NON_FINITE
def test_failing_trials_are_rows_of_nan_and_never_the_best():
    ACTIONS.update({n: RuntimeError("no") for n in range(3, 10, 3)})
    search = hill_search(n_iter=9)
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        search.fit(ROWS)
    assert np.isnan(search.cv_results_["mean_test_score"]).nonzero()[0].tolist() == [2, 5, 8]
    assert search.best_score_ == np.nanmax(search.cv_results_["mean_test_score"])


@NON_FINITE
def test_the_optimizer_learns_the_worst_score_in_place_of_none():
    ACTIONS[3] = RuntimeError("no")
    search = hill_search()
    with pytest.warns(FitFailedWarning):
        search.fit(ROWS)
    told = -search.optimizer_results_[0].func_vals
    assert told[2] == told[:2].min()


@NON_FINITE
@pytest.mark.parametrize("generator", ["random", "lhs"])
def test_the_first_trials_may_all_fail(generator):
    ACTIONS.update({n: RuntimeError("no") for n in range(1, 6)})
    search = hill_search(n_iter=10, optimizer_kwargs=QUICK | {"initial_point_generator": generator})
    with pytest.warns(FitFailedWarning, match="5 fits failed out of a total of 10"):
        search.fit(ROWS)
    told = -search.optimizer_results_[0].func_vals
    assert (told[:5] == told[5]).all()  # nothing before the first score, then that one


@NON_FINITE
def test_a_trial_fails_with_one_of_its_folds():
    ACTIONS[2] = RuntimeError("no")
    search = hill_search(cv=SPLITS)
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 12"):
        search.fit(ROWS)
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert np.isfinite(search.cv_results_["split0_test_score"][0])


@NON_FINITE
def test_a_score_that_is_none_is_like_a_fit_that_fails():
    search = hill_search(scoring=lambda hill, X, y=None: np.nan if hill.a > 2 else hill.a, n_iter=10).fit(ROWS)
    assert np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_params_["a"] <= 2


def test_all_fits_failing_is_an_error_after_all_trials():
    ACTIONS.update({n: RuntimeError("no") for n in range(1, 20)})
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        hill_search().fit(ROWS)
    assert len(FITS) == 6


def test_all_scores_being_none_is_an_error():
    with pytest.raises(ValueError, match="None of the 6 trials has a finite score"):
        hill_search(scoring=lambda hill, X, y=None: np.nan).fit(ROWS)


def test_an_error_can_be_raised_at_once():
    ACTIONS[2] = RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        hill_search(error_score="raise").fit(ROWS)
    assert len(FITS) == 2


@NON_FINITE
def test_a_failing_trial_has_no_score_of_several(likes):
    class Sick(WRMFRecommender):
        def fit(self, X, y=None, **params):
            FITS.append({})
            if len(FITS) == 1:
                raise RuntimeError("no")
            return super().fit(X, y, **params)

    scoring = make_ranking_scorer(["precision@5", "ndcg@10"])
    search = rec_search(Sick(2, max_iter=1, random_state=0), scoring=scoring, refit="ndcg@10", error_score=np.nan)
    with pytest.warns(FitFailedWarning):
        search.fit(*likes[:2])
    for metric in ("precision@5", "ndcg@10"):
        assert np.isnan(search.cv_results_[f"mean_test_{metric}"]).tolist() == [True, False, False, False]


@NON_FINITE
def test_a_scorer_of_several_metrics_that_raises_leaves_none():
    def both(hill, X, y=None):
        if len(FITS) == 1:
            raise RuntimeError("no")
        return {"height": height(hill, X), "depth": -height(hill, X)}

    with pytest.warns(UserWarning, match="Scoring failed"):
        search = hill_search(scoring=both, refit="height").fit(ROWS)
    for metric in ("height", "depth"):
        assert np.isnan(search.cv_results_[f"mean_test_{metric}"]).tolist() == [True] + [False] * 5


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.DivergenceWarning")
def test_a_diverging_candidate_has_a_score_like_any_other(likes):
    rec = WARPRecommender(2, max_iter=3, random_state=0)
    space = {"learning_rate": (1e-3, 1e6, "log-uniform")}
    search = rec_search(rec, space=space, initial_params={"learning_rate": 1e6}).fit(*likes[:2])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_failing_search_leaves_the_old_one_whole():
    search = hill_search().fit(ROWS)
    before = table(search)
    ACTIONS.update({n: RuntimeError("no") for n in range(1, 50)})
    with pytest.raises(ValueError, match="fits failed"):
        search.fit(ROWS)
    np.testing.assert_equal(table(search), before)
