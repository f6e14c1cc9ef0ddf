"""Read the candidates, epochs and scores from the ``cv_results_`` of a search."""

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
    "hashable_key",
    "read_search",
    "short_names",
    "show_params",
    "show_score",
    "show_value",
]

MAX_VALUE_LENGTH = 24


@dataclass(frozen=True)
class Candidate:
    """A search candidate, with one row for each epoch at which it was scored.

    Attributes
    ----------
    params : dict
        Parameters of the candidate, except the number of epochs.
    rows : ndarray of int
        Indices of the candidate's rows in ``cv_results_``, sorted by epoch.
    best : int or None
        Index of the row with the best test score. It is None if the candidate has no score, for example because all its
        fits failed.
    """

    params: dict[str, Any]
    rows: np.ndarray
    best: int | None


@dataclass(frozen=True)
class SearchResults:
    """Search results for a single metric.

    Attributes
    ----------
    params : list of dict
        Parameters in each row of ``cv_results_``.
    names : list of str
        Names of the searched parameters.
    resource : str or None
        Name of the parameter that sets the number of epochs, or None if there is no such parameter.
    metric : str
        Name of the metric, as shown in plots.
    test, test_std : ndarray of shape (n_rows,)
        For each row, the mean and standard deviation of its test scores over the splits.
    train, train_std : ndarray of shape (n_rows,) or None
        For each row, the mean and standard deviation of its training scores over the splits. Both attributes are None
        if the search did not compute training scores.
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
        """Number of epochs in each row, or NaN if the parameters of a row do not include it."""
        if self.resource is None:
            return np.full(len(self.params), np.nan)
        values = [row.get(self.resource, np.nan) for row in self.params]
        try:
            return np.array(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(
                f"resource must be the name of a parameter whose values are numbers of epochs, "
                f"got {self.resource!r} with values such as {values[0]!r}."
            ) from None

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Candidates of the search, in the order in which they were first evaluated."""
        return [
            Candidate(_without(self.params[rows[0]], self.resource), rows, best_row(self.test, rows))
            for rows in _groups(self.params, self.resource, self.epochs)
        ]

    @property
    def curves(self) -> list[Candidate]:
        """Candidates whose parameters include the number of epochs.

        If a search uses a list of grids, some grids may not contain the parameter that sets the number of epochs.
        """
        return [candidate for candidate in self.candidates if not np.isnan(self.epochs[candidate.rows[0]])]

    def ranked(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return the candidates that have a score, from best to worst.

        Candidates with equal scores keep their order.
        """
        scored = [candidate for candidate in candidates if candidate.best is not None]
        return sorted(scored, key=lambda candidate: -self.test[candidate.best])

    def find(self, params: Mapping[str, Any]) -> Candidate:
        """Find the candidate with the given parameters. The number of epochs in `params` is ignored."""
        params = _without(params, self.resource)
        for candidate in self.curves:
            if _key(candidate.params) == _key(params):
                return candidate
        nearest = min(self.curves, key=lambda candidate: _distance(candidate.params, params))
        raise ValueError(
            f"params must be the parameters of a candidate of the search, except {self.resource}, "
            f"got {_plain(params)}. The most similar of {len(self.curves)} candidates is {_plain(nearest.params)}."
        )


def read_search(search: Any, metric: str | None = None, resource: str | None = None) -> SearchResults:
    """Read the results of a fitted search, or of a Pipeline whose last step is a search.

    Parameters
    ----------
    search : fitted search
        Search that has the attribute ``cv_results_``, such as scikit-learn's `GridSearchCV`.
    metric : str or None
        Name of the metric. If None and there are several metrics, the metric named by `refit` is used.
    resource : str or None
        Name of the parameter that sets the number of epochs. If None, the search's `resource` attribute is used if it
        is the name of a searched parameter. Otherwise, ``max_iter`` is used if the candidates were evaluated with
        several values of ``max_iter``.

    Returns
    -------
    SearchResults
        Results of the search for this metric.
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
        raise ValueError(f"There is no {label} to plot: it is NaN for all {len(test)} rows of cv_results_.")
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
    """Return `metric` if it is valid, or choose a metric if it is None.

    If `names` contains a single metric, it is chosen. Otherwise, the metric `preferred` is chosen. `owner` describes
    the object that has these metrics. It is shown in error messages.
    """
    if metric is None and len(names) == 1:
        return names[0]
    if metric is None and isinstance(preferred, str) and preferred in names:
        return preferred
    if metric is None:
        raise ValueError(f"The {owner} has several metrics. Pass one of {names}, such as metric={names[0]!r}.")
    if metric not in names:
        raise ValueError(f"metric must be one of the metrics {names} of the {owner}, got {metric!r}.")
    return metric


def best_row(scores: np.ndarray, rows: np.ndarray) -> int | None:
    """Return the first row in `rows` with the highest score, or None if all scores are NaN."""
    return None if np.isnan(scores[rows]).all() else int(rows[np.nanargmax(scores[rows])])


def hashable_key(value: Any) -> Any:
    """Return a hashable key for a parameter value. Equal values have equal keys."""
    # True == 1 in Python, but they are different parameter values.
    if isinstance(value, bool | np.bool_):
        return (bool, bool(value))
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return a short name for each parameter, such as alpha for rec__alpha.

    If two parameters would get the same short name, both keep their full names.
    """
    last = {name: name.rpartition("__")[2] for name in names}
    parts = list(last.values())
    return {name: part if parts.count(part) == 1 else name for name, part in last.items()}


def show_value(value: Any) -> str:
    """Format a parameter value with at most `MAX_VALUE_LENGTH` characters."""
    if isinstance(value, float | np.floating):
        number = float(value)
        text = f"{number:.0f}" if 1000 <= abs(number) < 1e6 else f"{number:.3g}"
        return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    text = " ".join(str(value).split())
    # Keep more of the end, because similar values, such as two encoders, usually differ there.
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:8]}…{text[9 - MAX_VALUE_LENGTH :]}"


def show_score(score: float) -> str:
    """Format a score with four significant digits."""
    return f"{score:#.4g}"


def show_params(params: Mapping[str, Any]) -> str:
    """Format parameters for a legend."""
    short = short_names(params)
    return ", ".join(f"{short[name]}={show_value(value)}" for name, value in params.items())


def _metric(search: Any, results: Mapping[str, Any], metric: str | None) -> tuple[str, str]:
    """Return the metric's name in ``cv_results_`` and its name in plots."""
    keys = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
    if keys == ["score"]:
        # A single metric is always called "score" in cv_results_. Accept both this name and the name of the metric.
        scorer, scoring = getattr(search, "scorer_", None), getattr(search, "scoring", None)
        scoring = str(scorer.metric) if isinstance(scorer, RankingScorer) else scoring
        label = scoring if isinstance(scoring, str) else "score"
        return "score", choose_metric(None if metric == "score" else metric, [label], None, "search")
    key = choose_metric(metric, keys, getattr(search, "refit", None), "search")
    return key, key


def _resource(search: Any, params: list[dict[str, Any]], names: list[str], resource: str | None) -> str | None:
    """Return the name of the parameter that sets the number of epochs, or None if there is no such parameter."""
    if resource is not None:
        if resource not in names:
            raise ValueError(f"resource must be one of the searched parameters {names}, got {resource!r}.")
        return resource
    declared = getattr(search, "resource", None)
    if declared in names:
        return str(declared)
    # If max_iter was sampled, it is treated like any other parameter, because few candidates were tried with two values
    # of it. Each candidate has a curve only if max_iter was searched as a grid.
    max_iters = [name for name in names if name.rpartition("__")[2] == "max_iter"]
    if len(max_iters) == 1 and 2 * len({_key(_without(row, max_iters[0])) for row in params}) <= len(params):
        return max_iters[0]
    return None


def _groups(params: list[dict[str, Any]], resource: str | None, epochs: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each candidate, sorted by epoch. If `resource` is None, each row is a candidate."""
    if resource is None:
        return [np.array([row]) for row in range(len(params))]
    groups: dict[Any, list[int]] = {}
    for row, values in enumerate(params):
        groups.setdefault(_key(_without(values, resource)), []).append(row)
    return [np.array(sorted(rows, key=lambda row: epochs[row])) for rows in groups.values()]


def _without(params: Mapping[str, Any], resource: str | None) -> dict[str, Any]:
    """Return the parameters without the number of epochs."""
    return {name: value for name, value in params.items() if name != resource}


def _key(params: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    """Return a hashable key for a dict of parameters. The key does not depend on the parameter order.

    The values need not be hashable.
    """
    return frozenset((name, hashable_key(value)) for name, value in params.items())


def _distance(params: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the distance between two candidates. Each parameter contributes a value between 0 and 1."""
    total = float(len(set(params) ^ set(other)))
    for name in set(params) & set(other):
        a, b = params[name], other[name]
        if hashable_key(a) != hashable_key(b):
            numbers = isinstance(a, Real) and isinstance(b, Real)
            total += abs(a - b) / (abs(a) + abs(b) or 1) if numbers else 1.0
    return total


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with Python numbers instead of NumPy scalars, for use in messages."""
    return {name: to_python_scalar(value) for name, value in params.items()}


def _optional(results: Mapping[str, Any], name: str) -> np.ndarray | None:
    """Return a column of ``cv_results_``, or None if the column does not exist."""
    return np.asarray(results[name], dtype=np.float64) if name in results else None
