"""Where a Bayesian search looks, and where it begins."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from skopt.space import Categorical, Dimension, Integer, check_dimension

__all__ = ["SearchSpace", "initial_points", "native", "read_spaces"]


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


def native(value: Any) -> Any:
    """A Python number or text in place of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


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
    try:
        # skopt changes dimensions when it searches them; the caller's stay as they are.
        dimension = copy.deepcopy(check_dimension(given))
    except ValueError as error:
        raise ValueError(
            f"search_spaces must give a dimension of skopt.space for {name}, or a tuple such as "
            f"(1e-3, 1.0, 'log-uniform') or a list of categories, got {given!r}."
        ) from error
    dimension.name = name
    return dimension


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
    if isinstance(dimension, Categorical):
        return value in dimension.categories
    kind = numbers.Integral if isinstance(dimension, Integer) else numbers.Real
    return isinstance(value, kind) and not isinstance(value, bool) and bool(dimension.low <= value <= dimension.high)


def _bounds(dimension: Dimension) -> str:
    if isinstance(dimension, Categorical):
        return f"one of {list(dimension.categories)}"
    kind = "an int" if isinstance(dimension, Integer) else "a number"
    return f"{kind} between {dimension.low} and {dimension.high}"


def _value(dimension: Dimension, value: Any) -> Any:
    """A value inside of the dimension, as skopt would have proposed it."""
    if isinstance(dimension, Categorical):
        return native(dimension.categories[dimension.categories.index(value)])
    return int(value) if isinstance(dimension, Integer) else float(value)


def _example(dimension: Dimension) -> Any:
    return native(dimension.bounds[0])
