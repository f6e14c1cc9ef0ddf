"""Every recommender passes check_recommender, and every check notices a recommender that breaks its promise."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path
from unittest import SkipTest

import pytest
from broken_fits import CapsStrengths, Changed
from broken_recommenders import BROKEN
from delegating_recommender import DelegatingRecommender
from expected_failures import checked_recommenders, engine_is_missing, recommender_failures
from own_recommender import NearestItemRecommender
from print_checks import rst_of_checks
from sklearn.exceptions import EstimatorCheckFailedWarning, SkipTestWarning

from sklearn_recsketch.utils.estimator_checks import (
    _fit_checks,
    _id_checks,
    _list_checks,
    _query_checks,
    _row_checks,
    _strength_checks,
    check_recommender,
    parametrize_with_recommender_checks,
)
from sklearn_recsketch.utils.estimator_checks._run_checks import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "own_recommender.rst"
REASON = {"check_unit_of_strengths": "strengths above 5 are capped"}


@parametrize_with_recommender_checks(checked_recommenders(), expected_failed_checks=recommender_failures)
def test_recommenders_keep_their_promises(estimator, check):
    if engine_is_missing(estimator):
        pytest.skip(f"{estimator.engine} is not installed: extra [engines]")
    check(estimator)


# Broken recommenders.


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_notices_a_recommender_that_breaks_its_promise(name):
    with pytest.raises(Exception, match=r".") as raised:
        CHECKS[name](BROKEN[name](shrinkage=1.0))
    if isinstance(raised.value, SkipTest):
        pytest.skip(str(raised.value))


def test_every_check_has_a_broken_recommender():
    assert list(BROKEN) == list(CHECKS)


def test_the_base_of_broken_recommenders_is_correct():
    assert {result["status"] for result in check_recommender(Changed(1.0), on_skip=None)} <= {"passed", "skipped"}


def test_a_class_with_the_same_methods_is_checked():
    results = check_recommender(DelegatingRecommender(), on_skip=None)
    skipped = {result["check_name"]: str(result["exception"]) for result in results if result["status"] == "skipped"}
    assert skipped["check_partial_fit"] == "DelegatingRecommender has no partial_fit"


# Results.


def statuses(results):
    return {result["check_name"]: result["status"] for result in results if result["status"] != "passed"}


def test_results_have_the_keys_of_scikit_learn():
    results = check_recommender(NearestItemRecommender(), on_skip=None)
    assert [result["check_name"] for result in results] == list(CHECKS)
    keys = {"estimator", "check_name", "exception", "status", "expected_to_fail", "expected_to_fail_reason"}
    assert {frozenset(result) for result in results} == {frozenset(keys)}


def test_first_failure_is_raised():
    with pytest.raises(AssertionError, match="Passing rows twice instead of doubling") as raised:
        check_recommender(CapsStrengths())
    assert raised.value.__notes__ == ["check_repeated_rows: The strengths of repeated rows are summed."]


def test_failures_are_returned():
    results = check_recommender(CapsStrengths(), expected_failed_checks=REASON, on_fail=None, on_skip=None)
    found = statuses(results)
    assert found["check_unit_of_strengths"] == "xfail"
    assert found["check_repeated_rows"] == "failed"
    result = next(result for result in results if result["status"] == "xfail")
    assert result["expected_to_fail_reason"] == REASON["check_unit_of_strengths"]
    assert isinstance(result["exception"], AssertionError)


def test_failures_are_warnings():
    with pytest.warns(EstimatorCheckFailedWarning) as caught:
        results = check_recommender(CapsStrengths(), on_fail="warn", on_skip=None)
    failed = [name for name, status in statuses(results).items() if status == "failed"]
    assert [warning.message.check_name for warning in caught] == failed


def test_an_expected_failure_that_passes_is_a_failure():
    with pytest.raises(AssertionError, match=r"check_unit_of_strengths is expected to fail because .* but it passed"):
        check_recommender(NearestItemRecommender(), expected_failed_checks=REASON, on_skip=None)


def test_an_expected_failure_that_passes_fails_in_pytest():
    mark = parametrize_with_recommender_checks([Changed()], expected_failed_checks=lambda rec: REASON)
    cases = {case.values[1].__name__: case.marks for case in mark.args[1]}
    assert list(cases) == list(CHECKS)
    [(name, [xfail])] = [(name, marks) for name, marks in cases.items() if marks]
    assert (name, xfail.kwargs) == (*REASON, {"reason": REASON[name], "strict": True})


def test_skipped_checks_are_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)  # as if it were not installed
    with pytest.warns(SkipTestWarning, match="Skipping check_polars_frames: polars is not installed"):
        results = check_recommender(NearestItemRecommender())
    assert statuses(results)["check_polars_frames"] == "skipped"


def test_names_of_expected_failures_are_checked():
    with pytest.raises(ValueError, match="must contain names of checks, got 'check_ties_of_scores'"):
        check_recommender(NearestItemRecommender(), expected_failed_checks={"check_ties_of_scores": "no reason"})


@pytest.mark.parametrize("parameter", ["on_fail", "on_skip"])
def test_options_are_checked(parameter):
    with pytest.raises(ValueError, match=rf"{parameter} must be one of \(.*'warn', None\), got 'ignore'"):
        check_recommender(NearestItemRecommender(), **{parameter: "ignore"})


def test_a_class_is_refused():
    with pytest.raises(TypeError, match=r"got the class NearestItemRecommender: pass NearestItemRecommender\(\)"):
        check_recommender(NearestItemRecommender)


def test_the_estimator_is_not_fitted():
    rec = NearestItemRecommender(5.0)
    check_recommender(rec, on_skip=None)
    assert vars(rec) == {"shrinkage": 5.0}


def test_every_check_runs():
    modules = (_id_checks, _strength_checks, _row_checks, _list_checks, _query_checks, _fit_checks)
    assert list(CHECKS) == [name for module in modules for name in vars(module) if name.startswith("check_")]


# Documentation.


def test_the_page_lists_every_check():
    assert rst_of_checks() in PAGE.read_text(encoding="utf-8")


def test_examples_of_the_page():
    failed, attempted = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert (failed, attempted > 0) == (0, True)
