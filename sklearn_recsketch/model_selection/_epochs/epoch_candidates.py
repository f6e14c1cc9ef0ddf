"""What an epoch search tries: checkpoints and candidates, checked before the first fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sklearn_recsketch.model_selection._fits.parameter_values import native, read_values
from sklearn_recsketch.utils._unwrap import final_step
from sklearn_recsketch.utils._validation import is_integer

__all__ = ["check_candidates", "checked_epochs", "list_candidates"]


def checked_epochs(epochs: Any) -> list[int]:
    """Distinct numbers of epochs, ascending."""
    if isinstance(epochs, Integral) or not isinstance(epochs, Iterable):
        raise TypeError(
            f"epochs must be the numbers of epochs to score at, got {epochs!r}. For all of them up to n, "
            f"write range(1, n + 1)."
        )
    epochs = list(epochs)
    if not epochs or not all(map(is_integer, epochs)):
        raise ValueError(f"epochs must be at least one int, each at least 1, got {epochs!r}.")
    return sorted({int(epoch) for epoch in epochs})


def list_candidates(
    distributions: Any, n_candidates: int | None, candidates: Any, random_state: np.random.RandomState
) -> list[dict[str, Any]]:
    """The grid, a sample of it, or the candidates themselves."""
    if candidates is not None:
        if distributions is not None or n_candidates is not None:
            raise ValueError("candidates were given: set param_distributions=None and n_candidates=None.")
        wrong = next((c for c in candidates if not isinstance(c, Mapping)), candidates)
        if wrong is not candidates or not len(candidates):
            raise ValueError(f"candidates must be at least one dict of parameters, got {wrong!r}.")
        return [dict(candidate) for candidate in candidates]
    if distributions is None:
        raise ValueError("param_distributions is None, and no candidates were given: give one of them.")
    given = [distributions] if isinstance(distributions, Mapping) else distributions
    wrong = next((one for one in given if not isinstance(one, Mapping)), given)
    if wrong is not given or not given:
        raise ValueError(
            f"param_distributions must be a dict of values by parameter, or a list of at least one, got {wrong!r}. "
            f"To try numbers of epochs only, write {{}}."
        )
    grids = [{name: _values(name, one[name], n_candidates) for name in one} for one in given]
    finite = all(isinstance(values, list) for grid in grids for values in grid.values())
    if finite and (n_candidates is None or len(ParameterGrid(grids)) <= n_candidates):
        return list(ParameterGrid(grids))
    drawn = ParameterSampler(grids, n_candidates, random_state=random_state)
    return [{name: native(value) for name, value in candidate.items()} for candidate in drawn]


def _values(name: str, given: Any, n_candidates: int | None) -> Any:
    """The values of a parameter as a list, or the distribution that draws them."""
    rule = f"param_distributions[{name!r}] must be a list of values"
    if not hasattr(given, "rvs"):
        return read_values(given, rule)
    if n_candidates is None:
        raise ValueError(
            f"{rule} where n_candidates is None, got a distribution. Set n_candidates to the number of candidates to "
            f"draw."
        )
    return given


def check_candidates(estimator: Any, resource: str, candidates: list[dict[str, Any]]) -> None:
    """Find what is wrong with a search before hours of it have passed."""
    final = final_step(estimator)
    if not isinstance(final, CallbackSupportMixin) or not hasattr(final, "recommend"):
        got = f"the class {final.__name__}" if isinstance(final, type) else repr(final)
        raise TypeError(
            f"EpochSearchCV needs a recommender that trains by epochs, WRMFRecommender, WARPRecommender or "
            f"BPRRecommender, or a Pipeline that ends in one, got {got}. Search over others with GridSearchCV."
        )
    known = estimator.get_params()
    counter = f"{estimator.steps[-1][0]}__max_iter" if hasattr(estimator, "steps") else "max_iter"
    counter = counter if counter in known else resource  # of somebody else's recommender
    if resource not in known:
        near = [name for name in known if name.split("__")[-1] == resource.split("__")[-1]]
        hint = f" Did you mean resource={(near or [counter])[0]!r}?" if near or counter != resource else ""
        raise ValueError(f"resource={resource!r} is not a parameter of {type(estimator).__name__}.{hint}")
    if resource != counter:
        raise ValueError(
            f"resource must be the parameter that counts epochs, got {resource!r}. Set resource={counter!r}, and give "
            f"{resource} a list of values in param_distributions."
        )
    for candidate in candidates:
        if resource in candidate:
            raise ValueError(
                f"{resource} is the resource, whose values are those of epochs, and must not be in the search, got "
                f"{resource}={candidate[resource]!r}. Leave it out, and write the numbers to try into epochs."
            )
        tried = clone(estimator).set_params(**clone(candidate, safe=False))
        if final_step(tried).early_stopping:
            raise ValueError("early_stopping must be False: the search itself finds the best number of epochs.")
