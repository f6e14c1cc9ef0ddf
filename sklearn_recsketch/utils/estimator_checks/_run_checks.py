"""Run the checks of recommenders, alone or as tests of pytest."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal
from unittest import SkipTest

from sklearn.exceptions import EstimatorCheckFailedWarning, SkipTestWarning

from sklearn_recsketch.exceptions import UnknownIdWarning
from sklearn_recsketch.utils.estimator_checks import (
    _fit_checks,
    _id_checks,
    _list_checks,
    _query_checks,
    _row_checks,
    _strength_checks,
)

__all__ = ["GROUPS", "check_recommender", "parametrize_with_recommender_checks"]

Check = Callable[[Any], None]

GROUPS: dict[str, tuple[Check, ...]] = {
    "Ids": _id_checks.CHECKS,
    "Strengths": _strength_checks.CHECKS,
    "Rows and containers": _row_checks.CHECKS,
    "Ranked lists": _list_checks.CHECKS,
    "Arguments of recommend": _query_checks.CHECKS,
    "Contract with scikit-learn": _fit_checks.CHECKS,
}


def _with_unknown_ids(check: Check) -> Check:
    """Make a check ignore warnings about unknown ids, which many checks query."""

    @functools.wraps(check)
    def quiet(estimator: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownIdWarning)
            check(estimator)

    return quiet


CHECKS = {check.__name__: _with_unknown_ids(check) for group in GROUPS.values() for check in group}


def check_recommender(
    estimator: Any,
    *,
    expected_failed_checks: dict[str, str] | None = None,
    on_fail: Literal["raise", "warn"] | None = "raise",
    on_skip: Literal["warn"] | None = "warn",
) -> list[dict[str, Any]]:
    """Check that a recommender keeps the promises of this package.

    The checks fit clones of the estimator on small data. :doc:`/own_recommender` lists them. They complement
    :func:`~sklearn.utils.estimator_checks.check_estimator` of scikit-learn, which knows nothing about recommendations.

    Parameters
    ----------
    estimator : recommender
        Instance of a subclass of :class:`~sklearn_recsketch.base.BaseRecommender`, or of another class with the same
        methods. It is not fitted or changed. Choose parameters with which it fits fast, such as few components.
    expected_failed_checks : dict, default=None
        Names of the checks that are expected to fail, and the reason for each.
    on_fail : {"raise", "warn"} or None, default="raise"
        What to do if a check fails. If "raise", the first failure is raised. If "warn", the other checks run, and each
        failure is an `EstimatorCheckFailedWarning`. If None, failures are only returned. A check that passes although
        it is expected to fail counts as a failure.
    on_skip : {"warn"} or None, default="warn"
        What to do if a check cannot run, for example because polars is not installed.

    Returns
    -------
    list of dict
        One dictionary for each check, with the keys "estimator", "check_name", "exception", "status" ("passed",
        "failed", "xfail" or "skipped"), "expected_to_fail" and "expected_to_fail_reason", as in scikit-learn.

    Raises
    ------
    AssertionError
        If ``on_fail="raise"`` and a promise is not kept. Errors of the estimator itself are raised as they are.
    TypeError
        If `estimator` is a class.
    ValueError
        If `expected_failed_checks` contains a name that is not the name of a check, or if `on_fail` or `on_skip` has
        another value.

    See Also
    --------
    parametrize_with_recommender_checks : The same checks as tests of pytest.

    Notes
    -----
    The checks fit the estimator about 75 times on 185 rows. They set `random_state=0`.

    Examples
    --------
    >>> from sklearn_recsketch import ItemKNNRecommender
    >>> from sklearn_recsketch.utils.estimator_checks import check_recommender
    >>> results = check_recommender(ItemKNNRecommender(), on_skip=None)
    >>> [result["check_name"] for result in results if result["status"] == "failed"]
    []
    """
    expected = _check_arguments(estimator, expected_failed_checks)
    for parameter, value, values in (
        ("on_fail", on_fail, ("raise", "warn", None)),
        ("on_skip", on_skip, ("warn", None)),
    ):
        if value not in values:
            raise ValueError(f"{parameter} must be one of {values}, got {value!r}.")
    results = []
    for name, check in CHECKS.items():
        result = _run_check(estimator, name, check, expected)
        results.append(result)
        if result["status"] == "skipped" and on_skip == "warn":
            warnings.warn(f"Skipping {name}: {result['exception']}", SkipTestWarning, stacklevel=2)
        elif result["status"] == "failed" and on_fail == "raise":
            raise result["exception"]
        elif result["status"] == "failed" and on_fail == "warn":
            warnings.warn(EstimatorCheckFailedWarning(**result), stacklevel=2)
    return results


def parametrize_with_recommender_checks(
    estimators: Iterable[Any], *, expected_failed_checks: Callable[[Any], dict[str, str]] | None = None
) -> Any:
    """Decorate a test with one case for each recommender and each check, for pytest.

    Parameters
    ----------
    estimators : iterable of recommenders
        Instances, as for :func:`check_recommender`.
    expected_failed_checks : callable, default=None
        Function that takes an estimator and returns the names and reasons of the checks that are expected to fail. If
        such a check passes, the test fails.

    Returns
    -------
    pytest.mark.parametrize
        Decorator of a test with the arguments `estimator` and `check`.

    Examples
    --------
    >>> from sklearn_recsketch import ItemKNNRecommender
    >>> from sklearn_recsketch.utils.estimator_checks import parametrize_with_recommender_checks
    >>> @parametrize_with_recommender_checks([ItemKNNRecommender()])
    ... def test_recommender(estimator, check):
    ...     check(estimator)
    """
    import pytest

    cases = []
    for estimator in estimators:
        failures = None if expected_failed_checks is None else expected_failed_checks(estimator)
        expected = _check_arguments(estimator, failures)
        label = " ".join(repr(estimator).split())
        for name, check in CHECKS.items():
            marks = [pytest.mark.xfail(reason=expected[name], strict=True)] if name in expected else []
            cases.append(pytest.param(estimator, check, marks=marks, id=f"{label}-{name}"))
    return pytest.mark.parametrize(("estimator", "check"), cases)


def _run_check(estimator: Any, name: str, check: Check, expected: dict[str, str]) -> dict[str, Any]:
    """Run a check, and return its result as a dictionary."""
    exception: Exception | None = None
    status = "passed"
    try:
        check(estimator)
    except SkipTest as error:
        exception, status = error, "skipped"
    except Exception as error:
        exception, status = error, "xfail" if name in expected else "failed"
        exception.add_note(f"{name}: {inspect.getdoc(check)}")
    else:
        if name in expected:
            status = "failed"
            exception = AssertionError(
                f"{name} is expected to fail because {expected[name]!r}, but it passed. Remove it from "
                f"expected_failed_checks."
            )
    return {
        "estimator": estimator,
        "check_name": name,
        "exception": exception,
        "status": status,
        "expected_to_fail": name in expected,
        "expected_to_fail_reason": expected.get(name, ""),
    }


def _check_arguments(estimator: Any, expected_failed_checks: dict[str, str] | None) -> dict[str, str]:
    """Check the arguments, and return the expected failures as a dictionary."""
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be an instance, got the class {estimator.__name__}: pass {estimator.__name__}()."
        )
    expected = {} if expected_failed_checks is None else dict(expected_failed_checks)
    for name in expected:
        if name not in CHECKS:
            raise ValueError(
                f"expected_failed_checks must contain names of checks, got {name!r}. Checks: {', '.join(CHECKS)}."
            )
    return expected
