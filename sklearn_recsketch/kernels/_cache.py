"""Cache of compiled kernels on disk. If it cannot be used, kernels are compiled in memory, with one warning."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from typing import Any

from numba import config
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.misc.appdirs import AppDirs

from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["KernelCache", "MemoryCache", "cache_of"]


class _Files(IndexDataCacheFile):
    """Cache files of a kernel, of which several processes can save different signatures at the same time.

    numba numbers the files. Two processes that start from an empty cache would then give the same number to different
    signatures, and the index could refer to machine code for other types. Here, the name of a file is a hash of its
    signature and processor. The index is written last, so that it never refers to a file that does not exist.
    """

    def save(self, key: Any, data: Any) -> None:
        overloads = self._load_index()
        stem = self._index_name.removesuffix(".nbi")
        name = f"{stem}.{hashlib.sha256(repr(key[:2]).encode()).hexdigest()[:16]}.nbc"
        self._save_data(name, data)
        if overloads.get(key) != name:
            overloads[key] = name
            self._save_index(overloads)


class KernelCache(FunctionCache):
    """Cache of a kernel. Errors of the file system do not stop a computation."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        impl = self._impl
        self._cache_file = _Files(self.cache_path, impl.filename_base, impl.locator.get_source_stamp())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        loaded = None
        try:
            loaded = super().load_overload(sig, target_context)
        except OSError as error:
            _warn(f"{self.cache_path!r} cannot be read: {error}")
        except Exception:  # unpickling a damaged file raises any error
            self._empty()
        if loaded is None:
            _announce(self._py_func.__name__, self.cache_path)
        return loaded

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(f"{self.cache_path!r} cannot be written: {error}")
        else:
            wanted = _wanted_folder()
            if wanted and not self.cache_path.startswith(os.path.join(wanted, "")):
                _warn(f"{wanted!r} cannot be written, and {self.cache_path!r} is used instead", lost=False)

    def _empty(self) -> None:
        """Forget the entries of a damaged index, so that the kernel is compiled and saved again."""
        try:
            self.flush()
        except OSError as error:
            _warn(f"{self.cache_path!r} cannot be written: {error}")


class MemoryCache(NullCache):
    """Stand-in for the cache of a kernel if no folder can be written."""

    def __init__(self, function: Any) -> None:
        beside = os.path.join(os.path.dirname(function.__code__.co_filename), "__pycache__")
        self._folders = [
            folder for folder in (_wanted_folder(), beside, AppDirs("numba", False).user_cache_dir) if folder
        ]

    def save_overload(self, sig: Any, data: Any) -> None:
        _warn(f"none of {', '.join(map(repr, self._folders))} can be written")


def cache_of(function: Any) -> KernelCache | MemoryCache:
    """Create the cache of a kernel, given its Python function."""
    try:
        return KernelCache(function)
    except RuntimeError:  # numba found no folder that can be written
        return MemoryCache(function)


def _wanted_folder() -> str:
    """Return the value of NUMBA_CACHE_DIR."""
    return str(getattr(config, "CACHE_DIR", ""))


_logger = logging.getLogger("sklearn_recsketch")
_announced = False


def _announce(kernel: str, folder: str) -> None:
    """Say once per process that kernels are compiled, because the first fit would seem to hang without a word.

    The name of the first kernel shows that a later process, which does something else, compiles other kernels. Without
    a configuration of logging, Python prints the messages of this level to standard error.
    """
    global _announced
    if not _announced:
        _announced = True
        _logger.warning(
            "Compiling numerical kernels for this machine (%s first), which takes some seconds. They are saved in %s",
            kernel,
            folder,
        )


_warned = False


def _warn(reason: str, lost: bool = True) -> None:
    """Warn that kernels cannot be saved in the usual folder. Further calls do nothing, because one warning suffices.

    numba calls the cache under a lock, so that only one thread at a time comes here.
    """
    global _warned
    if _warned:
        return
    _warned = True
    cost = " The fit is correct, but each new process compiles its kernels again, which takes some seconds."
    warnings.warn(
        f"Folder for compiled kernels: {reason}.{cost if lost else ''} Set the environment variable NUMBA_CACHE_DIR to "
        f"a folder that can be written.",
        UserWarning,
        stacklevel=levels_inside(),
    )
