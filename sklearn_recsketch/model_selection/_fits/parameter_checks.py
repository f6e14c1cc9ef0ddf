"""Parameters of fit that a search is given, checked before the first fit."""

from __future__ import annotations

import inspect
from collections.abc import KeysView, Sequence, ValuesView
from typing import Any

from sklearn import get_config

from sklearn_recsketch.utils._compat import _num_samples
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["check_fit_params", "read_values"]

CONVERSIONS = ("to_pylist", "tolist", "to_list")  # of pyarrow, of numpy and pandas, of polars


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


def read_values(given: Any, rule: str) -> list[Any]:
    """The values of a list, an array, a column or a range, with Python's numbers.

    Parameters
    ----------
    given : list-like
    rule : str
        The beginning of an error, such as "search_spaces['alpha'] must be a list".
    """
    convert = next((getattr(given, name) for name in CONVERSIONS if hasattr(given, name)), None)
    values = given if convert is None or isinstance(given, type) else convert()
    if isinstance(values, set | frozenset):
        raise ValueError(f"{rule}, got the set {given!r}, which has no order. Write a list, such as sorted(...).")
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | KeysView | ValuesView):
        raise ValueError(f"{rule}, got {given!r} of type {type(given).__name__}. For one value, write [{given!r}].")
    if not len(values):
        raise ValueError(f"{rule} with at least one value, got an empty {type(given).__name__}.")
    values = [to_python_scalar(value) for value in values]
    for value in values:
        try:
            bool(value == value)
        except Exception:  # arrays, tables and pandas.NA, each with an error of its own
            raise ValueError(
                f"{rule} whose values compare equal or not, got {value!r} of type {type(value).__name__} among them. "
                f"Write an array as a list, and a missing value as None."
            ) from None
    return values
