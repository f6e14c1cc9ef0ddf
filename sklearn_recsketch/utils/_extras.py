"""Import optional dependencies."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["import_extra"]


def import_extra(module: str, extra: str, why: str) -> ModuleType:
    """Import a module of an optional dependency.

    Raise an ImportError if the module is not installed. The message consists of `why` and the command that installs the
    extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'{why}: pip install "sklearn-recsketch[{extra}]"') from error
