"""Validation of the search spaces and initial points of a Bayesian search."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from skopt.space import Categorical, Dimension, Integer, Real

from sklearn_recsketch.model_selection._bayes.mixed_categorical import MixedCategorical
from sklearn_recsketch.model_selection._fits.parameter_checks import read_values
from sklearn_recsketch.utils._scalars import to_python_scalar
from sklearn_recsketch.utils._validation import is_integer

__all__ = ["SearchSpace", "initial_points", "read_spaces"]

PRIORS = ("uniform", "log-uniform")


@dataclass(frozen=True)
class SearchSpace:
    """Search space with one dimension per parameter, sorted by parameter name, and a number of trials."""

    dimensions: dict[str, Dimension]
    n_iter: int

    def params(self, point: list[Any]) -> dict[str, Any]:
        """Convert a point to a dict of parameters. skopt represents points as lists."""
        return dict(zip(self.dimensions, point, strict=True))

    @property
    def example(self) -> dict[str, Any]:
        """Example of a valid point in the space, as a dict of parameters."""
        return {name: _example(dimension) for name, dimension in self.dimensions.items()}

    def description(self) -> list[tuple[Any, ...]]:
        """Return the properties of all dimensions, which are used to compare spaces. skopt's repr is incomplete."""
        return [
            (name, type(d).__name__, *d.bounds, d.prior, getattr(d, "base", None))
            for name, d in self.dimensions.items()
        ]


def read_spaces(search_spaces: Any, n_iter: int) -> list[SearchSpace]:
    """Read the search spaces from a dict, or from a list of dicts and (dict, n_iter) pairs."""
    listed = [search_spaces] if isinstance(search_spaces, Mapping) else search_spaces
    spaces = []
    for element in listed:
        dimensions, n_trials = element if isinstance(element, tuple) and len(element) == 2 else (element, n_iter)
        if not isinstance(dimensions, Mapping) or not is_integer(n_trials):
            raise TypeError(
                f"search_spaces must be a dict that maps parameters to dimensions, or a list of such dicts or of pairs "
                f"(dict, n_iter) with n_iter at least 1, got {element!r}."
            )
        if not dimensions:
            raise ValueError("search_spaces must contain at least one parameter, got an empty dict.")
        spaces.append(
            SearchSpace({name: _dimension(name, dimensions[name]) for name in sorted(dimensions)}, int(n_trials))
        )
    if not spaces:
        raise ValueError("search_spaces must contain at least one dict of dimensions, got an empty list.")
    return spaces


def initial_points(initial_params: Any, spaces: list[SearchSpace]) -> list[list[list[Any]]]:
    """Return the initial points of each space. Each dict is assigned to the first space that contains it."""
    points: list[list[list[Any]]] = [[] for _ in spaces]
    if initial_params is None:
        return points
    listed = [initial_params] if isinstance(initial_params, Mapping) else initial_params
    for number, params in enumerate(listed):
        name = "initial_params" if listed is not initial_params else f"initial_params[{number}]"
        if not isinstance(params, Mapping):
            raise TypeError(f"{name} must be a dict of parameters, got {params!r}.")
        problems = [_problem(name, params, space) for space in spaces]
        if None not in problems:
            which = "" if len(spaces) == 1 else f"{name} is in none of the {len(spaces)} search spaces. "
            raise ValueError(which + " ".join(str(problem) for problem in problems))
        first = problems.index(None)
        points[first].append([_value(dimension, params[key]) for key, dimension in spaces[first].dimensions.items()])
    for space, initial in zip(spaces, points, strict=True):
        if len(initial) > space.n_iter:
            raise ValueError(
                f"initial_params count towards n_iter, but there are {len(initial)} of them and n_iter={space.n_iter}. "
                f"Raise n_iter."
            )
    return points


def _dimension(name: str, values: Any) -> Dimension:
    rule = f"search_spaces[{name!r}] must be a list of categories, a range (low, high) or a dimension of skopt.space"
    if isinstance(values, Categorical):
        dimension = MixedCategorical(values.categories, values.prior, values.transform_)
    elif isinstance(values, Dimension):
        dimension = copy.deepcopy(values)  # skopt changes dimensions during a search
    elif isinstance(values, tuple):
        dimension = _range(name, values)
    elif hasattr(values, "rvs"):
        raise ValueError(
            f"{rule}, got a distribution, which only RandomizedSearchCV and EpochSearchCV support. "
            f"Write a range such as (0.1, 10.0) or (1e-3, 1.0, 'log-uniform')."
        )
    else:
        dimension = MixedCategorical(read_values(values, rule))
    dimension.name = name
    return dimension


def _range(name: str, values: tuple[Any, ...]) -> Dimension:
    """Create a dimension from a tuple (low, high, prior, base). The prior and the base are optional."""
    rule = f"search_spaces[{name!r}] must be a range such as (1, 8) or (1e-3, 1.0, 'log-uniform')"
    categories = f"For categories, write a list: {list(values)!r}."
    bounds = [to_python_scalar(value) for value in values[:2]]
    numeric = all(isinstance(bound, numbers.Real) and not isinstance(bound, bool) for bound in bounds)
    if not 2 <= len(values) <= 4 or not numeric:
        raise ValueError(f"{rule}, got {values!r}. {categories}")
    low, high = bounds
    prior = values[2] if len(values) > 2 else "uniform"
    base = values[3] if len(values) > 3 else 10
    if not np.isfinite(bounds).all():
        raise ValueError(f"{rule} between finite numbers, got {values!r}.")
    if low == high:
        raise ValueError(f"{rule} with low < high, got {values!r}. For a single value, write [{low!r}].")
    if low > high:
        raise ValueError(f"{rule} with low < high, got {values!r}. Write {(high, low, *values[2:])!r}.")
    if not isinstance(prior, str) or prior not in PRIORS:
        raise ValueError(f"{rule} whose third value is one of {list(PRIORS)}, got {values!r}. {categories}")
    if not is_integer(base, least=2):
        raise ValueError(f"{rule} whose fourth value is an int of at least 2, got {values!r}.")
    if prior == "log-uniform" and low <= 0:
        raise ValueError(
            f"{rule} with a positive low if it is log-uniform, got {values!r}. Raise low, or write {(low, high)!r}."
        )
    if all(isinstance(bound, numbers.Integral) for bound in bounds):
        return Integer(int(low), int(high), prior, int(base))
    return Real(float(low), float(high), prior, int(base))


def _problem(name: str, params: Mapping[str, Any], space: SearchSpace) -> str | None:
    """Return an error message if the parameters are not in the space. Otherwise, return None."""
    missing = [key for key in space.dimensions if key not in params]
    if missing:
        return (
            f"{name} must have a value for every parameter of the search space, but lacks {', '.join(missing)}. "
            f"Add one, for example {{**params, {missing[0]!r}: {_example(space.dimensions[missing[0]])!r}}}."
        )
    unknown = [key for key in params if key not in space.dimensions]
    if unknown:
        return (
            f"{name} contains {', '.join(unknown)}, which the search does not vary. Set it on the estimator, or add a "
            f"dimension for it to search_spaces."
        )
    for key, dimension in space.dimensions.items():
        if not _is_inside(dimension, params[key]):
            return (
                f"{name} must be in the search space, but {key}={params[key]!r} is not {_bounds(dimension)}. "
                f"Change the value, or widen the dimension."
            )
    return None


def _is_inside(dimension: Dimension, value: Any) -> bool:
    if isinstance(dimension, MixedCategorical):
        return to_python_scalar(value) in dimension
    kind = numbers.Integral if isinstance(dimension, Integer) else numbers.Real
    return isinstance(value, kind) and not isinstance(value, bool) and bool(dimension.low <= value <= dimension.high)


def _bounds(dimension: Dimension) -> str:
    if isinstance(dimension, MixedCategorical):
        return f"one of {list(dimension.categories)}"
    kind = "an int" if isinstance(dimension, Integer) else "a number"
    return f"{kind} between {dimension.low} and {dimension.high}"


def _value(dimension: Dimension, value: Any) -> Any:
    """Convert a value to the type that skopt uses for values of the dimension."""
    if isinstance(dimension, MixedCategorical):
        return dimension.categories[dimension.position(to_python_scalar(value))]
    return int(value) if isinstance(dimension, Integer) else float(value)


def _example(dimension: Dimension) -> Any:
    return to_python_scalar(dimension.bounds[0])
