"""Where a Bayesian search looks, and where it begins."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from skopt.space import Categorical, Dimension, Integer, Real

from sklearn_recsketch.model_selection._bayes.categories import Choice
from sklearn_recsketch.model_selection._fits.parameter_values import native, read_values
from sklearn_recsketch.utils._validation import is_integer

__all__ = ["SearchSpace", "initial_points", "read_spaces"]

PRIORS = ("uniform", "log-uniform")


@dataclass(frozen=True)
class SearchSpace:
    """Dimensions by parameter, in the order of the names, and the number of trials to spend on them."""

    dimensions: dict[str, Dimension]
    n_iter: int

    def params(self, point: list[Any]) -> dict[str, Any]:
        """Parameters of a point: what skopt has as a list."""
        return dict(zip(self.dimensions, point, strict=True))

    @property
    def example(self) -> dict[str, Any]:
        """Some parameters of the space."""
        return {name: _example(dimension) for name, dimension in self.dimensions.items()}

    def description(self) -> list[tuple[Any, ...]]:
        """All that tells two spaces apart; skopt's own repr leaves things out, and changes once it is searched."""
        return [
            (name, type(d).__name__, *d.bounds, d.prior, getattr(d, "base", None))
            for name, d in self.dimensions.items()
        ]


def read_spaces(search_spaces: Any, n_iter: int) -> list[SearchSpace]:
    """Search spaces from a dict, or a list of dicts and of pairs (dict, n_iter)."""
    given = [search_spaces] if isinstance(search_spaces, Mapping) else search_spaces
    spaces = []
    for one in given:
        dimensions, trials = one if isinstance(one, tuple) and len(one) == 2 else (one, n_iter)
        if not isinstance(dimensions, Mapping) or not isinstance(trials, numbers.Integral) or trials < 1:
            raise TypeError(
                f"search_spaces must be a dict of dimensions by parameter, or a list of such dicts or of pairs "
                f"(dict, n_iter) with n_iter at least 1, got {one!r}."
            )
        if not dimensions:
            raise ValueError("search_spaces must name at least one parameter, got an empty dict.")
        spaces.append(
            SearchSpace({name: _dimension(name, dimensions[name]) for name in sorted(dimensions)}, int(trials))
        )
    if not spaces:
        raise ValueError("search_spaces must be at least one dict of dimensions, got an empty list.")
    return spaces


def initial_points(initial_params: Any, spaces: list[SearchSpace]) -> list[list[list[Any]]]:
    """Points to begin with, of each space: parameters belong to the first one that has them all."""
    points: list[list[list[Any]]] = [[] for _ in spaces]
    if initial_params is None:
        return points
    given = [initial_params] if isinstance(initial_params, Mapping) else initial_params
    for number, params in enumerate(given):
        name = "initial_params" if given is not initial_params else f"initial_params[{number}]"
        if not isinstance(params, Mapping):
            raise TypeError(f"{name} must be a dict of parameters, got {params!r}.")
        problems = [_problem(name, params, space) for space in spaces]
        if None not in problems:
            which = "" if len(spaces) == 1 else f"{name} is in none of the {len(spaces)} search spaces. "
            raise ValueError(which + " ".join(str(problem) for problem in problems))
        home = problems.index(None)
        points[home].append([_value(dimension, params[key]) for key, dimension in spaces[home].dimensions.items()])
    for space, begun in zip(spaces, points, strict=True):
        if len(begun) > space.n_iter:
            raise ValueError(
                f"initial_params count towards n_iter, and are {len(begun)}, but n_iter={space.n_iter}. Raise n_iter."
            )
    return points


def _dimension(name: str, given: Any) -> Dimension:
    rule = f"search_spaces[{name!r}] must be a list of categories, a range (low, high) or a dimension of skopt.space"
    if isinstance(given, Categorical):
        dimension = Choice(given.categories, given.prior, given.transform_)
    elif isinstance(given, Dimension):
        dimension = copy.deepcopy(given)  # skopt changes dimensions when it searches them; the caller's stay
    elif isinstance(given, tuple):
        dimension = _range(name, given)
    elif hasattr(given, "rvs"):
        raise ValueError(
            f"{rule}, got a distribution, which RandomizedSearchCV and EpochSearchCV draw from. "
            f"Write a range such as (0.1, 10.0) or (1e-3, 1.0, 'log-uniform')."
        )
    else:
        dimension = Choice(read_values(given, rule))
    dimension.name = name
    return dimension


def _range(name: str, given: tuple[Any, ...]) -> Dimension:
    """A dimension of ints or of numbers from a tuple (low, high, prior, base), the last two optional."""
    rule = f"search_spaces[{name!r}] must be a range such as (1, 8) or (1e-3, 1.0, 'log-uniform')"
    categories = f"For categories, write a list: {list(given)!r}."
    bounds = [native(value) for value in given[:2]]
    numeric = all(isinstance(bound, numbers.Real) and not isinstance(bound, bool) for bound in bounds)
    if not 2 <= len(given) <= 4 or not numeric:
        raise ValueError(f"{rule}, got {given!r}. {categories}")
    low, high = bounds
    prior = given[2] if len(given) > 2 else "uniform"
    base = given[3] if len(given) > 3 else 10
    if not np.isfinite(bounds).all():
        raise ValueError(f"{rule} between finite numbers, got {given!r}.")
    if low == high:
        raise ValueError(f"{rule} with low < high, got {given!r}. For a single value, write [{low!r}].")
    if low > high:
        raise ValueError(f"{rule} with low < high, got {given!r}. Write {(high, low, *given[2:])!r}.")
    if not isinstance(prior, str) or prior not in PRIORS:
        raise ValueError(f"{rule} whose third value is one of {list(PRIORS)}, got {given!r}. {categories}")
    if not is_integer(base, least=2):
        raise ValueError(f"{rule} whose fourth value is an int of at least 2, got {given!r}.")
    if prior == "log-uniform" and low <= 0:
        raise ValueError(
            f"{rule} whose low is positive if it is log-uniform, got {given!r}. Raise low, or write {(low, high)!r}."
        )
    if all(isinstance(bound, numbers.Integral) for bound in bounds):
        return Integer(int(low), int(high), prior, int(base))
    return Real(float(low), float(high), prior, int(base))


def _problem(name: str, params: Mapping[str, Any], space: SearchSpace) -> str | None:
    """What keeps parameters from being a point of the space."""
    missing = [key for key in space.dimensions if key not in params]
    if missing:
        return (
            f"{name} must have a value for every parameter of the search space, and leaves out {', '.join(missing)}. "
            f"Add one, for example {{**params, {missing[0]!r}: {_example(space.dimensions[missing[0]])!r}}}."
        )
    unknown = [key for key in params if key not in space.dimensions]
    if unknown:
        return (
            f"{name} has {', '.join(unknown)}, which the search does not vary: set it on the estimator, or give it a "
            f"dimension in search_spaces."
        )
    for key, dimension in space.dimensions.items():
        if not _is_inside(dimension, params[key]):
            return (
                f"{name} must be inside of the search space, and {key}={params[key]!r} is not {_bounds(dimension)}. "
                f"Change the value, or widen the dimension."
            )
    return None


def _is_inside(dimension: Dimension, value: Any) -> bool:
    if isinstance(dimension, Choice):
        return native(value) in dimension
    kind = numbers.Integral if isinstance(dimension, Integer) else numbers.Real
    return isinstance(value, kind) and not isinstance(value, bool) and bool(dimension.low <= value <= dimension.high)


def _bounds(dimension: Dimension) -> str:
    if isinstance(dimension, Choice):
        return f"one of {list(dimension.categories)}"
    kind = "an int" if isinstance(dimension, Integer) else "a number"
    return f"{kind} between {dimension.low} and {dimension.high}"


def _value(dimension: Dimension, value: Any) -> Any:
    """A value inside of the dimension, as skopt would have proposed it."""
    if isinstance(dimension, Choice):
        return dimension.categories[dimension.place(native(value))]
    return int(value) if isinstance(dimension, Integer) else float(value)


def _example(dimension: Dimension) -> Any:
    return native(dimension.bounds[0])
