"""Parameters of fit that a search is given, checked before the first fit."""

from __future__ import annotations

import inspect
from typing import Any

from sklearn import get_config

from sklearn_recsketch.utils._compat import _num_samples

__all__ = ["check_fit_params"]


def check_fit_params(estimator: Any, X: Any, params: dict[str, Any]) -> None:
    """Refuse what every fit would fail with, or would be cut by the folds where it must not be.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Whose fit they are for.
    X : table
        Of the search.
    params : dict
        As passed to the search's fit.
    """
    for name, value in params.items():
        last = name.split("__")[-1]
        if last == "X_val" and value is not None and _num_samples(value) == _num_samples(X):
            raise ValueError(
                f"{name} has as many rows as X, {_num_samples(X)}, and scikit-learn slices fit parameters of that "
                f"length with the folds of X. Drop a row of {name}, or repeat one."
            )
        # With metadata routing, scikit-learn has errors of its own.
        if name != "groups" and not get_config()["enable_metadata_routing"]:
            _check_name(estimator, name)


def _check_name(estimator: Any, name: str) -> None:
    target, parameter = estimator, name
    if hasattr(estimator, "steps"):
        step, _, parameter = name.partition("__")
        if not parameter:
            raise TypeError(
                f"{name} was given, but fit parameters of a Pipeline are named by step: write "
                f"{estimator.steps[-1][0]}__{name}=..., or enable scikit-learn's metadata routing."
            )
        target = dict(estimator.steps).get(step)
    if not hasattr(target, "fit") or hasattr(target, "steps"):
        return
    accepted = inspect.signature(target.fit).parameters
    if parameter in accepted or any(one.kind is one.VAR_KEYWORD for one in accepted.values()):
        return
    if parameter == "sample_weight":
        raise TypeError(
            f"{name} was given, but {type(target).__name__}.fit has no sample_weight. The strength of each interaction "
            f"is y; a weight for training only is the third column of X, for example X.assign(weight=w) of a frame."
        )
    known = ", ".join(one for one in accepted if one not in ("X", "y")) or "none"
    raise TypeError(f"{name} was given, but {type(target).__name__}.fit has no such parameter. It has: {known}.")
