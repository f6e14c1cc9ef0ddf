"""Validation of interaction times."""

from __future__ import annotations

from datetime import date
from numbers import Real
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from sklearn_recsketch._data.ids import show_id

__all__ = ["check_times"]


def check_times(groups: Any, n_rows: int) -> np.ndarray:
    """Validate times and convert them to numbers. Datetimes are converted to the time elapsed since 1970 (UTC)."""
    if groups is None:
        raise ValueError(
            "TemporalUserSplit needs the time of each row, passed as groups, got None. Write split(X, y, groups=t), "
            "search.fit(X, y, groups=t) or cross_val_score(..., groups=t); with scikit-learn's metadata routing on, "
            "cross_val_score(..., params={'groups': t})."
        )
    if not isinstance(groups, pd.Series | pd.Index | list | tuple):
        groups = np.asarray(groups)
        if groups.ndim != 1:
            raise ValueError(
                f"groups must be one-dimensional with one time per interaction, got an array of shape {groups.shape}. "
                f"Pass one column, for example df['time']."
            )
    if len(groups) != n_rows:
        raise ValueError(
            f"groups has {len(groups)} times for {n_rows} rows of X (inconsistent numbers of samples): row "
            f"{min(len(groups), n_rows)} is the first without a counterpart. Pass one time per interaction."
        )
    times = pd.Series(groups).infer_objects()
    missing = times.isna().to_numpy()
    if missing.any():
        _refuse(times, missing, "present in every row", "Drop the rows without a time")
    kind = pd.api.types.infer_dtype(times)
    if kind in ("datetime64", "datetime", "date"):
        return pd.to_datetime(times, utc=True).astype(np.int64).to_numpy()
    if kind not in ("integer", "floating", "mixed-integer-float", "decimal"):
        rule = "all numbers or all datetimes"
        _refuse(times, ~_has_type_of_first(times), rule, "Convert them, for example with pandas.to_datetime(t)")
    numbers = times.to_numpy()
    if numbers.dtype.kind not in "iu":  # integers are kept: float64 cannot represent nanoseconds since 1970 exactly
        numbers = numbers.astype(np.float64)
        infinite = np.isinf(numbers)
        if infinite.any():
            _refuse(times, infinite, "finite", "Drop the rows without a time")
    return numbers


def _has_type_of_first(times: pd.Series) -> np.ndarray:
    """Return a mask of the values that are numbers or datetimes, whichever the first value is."""
    is_number = np.array([isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in times])
    is_date = np.array([isinstance(value, date) for value in times])
    return (is_number & is_number[0]) | (is_date & is_date[0])


def _refuse(times: pd.Series, bad: np.ndarray, rule: str, remedy: str) -> NoReturn:
    """Raise a ValueError that names the first invalid row. If only the dtype is invalid, the error names row 0."""
    row = int(np.argmax(bad))
    value = times.iloc[row]
    raise ValueError(
        f"The times in groups (dtype {times.dtype}) must be {rule}, but row {row} is {show_id(value)} of type "
        f"{type(value).__name__}. {remedy}."
    )
