"""Validate the strengths of interactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sklearn_recsketch._data.frames import as_column
from sklearn_recsketch._data.ids import show_id

__all__ = ["check_strengths", "refuse_bad_strengths"]

NO_NUMBERS = (str, bytes, np.datetime64, np.timedelta64)  # numpy converts them to floats


def check_strengths(values: Any, n_rows: int, name: str) -> np.ndarray:
    """Check that each row has one valid strength, and convert the strengths to float64."""
    if isinstance(values, list | tuple):
        values = np.array(values, dtype=object)  # otherwise, [1, "many"] would become two strings
    column = as_column(values)
    array = column.to_numpy() if hasattr(column, "to_numpy") else column
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional with one strength per interaction, got an array of shape {array.shape}."
        )
    if len(array) != n_rows:
        raise ValueError(
            f"{name} has {len(array)} values for {n_rows} rows of X: inconsistent numbers of samples. "
            f"Pass one strength per interaction, or None for strengths of 1."
        )
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} is {array.dtype}.")
    try:
        if array.dtype.kind in "mMUST" or (array.dtype == object and any(isinstance(v, NO_NUMBERS) for v in array)):
            raise TypeError
        strength = array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        row, value = next(((r, v) for r, v in enumerate(array) if not _is_number(v)), (0, array[0]))
        raise ValueError(
            f"{name} must be numbers, but row {row} is {show_id(value)} of type {type(value).__name__}. Convert it, "
            f"for example with pd.to_numeric, or leave {'y' if name == 'y' else 'the column'} out."
        ) from None
    except OverflowError:
        row = next(row for row, value in enumerate(array) if _overflows(value))
        raise ValueError(
            f"{name} must be finite in float64, but row {row} is {show_id(array[row])}. Scale the strengths."
        ) from None
    refuse_bad_strengths(strength, name)
    return np.asarray(strength)


def refuse_bad_strengths(strength: np.ndarray, name: str, show_row: Callable[[int], str] = "row {}".format) -> None:
    """Raise a ValueError if a strength is negative, NaN, infinite or outside the range of float32."""
    bad = ~np.isfinite(strength) | (strength < 0)
    if bad.any():
        row = int(np.argmax(bad))
        value = strength[row]
        kind = "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else "negative"
        raise ValueError(
            f"{name} must be finite and not negative, but {show_row(row)} is {kind}: {show_id(value)}. "
            f"Drop the row, or set its strength to 0 for 'no interaction'."
        )
    limits = np.finfo(np.float32)
    extreme = (strength > 0) & ((strength < limits.tiny) | (strength > limits.max))
    if extreme.any():
        row = int(np.argmax(extreme))
        raise ValueError(
            f"{name} must be 0 or between {limits.tiny:.2g} and {limits.max:.2g}, because models use float32, but "
            f"{show_row(row)} is {show_id(strength[row])}. Scale the strengths."
        )


def _is_number(value: Any) -> bool:
    if isinstance(value, NO_NUMBERS):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    except OverflowError:
        return True
    return True


def _overflows(value: Any) -> bool:
    try:
        float(value)
    except OverflowError:
        return True
    return False
