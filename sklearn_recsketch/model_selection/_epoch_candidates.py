"""What an epoch search tries: checkpoints and candidates, checked before the first fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import ParameterGrid, ParameterSampler

__all__ = ["check_candidates", "checked_epochs", "final_step", "list_candidates"]


def final_step(estimator: Any) -> Any:
    """The estimator itself, or the last step of a Pipeline."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def checked_epochs(epochs: Any) -> list[int]:
    """Distinct numbers of epochs, ascending."""
    if isinstance(epochs, Integral) or not isinstance(epochs, Iterable):
        raise TypeError(
            f"epochs must be the numbers of epochs to score at, got {epochs!r}. For all of them up to n, "
            f"write range(1, n + 1)."
        )
    epochs = list(epochs)
    if not epochs or any(not isinstance(e, Integral) or isinstance(e, bool) or e < 1 for e in epochs):
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
    if n_candidates is None:
        return list(ParameterGrid(distributions))
    return list(ParameterSampler(distributions, n_candidates, random_state=random_state))


def check_candidates(estimator: Any, resource: str, candidates: list[dict[str, Any]]) -> None:
    """Find what is wrong with a search before hours of it have passed."""
    final = final_step(estimator)
    if not isinstance(final, CallbackSupportMixin) or not hasattr(final, "recommend"):
        raise TypeError(
            f"EpochSearchCV needs a recommender that trains by epochs, or a Pipeline that ends in one, "
            f"got {type(final).__name__}."
        )
    known = estimator.get_params()
    if resource not in known:
        near = [name for name in known if name.split("__")[-1] == resource.split("__")[-1]]
        hint = f" Did you mean resource={near[0]!r}?" if near else ""
        raise ValueError(f"resource={resource!r} is no parameter of {type(estimator).__name__}.{hint}")
    for candidate in candidates:
        if resource in candidate:
            raise ValueError(f"{resource} is the resource, and its values are epochs: leave it out of the search.")
        tried = clone(estimator).set_params(**clone(candidate, safe=False))
        if final_step(tried).early_stopping:
            raise ValueError("early_stopping must be False: the search itself finds the best number of epochs.")
