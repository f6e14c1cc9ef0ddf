"""Kernels are saved on disk where possible, and folders that cannot be used cost a warning only."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
import warnings

import numba
import pytest

from sklearn_recsketch.kernels import _cache
from sklearn_recsketch.kernels._jit import jit

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="Python functions are not cached")


@pytest.fixture
def new_kernel(tmp_path, monkeypatch):
    """Function that decorates the same Python function again, as another process does. Its cache is `folder`."""
    folder = tmp_path / "folder"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    monkeypatch.setattr(_cache, "_warned", False)
    (tmp_path / "kernel_in_a_file.py").write_text("def add_one(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: jit(importlib.import_module("kernel_in_a_file").add_one)
    del sys.modules["kernel_in_a_file"]


def files(tmp_path):
    return sorted((tmp_path / "folder").rglob("*.nb*"))


def test_a_kernel_is_loaded_from_the_cache(new_kernel):
    assert new_kernel()(1) == 2
    second = new_kernel()
    assert second(1) == 2
    assert sum(second.stats.cache_hits.values()) == 1


def test_compilation_is_announced_once_with_the_folder(new_kernel, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(_cache, "_announced", False)
    kernel = new_kernel()
    kernel(1)
    kernel(1.5)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Compiling numerical kernels for this machine (add_one first)")
    assert str(tmp_path / "folder") in caplog.messages[0]


def test_kernels_from_the_cache_are_not_announced(new_kernel, monkeypatch, caplog):
    new_kernel()(1)
    monkeypatch.setattr(_cache, "_announced", False)
    caplog.clear()
    new_kernel()(1)
    assert caplog.messages == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOTDIR])
def test_an_error_of_the_file_system_is_one_warning(code, new_kernel, tmp_path, monkeypatch):
    def failing(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_cache._Files, "_save_data", failing)
    with pytest.warns(
        UserWarning, match=rf"folder.* cannot be written: .*{os.strerror(code)}.*NUMBA_CACHE_DIR"
    ) as caught:
        assert new_kernel()(1) == 2
        assert new_kernel()(1.5) == 2.5
    assert len(caught) == 1
    assert caught[0].filename == __file__  # the line that called the kernel
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_read_is_one_warning(new_kernel, monkeypatch):
    new_kernel()(1)

    def failing(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(_cache._Files, "_load_index", failing)
    with pytest.warns(UserWarning, match="cannot be read: .*NUMBA_CACHE_DIR") as caught:
        assert new_kernel()(1) == 2
    assert len(caught) == 1


def test_without_any_folder_kernels_are_compiled_in_memory(new_kernel, monkeypatch):
    monkeypatch.setattr(_cache.FunctionCache._impl_class, "_locator_classes", [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kernel = new_kernel()  # decorating does not warn, so that the package can be imported
    with pytest.warns(UserWarning, match=r"none of '.*folder', '.*__pycache__', '.*numba.*' can be written") as caught:
        assert kernel(1) == 2
        assert new_kernel()(1) == 2
    assert len(caught) == 1


def test_a_file_in_place_of_the_folder_is_one_warning(new_kernel, tmp_path):
    (tmp_path / "folder").write_text("not a folder")
    with pytest.warns(UserWarning, match=r"folder' cannot be written, and '.*__pycache__' is used instead") as caught:
        assert new_kernel()(1) == 2
        assert new_kernel()(1.5) == 2.5
    assert len(caught) == 1
    second = new_kernel()
    assert second(1) == 2
    assert sum(second.stats.cache_hits.values()) == 1


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_damaged_files_are_replaced(suffix, content, new_kernel, tmp_path):
    new_kernel()(1)
    (file,) = (file for file in files(tmp_path) if file.suffix == suffix)
    file.write_bytes(content if suffix == ".nbc" else file.read_bytes()[:-20] + content)
    second, third = new_kernel(), new_kernel()
    assert second(1) == 2
    assert third(1) == 2
    assert (sum(second.stats.cache_hits.values()), sum(third.stats.cache_hits.values())) == (0, 1)


def test_processes_that_start_from_an_empty_cache_save_to_different_files(new_kernel, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_cache._Files, "_load_index", lambda self: {})
        new_kernel()(1)
        new_kernel()(1.5)
    assert len([file for file in files(tmp_path) if file.suffix == ".nbc"]) == 2


FIT = """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("error")
    from sklearn_recsketch import PopularityRecommender, show_versions
recommender = PopularityRecommender().fit([[1, 7], [1, 8], [2, 7]])
print(recommender.recommend([2], k=1)["item"].tolist())
"""


@pytest.mark.slow
def test_the_package_works_without_a_folder(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    locators = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    environment = os.environ | locators | {"NUMBA_CACHE_DIR": str(tmp_path / "file")}
    run = subprocess.run([sys.executable, "-c", FIT], env=environment, capture_output=True, text=True)
    assert run.stdout == "[8]\n", run.stderr
    assert run.stderr.count("UserWarning: Folder for compiled kernels") <= 1  # numba 0.63 does not know the variable
