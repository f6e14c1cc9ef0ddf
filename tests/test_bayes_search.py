"""Bayesian search: trials that fail, repeat or are interrupted; spaces, seeds and scikit-learn's contracts."""

from __future__ import annotations

import json
import os
import pickle
import threading
from collections import Counter

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline

from sklearn_recsketch import InteractionThresholder, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit, UserKFold
from sklearn_recsketch.utils._threads import _most_threads

skopt = pytest.importorskip("skopt", reason="scikit-optimize is an optional dependency")

from skopt.learning import GaussianProcessRegressor  # noqa: E402

from sklearn_recsketch.model_selection import BayesSearchCV  # noqa: E402 - needs skopt

NON_FINITE = pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
CV = UserHoldoutSplit(n_items=2, random_state=0)
# Few random trials, and a model of the scores that has a fixed kernel and is looked at coarsely: 10 ms, not 500.
BRIEF = {"n_initial_points": 3, "acq_optimizer": "sampling", "acq_optimizer_kwargs": {"n_points": 200}}
QUICK = BRIEF | {"base_estimator": GaussianProcessRegressor(normalize_y=True)}
ROWS = np.column_stack([np.arange(20), np.arange(20)])
SPLITS = [(np.arange(10), np.arange(10, 20)), (np.arange(10, 20), np.arange(10))]

FITS: list[dict] = []
ACTIONS: dict[int, BaseException] = {}


class Hill(BaseEstimator):
    """Its score is known, and so is how often it was fitted; the n-th fit of a test may raise."""

    def __init__(self, a=1, b=1.0, kind="round"):
        self.a = a
        self.b = b
        self.kind = kind

    def fit(self, X, y=None, *, item_features=None, X_val=None):
        FITS.append(self.get_params())
        if len(FITS) in ACTIONS:
            raise ACTIONS[len(FITS)]
        return self


def height(hill, X, y=None):
    return -((hill.a - 3) ** 2) - np.log10(hill.b) ** 2 - len(X) / 100 * (hill.kind == "steep")


SPACE = {"a": (0, 6), "b": (0.01, 10.0, "log-uniform")}


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()
    ACTIONS.clear()


@pytest.fixture(scope="module")
def likes():
    """X, y, item features: 80 users, 40 items."""
    return make_interactions(80, 40, n_tags=6, return_features=True, random_state=0)


def hill_search(space=SPACE, *, cv=SPLITS[:1], **options):
    """A search over hills, one fit per trial unless told otherwise."""
    options = {"n_iter": 6, "random_state": 0, "scoring": height, "optimizer_kwargs": QUICK} | options
    return BayesSearchCV(Hill(), space, cv=cv, **options)


def rec_search(estimator=None, **options):
    """A search over a small recommender."""
    options = {"n_iter": 4, "random_state": 0, "cv": CV, "optimizer_kwargs": QUICK, "error_score": "raise"} | options
    estimator = WRMFRecommender(2, max_iter=1, random_state=0) if estimator is None else estimator
    return BayesSearchCV(estimator, options.pop("space", {"alpha": (1.0, 50.0, "log-uniform")}), **options)


def table(search):
    """What a search has found, without times."""
    results = {key: value for key, value in search.cv_results_.items() if not key.endswith("_time")}
    best = (search.best_params_, search.best_score_, int(search.best_index_))
    return results["params"], {k: v.tolist() for k, v in results.items() if k.split("_")[0] in ("mean", "split0")}, best


def assert_equal(search, other):
    np.testing.assert_equal(table(search), table(other))


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
        ({"search_spaces": {"a": 3}}, ValueError, "must give a dimension of skopt.space for a"),
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


# Interruptions.


def interrupted(search, after, X=ROWS, **fit_params):
    """Fit until so many fits are done, then press Ctrl-C."""
    FITS.clear()
    ACTIONS[after + 1] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, **fit_params)
    ACTIONS.clear()
    FITS.clear()


@NON_FINITE
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.parametrize(
    "options", [{}, {"surrogate": "forest", "optimizer_kwargs": BRIEF}, {"n_points": 2}, {"cv": SPLITS}]
)
def test_a_resumed_search_equals_one_that_was_not_interrupted(options, tmp_path):
    ACTIONS[2] = RuntimeError("a trial that fails is resumed, too")
    whole = hill_search(n_iter=8, **options).fit(ROWS)
    search = hill_search(n_iter=8, checkpoint=tmp_path / "search.json", **options)
    ACTIONS[2] = RuntimeError("a trial that fails is resumed, too")
    interrupted(search, after=5)
    assert_equal(clone(search).fit(ROWS), whole)
    assert len(FITS) < len(whole.cv_results_["params"]) * whole.n_splits_


def test_only_the_trial_under_way_is_lost(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json")
    interrupted(search, after=4)
    search.fit(ROWS)
    assert len(FITS) == 2 + 1  # and the refit


def test_a_search_that_was_done_is_refitted_only(tmp_path):
    search = hill_search(checkpoint=str(tmp_path / "search.json")).fit(ROWS)
    FITS.clear()
    again = clone(search).fit(ROWS)
    assert [again.best_estimator_.get_params()] == FITS
    np.testing.assert_equal(again.cv_results_["mean_fit_time"], search.cv_results_["mean_fit_time"])
    assert_equal(again, search)


def test_time_that_is_up_keeps_what_the_file_has(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json")
    interrupted(search, after=4)
    assert len(search.set_params(max_time=0).fit(ROWS).cv_results_["params"]) == 4


def test_a_search_goes_on_with_more_trials(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json", n_iter=4).fit(ROWS)
    FITS.clear()
    assert_equal(search.set_params(n_iter=7).fit(ROWS), hill_search(n_iter=7).fit(ROWS))
    assert len(FITS) == (3 + 1) + (7 + 1)


def test_the_file_is_plain_json(tmp_path):
    ACTIONS[2] = RuntimeError("no")
    space = {"a": np.array([1, 2, 3]), "kind": ["round", "steep"], "b": (0.1, 10.0)}
    search = hill_search(space, checkpoint=tmp_path / "search.json", n_iter=4)
    interrupted(search, after=3)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads((tmp_path / "search.json").read_text(), parse_constant=refuse)
    assert content["version"] == 1
    assert [trial["folds"][0]["test_scores"] is None for trial in content["trials"]] == [False, True, False]
    assert os.listdir(tmp_path) == ["search.json"]


def test_a_checkpoint_is_written_or_the_search_does_not_begin(tmp_path):
    with pytest.raises(FileNotFoundError):
        hill_search(checkpoint=tmp_path / "nowhere" / "search.json").fit(ROWS)
    assert not FITS


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_a_checkpoint_needs_a_seed(random_state, tmp_path):
    with pytest.raises(ValueError, match="int random_state"):
        hill_search(random_state=random_state, checkpoint=tmp_path / "search.json").fit(ROWS)


def test_a_checkpoint_holds_no_objects(tmp_path):
    space = {"kind": ["round", Hill, len]}
    with pytest.raises(ValueError, match=r"kind has <class .*Hill'>, <built-in function len>"):
        hill_search(space, checkpoint=tmp_path / "search.json").fit(ROWS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": "other", "version": 1, "search": {}, "trials": []}',
        '{"format": "sklearn_recsketch BayesSearchCV", "version": 2, "search": {}, "trials": []}',
        '{"format": "sklearn_recsketch BayesSearchCV", "version": 1, "search": {}, "trials": [3]}',
    ],
)
def test_a_broken_file_is_told_of(text, tmp_path):
    path = tmp_path / "search.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"search.json cannot be read as one.*Remove it"):
        hill_search(checkpoint=path).fit(ROWS)
    assert path.read_text() == text


def other_scores(hill, X, y=None):
    return height(hill, X)


@pytest.mark.parametrize(
    ("change", "rows", "part"),
    [
        ({"search_spaces": SPACE | {"a": (0, 5)}}, ROWS, "search_spaces"),
        ({"search_spaces": SPACE | {"b": (0.01, 10.0)}}, ROWS, "search_spaces"),
        ({"cv": SPLITS[1:]}, ROWS, "cv"),
        ({"scoring": other_scores}, ROWS, "scoring"),
        ({"estimator__kind": "steep"}, ROWS, "kind of the estimator"),
        ({"random_state": 1}, ROWS, "random_state"),
        ({"optimizer_kwargs": BRIEF}, ROWS, "optimizer_kwargs"),
        ({"initial_params": {"a": 3, "b": 1.0}}, ROWS, "initial_params"),
        ({"return_train_score": True}, ROWS, "return_train_score"),
        ({}, ROWS[::-1], "X"),
    ],
)
def test_the_file_of_another_search_is_refused(change, rows, part, tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json").fit(ROWS)
    with pytest.raises(ValueError, match=f"of one with other {part}\\. Remove it to begin anew"):
        search.set_params(**change).fit(rows)


@pytest.mark.parametrize(
    ("y", "fit_params", "part"),
    [
        (None, {}, "y"),
        (np.arange(20), {}, "y"),
        (np.ones(20), {"X_val": ROWS[:5]}, "X_val of fit"),
        (np.ones(20), {"item_features": SideFeatures.from_dicts({1: {"tag": "a"}})}, "item_features of fit"),
    ],
)
def test_the_file_of_other_data_is_refused(y, fit_params, part, tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json").fit(ROWS, np.ones(20))
    with pytest.raises(ValueError, match=f"of one with other {part}\\. "):
        search.fit(ROWS, y, **fit_params)


def test_the_kind_of_the_search_may_change_where_trials_do_not(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json").fit(ROWS)
    FITS.clear()
    search.set_params(n_jobs=2, verbose=0, max_time=600, refit=False).fit(ROWS)
    assert not FITS


def test_another_process_knows_the_file(likes, tmp_path):
    code = f"""
from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.model_selection import BayesSearchCV, UserHoldoutSplit
X, y, tags = make_interactions(80, 40, n_tags=6, return_features=True, random_state=0)
search = BayesSearchCV(
    WRMFRecommender(2, max_iter=1, random_state=0), {{"alpha": (1.0, 50.0, "log-uniform")}}, n_iter=2, random_state=0,
    cv=UserHoldoutSplit(n_items=2, random_state=0), scoring=["precision@5", "ndcg@5"], refit="ndcg@5",
    checkpoint={str(tmp_path / "search.json")!r},
).fit(X.astype(str), y, item_features=tags.__class__.from_dicts({{"1": {{"tag": ["b", "a"]}}, "2": {{"size": 1.5}}}}))
"""
    from test_public_names import run

    for seed in ("1", "2"):  # of Python's hashes of texts
        run(code, PYTHONHASHSEED=seed)
    assert len(json.loads((tmp_path / "search.json").read_text())["trials"]) == 2


# Threads, processes, progress.


def where(estimator, X, y=None):
    return os.getpid() + threading.get_ident() / 2**64


def test_folds_are_fitted_in_threads():
    scores = hill_search(cv=SPLITS, scoring=where, n_jobs=2, n_iter=2).fit(ROWS).cv_results_["split0_test_score"]
    assert (scores.astype(int) == os.getpid()).all()


def test_processes_are_used_where_the_caller_says_so():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        scores = hill_search(cv=SPLITS, scoring=where, n_iter=2).fit(ROWS).cv_results_["split0_test_score"]
    assert (scores.astype(int) != os.getpid()).all()


@pytest.mark.parametrize(("n_points", "n_jobs"), [(1, 1), (1, 2), (4, 2)])
def test_each_fit_has_its_share_of_the_cores(n_points, n_jobs):
    def share(hill, X, y=None):
        return _most_threads()

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
    with pytest.raises(AttributeError, match="refit=False"):
        search.recommend()


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
