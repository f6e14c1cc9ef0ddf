"""Pytest plugin that runs kernels as Python code, so that coverage counts their lines.

Coverage does not see compiled code. With numba's compiler disabled, kernels are plain functions. This module adds the
attributes of compiled functions that tests use, and imitates what the compiler does differently. It is loaded by
``-p tests.helpers.plain_kernels``.
"""

from __future__ import annotations

import os

os.environ["NUMBA_DISABLE_JIT"] = "1"  # before the kernels are imported

import importlib
import inspect
import pkgutil
import types

import numpy as np

from sklearn_recsketch import kernels


def wrapping_uint64(value):
    """Conversion that wraps negative numbers, as compiled code does, where NumPy raises."""
    return np.asarray(value).astype(np.uint64)[()]


for info in pkgutil.iter_modules(kernels.__path__):
    module = importlib.import_module(f"{kernels.__name__}.{info.name}")
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType):
            value.py_func = value
        elif name == "uint64":
            module.uint64 = wrapping_uint64
        elif name == "_touch":  # an instruction without a counterpart in Python
            module._touch = lambda *arguments: None


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore:overflow encountered:RuntimeWarning")  # hashes wrap around


def pytest_collection_modifyitems(items):
    """Leave out tests that count compilations."""
    items[:] = [item for item in items if ".signatures" not in inspect.getsource(item.function)]
