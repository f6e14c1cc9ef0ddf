"""Information about the environment for bug reports."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import joblib
from numba import config, njit
from threadpoolctl import threadpool_info

__all__ = ["installed_version", "show_versions"]

_REQUIRED = ("numpy", "scipy", "pandas", "scikit-learn", "numba", "llvmlite", "narwhals", "joblib", "threadpoolctl")
_OPTIONAL = (
    "polars",
    "pyarrow",
    "scikit-optimize",
    "optuna",
    "matplotlib",
    "rich",
    "ipywidgets",
    "usearch",
    "implicit",
    "lightfm-next",
    "dask",
    "ray",
    "pyspark",
)


def installed_version(distribution: str) -> str:
    """Return the version of a distribution without importing it."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _cache_folder() -> str:
    """Return the folder in which numba stores the compiled kernels."""
    if getattr(config, "DISABLE_JIT", 0):
        return "none, the compiler is disabled"

    def kernel() -> None:
        pass

    # numba derives the folder from the file of the function. It is NUMBA_CACHE_DIR, __pycache__ or a user's folder.
    source = Path(__file__).parents[1] / "kernels" / "_jit.py"
    kernel.__code__ = kernel.__code__.replace(co_filename=str(source))
    try:
        return str(njit(cache=True)(kernel).stats.cache_path)
    except RuntimeError:
        return "none, no folder can be written"


def _sections() -> dict[str, dict[str, str]]:
    """Return the entries to print, grouped by section."""
    system = {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
        "cores": str(joblib.cpu_count()),
    }
    threads = {
        f"{library['user_api']} {number}": f"{library['internal_api']} {library['version'] or ''}".rstrip()
        + f", {library['num_threads']} threads, {library['filepath']}"
        for number, library in enumerate(threadpool_info(), start=1)
    }
    return {
        "System": system,
        "Package": {"sklearn_recsketch": installed_version("sklearn-recsketch")},
        "Dependencies": {name: installed_version(name) for name in _REQUIRED},
        "Optional dependencies": {name: installed_version(name) for name in _OPTIONAL},
        "BLAS and OpenMP": threads,
        "Compiled kernels": {"cache folder": _cache_folder()},
    }


def show_versions() -> None:
    """Print the versions of Python, this package and its dependencies, for bug reports.

    The function also prints the BLAS and OpenMP libraries, the number of threads of each library, and the folder in
    which numba stores the compiled kernels. It does not import optional dependencies.

    Examples
    --------
    >>> from sklearn_recsketch import show_versions
    >>> show_versions()  # doctest: +SKIP
    """
    for title, entries in _sections().items():
        print(f"\n{title}:")
        for name, value in entries.items():
            print(f"{name:>20}: {value}")
