"""BayesSearchCV: checkpoints, and searches that are interrupted and resumed."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest
from hill_search import (
    ACTIONS,
    BRIEF,
    FITS,
    NON_FINITE,
    ROWS,
    SPACE,
    SPLITS,
    assert_equal,
    height,
    hill_search,
    rec_search,
)
from sklearn.base import clone

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.metrics import make_ranking_scorer


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()
    ACTIONS.clear()


# Interruptions.


def interrupted(search, after, X=ROWS, **fit_params):
    """Interrupt the search after the given number of fits, as with Ctrl-C."""
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
    ACTIONS[2] = RuntimeError("failed trials are stored, too")
    expected = hill_search(n_iter=8, **options).fit(ROWS)
    search = hill_search(n_iter=8, checkpoint=tmp_path / "search.json", **options)
    ACTIONS[2] = RuntimeError("failed trials are stored, too")
    interrupted(search, after=5)
    assert_equal(clone(search).fit(ROWS), expected)
    assert len(FITS) < len(expected.cv_results_["params"]) * expected.n_splits_


def test_only_the_running_trial_is_lost(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json")
    interrupted(search, after=4)
    search.fit(ROWS)
    assert len(FITS) == 2 + 1  # and the refit


def test_a_finished_search_is_only_refitted(tmp_path):
    search = hill_search(checkpoint=str(tmp_path / "search.json")).fit(ROWS)
    FITS.clear()
    again = clone(search).fit(ROWS)
    assert [again.best_estimator_.get_params()] == FITS
    np.testing.assert_equal(again.cv_results_["mean_fit_time"], search.cv_results_["mean_fit_time"])
    assert_equal(again, search)


def test_stored_trials_are_kept_after_the_time_limit(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json")
    interrupted(search, after=4)
    assert len(search.set_params(max_time=0).fit(ROWS).cv_results_["params"]) == 4


def test_a_search_continues_with_more_trials(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json", n_iter=4).fit(ROWS)
    FITS.clear()
    assert_equal(search.set_params(n_iter=7).fit(ROWS), hill_search(n_iter=7).fit(ROWS))
    assert len(FITS) == (3 + 1) + (7 + 1)


@pytest.mark.parametrize("n_iter", [4, 5])
def test_a_search_in_batches_continues_with_more_trials(n_iter, tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json", n_iter=n_iter, n_points=2).fit(ROWS)
    before = search.cv_results_["params"]
    after = search.set_params(n_iter=8).fit(ROWS).cv_results_["params"]
    assert after[: len(before)] == before
    assert_equal(search, hill_search(n_iter=8, n_points=2).fit(ROWS))


def test_more_trials_in_one_space_do_not_change_those_of_the_next(tmp_path):
    spaces = [({"a": (0, 6)}, 3), ({"b": (0.01, 10.0)}, 3)]
    search = hill_search(spaces, checkpoint=tmp_path / "search.json").fit(ROWS)
    before = [params for params in search.cv_results_["params"] if "b" in params]
    search.set_params(search_spaces=[(spaces[0][0], 5), spaces[1]]).fit(ROWS)
    assert [params for params in search.cv_results_["params"] if "b" in params] == before


def test_the_file_is_valid_json(tmp_path):
    ACTIONS[2] = RuntimeError("no")
    space = {"a": np.array([1, 2, 3]), "kind": ["round", "steep"], "b": (0.1, 10.0)}
    search = hill_search(space, checkpoint=tmp_path / "search.json", n_iter=4)
    interrupted(search, after=3)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads((tmp_path / "search.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["version"] == 1
    assert [trial["folds"][0]["test_scores"] is None for trial in content["trials"]] == [False, True, False]
    assert os.listdir(tmp_path) == ["search.json"]


def test_a_path_that_cannot_be_written_is_an_error_before_the_first_fit(tmp_path):
    with pytest.raises(FileNotFoundError):
        hill_search(checkpoint=tmp_path / "nowhere" / "search.json").fit(ROWS)
    assert not FITS


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_a_checkpoint_requires_an_int_seed(random_state, tmp_path):
    with pytest.raises(ValueError, match="int random_state"):
        hill_search(random_state=random_state, checkpoint=tmp_path / "search.json").fit(ROWS)


FOLD = {"fit_error": None, "fit_time": 0.1, "n_test_samples": 5, "score_time": 0.2, "test_scores": 0.5}


def file_of(*trials):
    """Content of a checkpoint with these trials."""
    return json.dumps({"format": "sklearn_recsketch BayesSearchCV", "version": 1, "search": {}, "trials": trials})


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
        "[" * 100_000,
        file_of({"params": {}, "folds": []}),
        file_of({"params": {}, "folds": [FOLD]}, {"params": {"a": 1}, "folds": [FOLD, FOLD]}),
        *(file_of({"params": {}, "folds": [{key: FOLD[key] for key in FOLD if key != name}]}) for name in FOLD),
        *(file_of({"params": {}, "folds": [FOLD | {name: []}]}) for name in FOLD),
        file_of({"params": {}, "folds": [FOLD | {"fit_time": float("inf")}]}),
        file_of({"params": {}, "folds": [FOLD | {"test_scores": {}}]}),
        file_of({"params": {"a": [1]}, "folds": [FOLD]}),
        file_of({"params": {"a": {"digest": ["f"], "text": "f"}}, "folds": [FOLD]}),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(text, tmp_path):
    path = tmp_path / "search.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"search.json cannot be read as one.*Remove it"):
        hill_search(checkpoint=path).fit(ROWS)
    assert path.read_text(encoding="utf-8") == text


def other_scores(hill, X, y=None):
    return height(hill, X)


@pytest.mark.parametrize(
    ("change", "rows", "part"),
    [
        ({"search_spaces": SPACE | {"a": (0, 5)}}, ROWS, "search_spaces"),
        ({"search_spaces": SPACE | {"b": (0.01, 10.0)}}, ROWS, "search_spaces"),
        ({"cv": SPLITS[1:]}, ROWS, "cv"),
        ({"scoring": other_scores}, ROWS, "scoring"),
        ({"scoring": lambda hill, X, y=None: height(hill, X) + 1}, ROWS, "scoring"),
        ({"estimator__kind": "steep"}, ROWS, "kind of the estimator"),
        ({"random_state": 1}, ROWS, "random_state"),
        ({"optimizer_kwargs": BRIEF}, ROWS, "optimizer_kwargs"),
        ({"initial_params": {"a": 3, "b": 1.0}}, ROWS, "initial_params"),
        ({"return_train_score": True}, ROWS, "return_train_score"),
        ({}, ROWS[::-1], "X"),
    ],
)
def test_the_checkpoint_of_a_different_search_is_refused(change, rows, part, tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json").fit(ROWS)
    with pytest.raises(ValueError, match=f"a search with different {part}\\. Remove it to start again"):
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
def test_the_checkpoint_of_different_data_is_refused(y, fit_params, part, tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json").fit(ROWS, np.ones(20))
    with pytest.raises(ValueError, match=f"a search with different {part}\\. "):
        search.fit(ROWS, y, **fit_params)


def test_a_changed_function_body_is_a_different_scoring(tmp_path):
    def scoring(shift):
        return {"one": lambda hill, X, y=None: height(hill, X) + shift, "two": height}

    search = hill_search(checkpoint=tmp_path / "search.json", scoring=scoring(1), refit="one").fit(ROWS)
    search.set_params(scoring=scoring(1)).fit(ROWS)
    with pytest.raises(ValueError, match="a search with different scoring"):
        search.set_params(scoring=scoring(2)).fit(ROWS)


def test_equal_candidates_of_different_types_are_the_same_scoring(likes, tmp_path):
    X, y, _ = likes
    items = X["item"].drop_duplicates()
    search = rec_search(checkpoint=tmp_path / "search.json", n_iter=2)
    for candidates in (items.iloc[:9], pd.Series(items.iloc[:9].to_numpy()), items.iloc[:9].copy()):
        search.set_params(scoring=make_ranking_scorer("recall@5", candidates=candidates)).fit(X, y)
    with pytest.raises(ValueError, match="a search with different scoring"):
        search.set_params(scoring=make_ranking_scorer("recall@5", candidates=items.iloc[:8])).fit(X, y)


def test_parameters_that_do_not_affect_the_trials_may_change(tmp_path):
    search = hill_search(checkpoint=tmp_path / "search.json").fit(ROWS)
    FITS.clear()
    search.set_params(n_jobs=2, verbose=1, max_time=600, refit=False).fit(ROWS)
    assert not FITS


@pytest.mark.slow
def test_another_process_can_resume_the_search(likes, tmp_path):
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

    for seed in ("1", "2"):  # seeds of the hashes of strings
        run(code, PYTHONHASHSEED=seed)
    assert len(json.loads((tmp_path / "search.json").read_text(encoding="utf-8"))["trials"]) == 2
