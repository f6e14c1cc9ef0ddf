"""Print which checks the estimators pass: python tests/print_checks.py. With --rst, print the table of the docs."""

# ruff: noqa: E402 - the path is set before other imports
from __future__ import annotations

import argparse
import sys
import textwrap
import warnings
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS / "helpers"), str(TESTS.parent / "examples")]

import sklearn
from broken_recommenders import BROKEN
from expected_failures import (
    checked_by_sklearn,
    checked_recommenders,
    engine_is_missing,
    recommender_failures,
    sklearn_failures,
)
from sklearn.utils.estimator_checks import check_estimator

from sklearn_recsketch.utils.estimator_checks import check_recommender
from sklearn_recsketch.utils.estimator_checks._run_checks import CHECKS, GROUPS

STATUSES = ("passed", "xfail", "skipped", "failed")


def first_line(documented):
    """Return the first line of a docstring."""
    return documented.__doc__.splitlines()[0]


def rst_of_checks():
    """Return a definition list of the checks for each group, in reStructuredText."""
    parts = []
    for group, checks in GROUPS.items():
        parts.append(f"{group}\n{'~' * len(group)}\n")
        parts += [f"``{check.__name__}``\n   {first_line(check)}\n" for check in checks]
    return "\n".join(parts)


def print_results(title, estimators, check, failures):
    """Print how many checks each estimator passes, and why others do not; return the number of failures."""
    print(f"{title}\n\n{'':64}" + "".join(f"{status:>9}" for status in STATUSES))
    notes, n_failed = {}, 0
    for estimator in estimators:
        name = " ".join(repr(estimator).split())
        if engine_is_missing(estimator):
            print(f"{name:64}  {estimator.engine} is not installed")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of estimators that scikit-learn fits on few rows
            expected = failures(estimator)
            results = check(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
        for result in results:  # scikit-learn counts an expected failure that passes as passed
            if result["expected_to_fail"] and result["status"] == "passed":
                result |= {"status": "failed", "exception": "passed, although it is expected to fail"}
        counts = Counter(result["status"] for result in results)
        print(f"{name:64}" + "".join(f"{counts[status]:9}" for status in STATUSES))
        for result in results:
            if result["status"] != "passed":
                reason = result["expected_to_fail_reason"] if result["status"] == "xfail" else result["exception"]
                note = f"{result['status']}  {result['check_name']}: {reason}"
                notes.setdefault(note, []).append(type(estimator).__name__)
        n_failed += counts["failed"]
    print()
    for note, names in notes.items():
        print(textwrap.fill(f"{note} ({', '.join(dict.fromkeys(names))})", 120, subsequent_indent="    "))
    print()
    return n_failed


def print_broken():
    """Print which checks notice each broken recommender; return the number of those that their own check misses."""
    print("Broken recommenders, the check that must notice each, and the other checks that fail\n")
    missed = 0
    for name, broken in BROKEN.items():
        results = check_recommender(broken(shrinkage=1.0), on_fail=None, on_skip=None)
        failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
        missed += name not in failed
        message = " ".join(str(failed.pop(name, "NOT NOTICED")).split())
        others = ", ".join(other.removeprefix("check_") for other in failed) or "none"
        print(f"{broken.__name__}: {first_line(broken)}")
        print(textwrap.fill(f"{name}: {message}", 120, initial_indent="    ", subsequent_indent="        "))
        print(textwrap.fill(f"others: {others}", 120, initial_indent="    ", subsequent_indent="        "))
    print(f"\n{len(BROKEN)} broken recommenders, {missed} not noticed by their check, {len(CHECKS)} checks")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rst", action="store_true", help="print the table of checks of docs/own_recommender.rst")
    if parser.parse_args().rst:
        print(rst_of_checks())
        return 0
    n_wrong = print_results(
        f"Checks of scikit-learn {sklearn.__version__}", checked_by_sklearn(), check_estimator, sklearn_failures
    )
    n_wrong += print_results("check_recommender", checked_recommenders(), check_recommender, recommender_failures)
    return int(n_wrong + print_broken() > 0)


if __name__ == "__main__":
    sys.exit(main())
