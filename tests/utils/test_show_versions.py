"""The report of the environment."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from numba.core.caching import FunctionCache

import sklearn_recsketch
from sklearn_recsketch import show_versions
from sklearn_recsketch.kernels import _sparse
from sklearn_recsketch.utils import _show_versions


@pytest.fixture
def report(capsys):
    """Printed lines as pairs of a name and a value."""
    show_versions()
    lines = capsys.readouterr().out.splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(": ") for line in lines)}


def test_report_has_the_versions_of_the_package_and_its_dependencies(report):
    assert report["sklearn_recsketch"] == sklearn_recsketch.__version__
    assert report["numpy"] == version("numpy")
    assert report["scikit-learn"] == version("scikit-learn")


def test_missing_optional_dependency_is_reported(monkeypatch):
    monkeypatch.setattr(_show_versions, "_OPTIONAL", ("no-such-distribution",))
    assert _show_versions._sections()["Optional dependencies"] == {"no-such-distribution": "not installed"}


def test_report_lists_blas_with_its_threads(report):
    # The number of a library depends on the order in which libraries are loaded.
    assert any("threads" in value for name, value in report.items() if name.startswith("blas "))


def test_cache_folder_is_the_one_of_the_kernels(report):
    assert Path(report["cache folder"]) == Path(_sparse.sparse_product.stats.cache_path)


def test_disabled_compiler_has_no_cache_folder(monkeypatch):
    monkeypatch.setattr(_show_versions.config, "DISABLE_JIT", 1)
    assert _show_versions._cache_folder().startswith("none")


def test_the_report_works_if_no_cache_folder_can_be_written(monkeypatch):
    monkeypatch.setattr(FunctionCache._impl_class, "_locator_classes", [])
    assert _show_versions._cache_folder() == "none, no folder can be written"
