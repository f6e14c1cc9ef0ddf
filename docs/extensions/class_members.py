"""Methods and properties of the public classes, for the templates of their pages."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any

import sklearn_recsketch

# Methods that scikit-learn defines and that people call. Its others do not apply to recommenders, such as
# `predict_proba` of a search, or only matter to its own code, such as `get_metadata_routing`.
INHERITED = {"fit", "fit_transform", "get_params", "predict", "score", "set_callbacks", "set_output", "set_params"}


def members_of_classes() -> dict[str, dict[str, list[str]]]:
    """Names of the documented methods and properties of each public class, by its full name."""
    found = {}
    for info in [None, *pkgutil.iter_modules(sklearn_recsketch.__path__)]:
        if info is not None and info.name.startswith("_"):
            continue
        module = import_module("sklearn_recsketch" + (f".{info.name}" if info else ""))
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            if inspect.isclass(value) and not issubclass(value, BaseException):
                found[f"{module.__name__}.{name}"] = _members(value)
    return found


def _members(cls: type) -> dict[str, list[str]]:
    methods, properties = [], []
    for name in dir(cls):
        if name.startswith("_"):
            continue
        value: Any = inspect.getattr_static(cls, name)
        if isinstance(value, property):
            if value.__doc__ and value.fget.__module__.startswith("sklearn_recsketch"):
                properties.append(name)
        elif inspect.isroutine(value) and callable(getattr(cls, name)):
            module = getattr(getattr(cls, name), "__module__", "") or ""
            if module.startswith("sklearn_recsketch") or name in INHERITED:
                methods.append(name)
    return {"methods": methods, "properties": properties}


if __name__ == "__main__":
    for name, members in members_of_classes().items():
        print(name, members)
