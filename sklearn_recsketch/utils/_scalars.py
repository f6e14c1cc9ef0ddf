"""Convert NumPy scalars to Python objects."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["to_python_scalar"]


def to_python_scalar(value: Any) -> Any:
    """Convert a NumPy scalar to the equivalent Python object. Return any other value unchanged."""
    return value.item() if isinstance(value, np.generic) else value
