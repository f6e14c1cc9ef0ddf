"""Validation of fit parameters and of parameter values before the first fit of a search."""

from __future__ import annotations

import inspect
from collections.abc import KeysView, Sequence, ValuesView
from typing import Any

from sklearn import get_config

from sklearn_recsketch.utils._compat import _num_samples
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["check_fit_params", "read_values"]

CONVERSIONS = ("to_pylist", "tolist", "to_list")  # methods of pyarrow, of numpy and pandas, and of polars


def check_fit_params(estimator: Any, X: Any, params: dict[str, Any]) -> None:
    """Raise an error if `fit` does not accept a parameter, or if scikit-learn would split `X_val` into folds.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Estimator whose parameters are searched.
    X : table
        Interactions passed to the search's `fit` method.
    params : dict
        Fit parameters passed to the search's `fit` method.
    """
    for name, value in params.items():
        last = name.split("__")[-1]
        if last == "X_val" and value is not None and _num_samples(value) == _num_samples(X):
            raise ValueError(
                f"{name} has as many rows as X, {_num_samples(X)}, and scikit-learn slices fit parameters of that "
                f"length by the folds of X. Drop a row of {name}, or repeat one."
            )
        # With metadata routing enabled, scikit-learn raises its own errors.
        if name != "groups" and not get_config()["enable_metadata_routing"]:
            _check_name(estimator, name)


def _check_name(estimator: Any, name: str) -> None:
    target, parameter = estimator, name
    if hasattr(estimator, "steps"):
        step, _, parameter = name.partition("__")
        if not parameter:
            raise TypeError(
                f"{name} was passed, but the names of fit parameters of a Pipeline start with a step: write "
                f"{estimator.steps[-1][0]}__{name}=..., or enable scikit-learn's metadata routing."
            )
        target = dict(estimator.steps).get(step)
    if not hasattr(target, "fit") or hasattr(target, "steps"):
        return
    accepted = inspect.signature(target.fit).parameters
    if parameter in accepted or any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        return
    if parameter == "sample_weight":
        raise TypeError(
            f"{name} was passed, but {type(target).__name__}.fit has no sample_weight. Pass the strengths of the "
            f"interactions as y. Pass weights for training only as the third column of X, for example "
            f"X.assign(weight=w) of a data frame."
        )
    known = ", ".join(known for known in accepted if known not in ("X", "y")) or "none"
    raise TypeError(f"{name} was passed, but {type(target).__name__}.fit has no such parameter. It has: {known}.")


def read_values(values: Any, rule: str) -> list[Any]:
    """Convert a list, an array, a column or a range of parameter values to a list of Python objects.

    Parameters
    ----------
    values : list-like
    rule : str
        First words of the error messages, such as "search_spaces['alpha'] must be a list".

    Returns
    -------
    list
    """
    convert = next((getattr(values, name) for name in CONVERSIONS if hasattr(values, name)), None)
    listed = values if convert is None or isinstance(values, type) else convert()
    if isinstance(listed, set | frozenset):
        raise ValueError(f"{rule}, got the set {values!r}, which has no order. Write a list, such as sorted(...).")
    if isinstance(listed, str | bytes) or not isinstance(listed, Sequence | KeysView | ValuesView):
        raise ValueError(f"{rule}, got {values!r} of type {type(values).__name__}. For one value, write [{values!r}].")
    if not len(listed):
        raise ValueError(f"{rule} with at least one value, got an empty {type(values).__name__}.")
    listed = [to_python_scalar(value) for value in listed]
    for value in listed:
        try:
            bool(value == value)
        except Exception:  # arrays, tables and pandas.NA raise different errors
            raise ValueError(
                f"{rule} whose values can be compared with ==, got {value!r} of type {type(value).__name__} among "
                f"them. Write an array as a list, and a missing value as None."
            ) from None
    return listed
