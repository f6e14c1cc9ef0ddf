"""The classes of which a model file may contain instances."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sklearn_recsketch import preprocessing, recommenders
from sklearn_recsketch.exceptions import ModelFileError

__all__ = ["class_name", "find_class", "known_classes"]


def _own_classes() -> dict[str, type]:
    """Return the estimators that this package exports, by the names under which files refer to them."""
    exported = [getattr(module, name) for module in (preprocessing, recommenders) for name in module.__all__]
    estimators = [value for value in exported if inspect.isclass(value) and issubclass(value, BaseEstimator)]
    # Without the module, so that a class can be moved.
    return {f"sklearn_recsketch.{cls.__name__}": cls for cls in estimators} | {"sklearn.pipeline.Pipeline": Pipeline}


OWN = _own_classes()
NAMES = {cls: name for name, cls in OWN.items()}


def class_name(cls: type) -> str:
    """Return the name under which files refer to a class."""
    return NAMES.get(cls, f"{cls.__module__}.{cls.__qualname__}")


def known_classes(trusted: Any) -> dict[str, type]:
    """Return the estimators of this package, Pipeline and the classes in `trusted`, by name.

    Raises
    ------
    TypeError
        If `trusted` is not a list of estimator classes.
    """
    if not isinstance(trusted, Iterable) or isinstance(trusted, str | type):
        raise TypeError(f"trusted must be a list of classes, got {trusted!r}. Write trusted=[MyRecommender].")
    classes = list(trusted)
    for cls in classes:
        if not (inspect.isclass(cls) and issubclass(cls, BaseEstimator)):
            raise TypeError(f"trusted must be a list of estimator classes, but it contains {cls!r}.")
    return {class_name(cls): cls for cls in classes} | OWN


def find_class(name: Any, classes: dict[str, type]) -> type:
    """Return the class with the given name."""
    if name not in classes:
        short = str(name).rpartition(".")[2]
        for other, cls in classes.items():
            if cls.__name__ == short:  # for example after a class was moved from a notebook to a module
                raise ModelFileError(
                    f"it holds an instance of {name}, but the trusted class is {other}. Import {short} from the same "
                    f"module when you save and when you load the model"
                )
        raise ModelFileError(
            f"it holds an instance of {name}, which is not a class of this package. If you trust this class, import it "
            f"and pass trusted=[{short}]"
        )
    return classes[name]
