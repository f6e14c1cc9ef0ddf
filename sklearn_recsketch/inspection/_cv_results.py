"""What a fitted search found, read from its cv_results_: candidates, epochs, scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch.metrics._scorer import RankingScorer
from sklearn_recsketch.utils._compat import BaseSearchCV
from sklearn_recsketch.utils._scalars import to_python_scalar
from sklearn_recsketch.utils._unwrap import final_step

__all__ = [
    "Candidate",
    "SearchResults",
    "choose_metric",
    "identity",
    "read_search",
    "short_names",
    "show_params",
    "show_score",
    "show_value",
]

LONGEST_VALUE = 24


@dataclass(frozen=True)
class Candidate:
    """One setting of the parameters, at every epoch it was tried at.

    Attributes
    ----------
    params : dict
        Its parameters, without the epoch.
    rows : ndarray of int
        Rows of cv_results_, by epoch.
    best : int or None
        The row of its best test score; None if it has no score, as when all its fits failed.
    """

    params: dict[str, Any]
    rows: np.ndarray
    best: int | None


@dataclass(frozen=True)
class SearchResults:
    """The rows of cv_results_ for one metric.

    Attributes
    ----------
    params : list of dict
        Parameters of each row.
    names : list of str
        The searched parameters.
    resource : str or None
        The one that counts epochs.
    metric : str
        Name of the metric, as a plot shows it.
    test, test_std : ndarray of shape (n_rows,)
        Mean and standard deviation over splits.
    train, train_std : ndarray of shape (n_rows,) or None
        The same on training rows, if the search kept them.
    """

    params: list[dict[str, Any]]
    names: list[str]
    resource: str | None
    metric: str
    test: np.ndarray
    test_std: np.ndarray
    train: np.ndarray | None
    train_std: np.ndarray | None

    @cached_property
    def epochs(self) -> np.ndarray:
        """Epoch of each row, NaN where it has none."""
        if self.resource is None:
            return np.full(len(self.params), np.nan)
        values = [row.get(self.resource, np.nan) for row in self.params]
        try:
            return np.array(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(
                f"resource must name a parameter that counts epochs, so its values must be numbers, "
                f"got {self.resource!r} with values such as {values[0]!r}."
            ) from None

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Rows grouped by all parameters but the epoch, in the order they were first tried."""
        return [
            Candidate(_without(self.params[rows[0]], self.resource), rows, best_row(self.test, rows))
            for rows in _groups(self.params, self.resource, self.epochs)
        ]

    @property
    def curves(self) -> list[Candidate]:
        """Candidates that were tried at some epoch.

        In a list of grids, some may not have the epoch's parameter at all.
        """
        return [candidate for candidate in self.candidates if not np.isnan(self.epochs[candidate.rows[0]])]

    def ranked(self, candidates: list[Candidate]) -> list[Candidate]:
        """Candidates that have a score, the best first; of equal ones, the first tried."""
        scored = [candidate for candidate in candidates if candidate.best is not None]
        return sorted(scored, key=lambda candidate: -self.test[candidate.best])

    def find(self, params: Mapping[str, Any]) -> Candidate:
        """The candidate with these parameters; the epoch, if among them, is ignored."""
        asked = _without(params, self.resource)
        for candidate in self.curves:
            if _key(candidate.params) == _key(asked):
                return candidate
        nearest = min(self.curves, key=lambda candidate: _distance(candidate.params, asked))
        raise ValueError(
            f"params must be those of a candidate of the search, {self.resource} left out, got {_plain(asked)}. "
            f"The nearest of {len(self.curves)} candidates is {_plain(nearest.params)}."
        )


def read_search(search: Any, metric: str | None = None, resource: str | None = None) -> SearchResults:
    """Read a fitted search, or a Pipeline that ends in one.

    Parameters
    ----------
    search : fitted search
        Anything with scikit-learn's cv_results_.
    metric : str or None
        None is the only metric, or the one of several that `refit` names.
    resource : str or None
        The parameter that counts epochs. None is the search's own `resource`, else a searched
        ``max_iter`` if candidates were tried at several values of it.

    Returns
    -------
    SearchResults
    """
    while hasattr(search, "steps"):
        search = final_step(search)
    if hasattr(search, "fit"):
        check_is_fitted(search, "cv_results_" if isinstance(search, BaseSearchCV) else None)
    if not hasattr(search, "cv_results_"):
        raise TypeError(
            f"search must be a fitted search, such as GridSearchCV or BayesSearchCV, got {type(search).__name__}, "
            f"which has no cv_results_."
        )
    results = search.cv_results_
    key, label = _metric(search, results, metric)
    test = np.asarray(results[f"mean_test_{key}"], dtype=np.float64)
    if np.isnan(test).all():
        raise ValueError(f"The search has no {label} to show: it is NaN for all {len(test)} rows of cv_results_.")
    params = [dict(row) for row in results["params"]]
    names = [name.removeprefix("param_") for name in results if name.startswith("param_")]
    return SearchResults(
        params=params,
        names=names,
        resource=_resource(search, params, names, resource),
        metric=label,
        test=test,
        test_std=np.asarray(results[f"std_test_{key}"], dtype=np.float64),
        train=_optional(results, f"mean_train_{key}"),
        train_std=_optional(results, f"std_train_{key}"),
    )


def choose_metric(metric: str | None, names: list[str], preferred: Any, owner: str) -> str:
    """One of the metrics `names` that `owner` has; None is the only one, else the preferred one."""
    if metric is None and len(names) == 1:
        return names[0]
    if metric is None and isinstance(preferred, str) and preferred in names:
        return preferred
    if metric is None:
        raise ValueError(f"metric must say which of {names} to show, as the {owner} has several: metric={names[0]!r}.")
    if metric not in names:
        raise ValueError(f"metric must be one that the {owner} has, one of {names}, got {metric!r}.")
    return metric


def best_row(scores: np.ndarray, rows: np.ndarray) -> int | None:
    """The first of `rows` with the highest score; None if all are NaN."""
    return None if np.isnan(scores[rows]).all() else int(rows[np.nanargmax(scores[rows])])


def identity(value: Any) -> Any:
    """Hashable, and equal for equal values of a parameter."""
    # True equals 1 in Python, but norm=True is not norm=1.
    if isinstance(value, bool | np.bool_):
        return (bool, bool(value))
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Parameters by the last part of their name, where no other ends so: alpha for rec__alpha."""
    last = {name: name.rpartition("__")[2] for name in names}
    parts = list(last.values())
    return {name: part if parts.count(part) == 1 else name for name, part in last.items()}


def show_value(value: Any) -> str:
    """A parameter's value in a few characters."""
    if isinstance(value, float | np.floating):
        number = float(value)
        text = f"{number:.0f}" if 1000 <= abs(number) < 1e6 else f"{number:.3g}"
        return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    text = " ".join(str(value).split())
    # What differs between two encoders, say, is more often at the end than at the beginning.
    return text if len(text) <= LONGEST_VALUE else f"{text[:8]}…{text[9 - LONGEST_VALUE :]}"


def show_score(score: float) -> str:
    """A score with four digits."""
    return f"{score:#.4g}"


def show_params(params: Mapping[str, Any]) -> str:
    """Parameters in a few words, for a legend."""
    short = short_names(params)
    return ", ".join(f"{short[name]}={show_value(value)}" for name, value in params.items())


def _metric(search: Any, results: Mapping[str, Any], metric: str | None) -> tuple[str, str]:
    """The metric's name in cv_results_ and in a plot."""
    keys = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
    if keys == ["score"]:
        # A single metric is called "score" in cv_results_ whatever it is: both names are understood.
        scorer, scoring = getattr(search, "scorer_", None), getattr(search, "scoring", None)
        scoring = str(scorer.metric) if isinstance(scorer, RankingScorer) else scoring
        label = scoring if isinstance(scoring, str) else "score"
        return "score", choose_metric(None if metric == "score" else metric, [label], None, "search")
    key = choose_metric(metric, keys, getattr(search, "refit", None), "search")
    return key, key


def _resource(search: Any, params: list[dict[str, Any]], names: list[str], resource: str | None) -> str | None:
    if resource is not None:
        if resource not in names:
            raise ValueError(f"resource must be one of the searched parameters {names}, got {resource!r}.")
        return resource
    declared = getattr(search, "resource", None)
    if declared in names:
        return str(declared)
    # A grid over max_iter has curves; a sampled max_iter is a parameter like any other, as hardly
    # any candidate is tried at two values.
    counts = [name for name in names if name.rpartition("__")[2] == "max_iter"]
    if len(counts) == 1 and 2 * len({_key(_without(row, counts[0])) for row in params}) <= len(params):
        return counts[0]
    return None


def _groups(params: list[dict[str, Any]], resource: str | None, epochs: np.ndarray) -> list[np.ndarray]:
    """Rows of equal parameters but for the resource, by epoch; without one, each row on its own."""
    if resource is None:
        return [np.array([row]) for row in range(len(params))]
    groups: dict[Any, list[int]] = {}
    for row, values in enumerate(params):
        groups.setdefault(_key(_without(values, resource)), []).append(row)
    return [np.array(sorted(rows, key=lambda row: epochs[row])) for rows in groups.values()]


def _without(params: Mapping[str, Any], resource: str | None) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != resource}


def _key(params: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    """Equal for equal parameters, whatever their order and whether or not values are hashable."""
    return frozenset((name, identity(value)) for name, value in params.items())


def _distance(params: Mapping[str, Any], asked: Mapping[str, Any]) -> float:
    """How far two settings are apart: 0 to 1 for each parameter."""
    total = float(len(set(params) ^ set(asked)))
    for name in set(params) & set(asked):
        a, b = params[name], asked[name]
        if identity(a) != identity(b):
            numbers = isinstance(a, Real) and isinstance(b, Real)
            total += abs(a - b) / (abs(a) + abs(b) or 1) if numbers else 1.0
    return total


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with Python's numbers, which print as one would write them."""
    return {name: to_python_scalar(value) for name, value in params.items()}


def _optional(results: Mapping[str, Any], name: str) -> np.ndarray | None:
    return np.asarray(results[name], dtype=np.float64) if name in results else None
