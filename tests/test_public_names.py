"""What importing costs and what the public modules promise."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_recsketch

MODULES = [
    "",
    ".base",
    ".preprocessing",
    ".model_selection",
    ".metrics",
    ".datasets",
    ".recommenders",
    ".inspection",
    ".serving",
    ".conversion",
    ".spark",
    ".exceptions",
    ".utils.estimator_checks",
]
CLASSES = sorted(
    {
        getattr(module, name)
        for module in (importlib.import_module("sklearn_recsketch" + part) for part in MODULES)
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) and hasattr(getattr(module, name), "_parameter_constraints")
    },
    key=lambda cls: cls.__name__,
)


def run(code, **environment):
    """Run code in a fresh interpreter; returns its output."""
    process = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.mark.parametrize("part", MODULES)
def test_every_name_of_all_exists(part):
    module = importlib.import_module("sklearn_recsketch" + part)
    assert module.__all__ == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.slow
def test_import_compiles_no_kernel():
    code = """
import importlib, pkgutil, numba, sklearn_recsketch
from sklearn_recsketch import kernels
dispatchers = [
    value
    for info in pkgutil.iter_modules(kernels.__path__)
    for value in vars(importlib.import_module(f"sklearn_recsketch.kernels.{info.name}")).values()
    if isinstance(value, numba.core.dispatcher.Dispatcher)
]
assert len(dispatchers) > 10
print(sum(len(value.signatures) for value in dispatchers))
"""
    assert run(code) == "0"


@pytest.mark.slow
def test_import_leaves_optional_packages_out():
    code = """
import sys
import sklearn_recsketch, sklearn_recsketch.model_selection, sklearn_recsketch.datasets, sklearn_recsketch.metrics
import sklearn_recsketch.serving, sklearn_recsketch.spark
optional = "skopt", "matplotlib", "implicit", "lightfm", "polars", "usearch", "pyspark"
print([name for name in optional if name in sys.modules])
"""
    assert run(code) == "[]"


@pytest.mark.slow
def test_a_search_that_needs_an_optional_package_is_listed_and_says_so():
    code = """
import sys
sys.modules["skopt"] = None  # as if it were not installed
from sklearn_recsketch import model_selection
assert "BayesSearchCV" in dir(model_selection)
try:
    from sklearn_recsketch.model_selection import BayesSearchCV
except ImportError as error:
    print(error)
"""
    assert run(code) == 'BayesSearchCV needs scikit-optimize. Install it: pip install "sklearn-recsketch[tune]"'


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_documented_parameters_are_those_of_the_signature(cls):
    documented = []
    lines = inspect.getdoc(cls).splitlines()
    signature = list(inspect.signature(cls).parameters.values())
    if not signature:
        assert "Parameters" not in lines
        return
    start = lines.index("Parameters") + 2
    for line, following in zip(lines[start:], lines[start + 1 :]):
        if following.startswith("---"):
            break
        if line and not line.startswith(" "):
            documented += [name.strip() for name in line.split(" : ")[0].split(",")]
    assert documented == [parameter.name for parameter in signature]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_documented_defaults_are_those_of_the_signature(cls):
    defaults = {name: p.default for name, p in inspect.signature(cls).parameters.items()}
    for line in inspect.getdoc(cls).splitlines():
        if ", default=" in line and " : " in line and not line.startswith(" "):
            names, _, rest = line.partition(" : ")
            values = rest.partition("default=")[2].split(", ")
            names = [name.strip() for name in names.split(",")]
            for name, value in zip(names, values if len(values) == len(names) else values * len(names)):
                assert repr(defaults[name]).replace("'", '"') == value, name


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_parameter_has_a_constraint(cls):
    assert set(cls._parameter_constraints) == set(inspect.signature(cls).parameters)


def test_version_is_a_string():
    assert sklearn_recsketch.__version__.count(".") == 2


@pytest.mark.slow
def test_subpackages_are_attributes_of_the_package():
    code = """
import sklearn_recsketch
print([name for name in sklearn_recsketch.SUBPACKAGES if not hasattr(getattr(sklearn_recsketch, name), "__name__")])
print(set(sklearn_recsketch.SUBPACKAGES) - set(dir(sklearn_recsketch)))
"""
    assert run(code) == "[]\nset()"


def test_every_public_module_is_an_attribute_of_the_package():
    folder = Path(sklearn_recsketch.__file__).parent
    names = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    public = {name for name in names if not name.startswith("_")} - {"kernels"}
    assert public == set(sklearn_recsketch.SUBPACKAGES)


def test_an_unknown_attribute_raises():
    with pytest.raises(AttributeError, match="module 'sklearn_recsketch' has no attribute 'nothing'"):
        _ = sklearn_recsketch.nothing


def test_dir_of_a_lazy_module_lists_public_names_only():
    assert dir(sklearn_recsketch.model_selection) == sklearn_recsketch.model_selection.__all__
