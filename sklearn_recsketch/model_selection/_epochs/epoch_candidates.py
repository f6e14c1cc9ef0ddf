"""Validation of an epoch search's checkpoints and candidates before the first fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sklearn_recsketch.model_selection._fits.parameter_checks import read_values
from sklearn_recsketch.utils._scalars import to_python_scalar
from sklearn_recsketch.utils._unwrap import final_step
from sklearn_recsketch.utils._validation import is_integer

__all__ = ["check_candidates", "check_epochs", "list_candidates"]


def check_epochs(epochs: Any) -> list[int]:
    """Validate the checkpoints and return them in ascending order, without duplicates."""
    if isinstance(epochs, Integral) or not isinstance(epochs, Iterable):
        raise TypeError(
            f"epochs must be the numbers of epochs after which to score, got {epochs!r}. To score after every epoch "
            f"up to n, write range(1, n + 1)."
        )
    epochs = list(epochs)
    if not epochs or not all(map(is_integer, epochs)):
        raise ValueError(f"epochs must contain at least one int, each at least 1, got {epochs!r}.")
    return sorted({int(epoch) for epoch in epochs})


def list_candidates(
    distributions: Any, n_iter: int | None, candidates: Any, random_state: np.random.RandomState
) -> list[dict[str, Any]]:
    """Return the candidates passed by the caller, all candidates in the grid, or a random sample of candidates."""
    if candidates is not None:
        if distributions is not None or n_iter is not None:
            raise ValueError("If candidates are passed, param_distributions and n_iter must be None. Set them to None.")
        invalid = next((c for c in candidates if not isinstance(c, Mapping)), candidates)
        if invalid is not candidates or not len(candidates):
            raise ValueError(f"candidates must contain at least one dict of parameters, got {invalid!r}.")
        return [dict(candidate) for candidate in candidates]
    if distributions is None:
        raise ValueError("param_distributions and candidates are both None. Pass one of them.")
    listed = [distributions] if isinstance(distributions, Mapping) else distributions
    invalid = next((grid for grid in listed if not isinstance(grid, Mapping)), listed)
    if invalid is not listed or not listed:
        raise ValueError(
            f"param_distributions must be a dict that maps parameters to values, or a list of at least one such dict, "
            f"got {invalid!r}. To search over the number of epochs only, write {{}}."
        )
    grids = [{name: _values(name, grid[name], n_iter) for name in grid} for grid in listed]
    finite = all(isinstance(values, list) for grid in grids for values in grid.values())
    if finite and (n_iter is None or len(ParameterGrid(grids)) <= n_iter):
        return list(ParameterGrid(grids))
    sampled = ParameterSampler(grids, n_iter, random_state=random_state)
    return [{name: to_python_scalar(value) for name, value in candidate.items()} for candidate in sampled]


def _values(name: str, values: Any, n_iter: int | None) -> Any:
    """Return the values of a parameter as a list. A distribution is returned unchanged."""
    rule = f"param_distributions[{name!r}] must be a list of values"
    if not hasattr(values, "rvs"):
        return read_values(values, rule)
    if n_iter is None:
        raise ValueError(
            f"{rule} if n_iter is None, got a distribution. Set n_iter to the number of candidates to sample."
        )
    return values


def check_candidates(estimator: Any, resource: str, candidates: list[dict[str, Any]]) -> None:
    """Raise an error if the estimator, the resource or a candidate is invalid."""
    final = final_step(estimator)
    if not isinstance(final, CallbackSupportMixin) or not hasattr(final, "recommend"):
        got = f"the class {final.__name__}" if isinstance(final, type) else repr(final)
        raise TypeError(
            f"EpochSearchCV needs a recommender that is trained in epochs (WRMFRecommender, WARPRecommender or "
            f"BPRRecommender) or a Pipeline that ends in one, got {got}. Use GridSearchCV for other estimators."
        )
    known = estimator.get_params()
    counter = f"{estimator.steps[-1][0]}__max_iter" if hasattr(estimator, "steps") else "max_iter"
    counter = counter if counter in known else resource  # third-party recommenders may use another parameter name
    if resource not in known:
        similar = [name for name in known if name.split("__")[-1] == resource.split("__")[-1]]
        hint = f" Did you mean resource={(similar or [counter])[0]!r}?" if similar or counter != resource else ""
        raise ValueError(f"resource={resource!r} is not a parameter of {type(estimator).__name__}.{hint}")
    if resource != counter:
        raise ValueError(
            f"resource must be the parameter that sets the number of epochs, got {resource!r}. Set "
            f"resource={counter!r}, and list the values of {resource} in param_distributions."
        )
    for candidate in candidates:
        if resource in candidate:
            raise ValueError(
                f"{resource} is the resource, whose values are set by epochs, so it must not be a searched parameter, "
                f"got {resource}={candidate[resource]!r}. Leave it out, and list its values in epochs."
            )
        configured = clone(estimator).set_params(**clone(candidate, safe=False))
        if final_step(configured).early_stopping:
            raise ValueError("early_stopping must be False, because the search itself finds the best number of epochs.")
