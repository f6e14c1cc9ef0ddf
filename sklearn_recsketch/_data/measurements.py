"""Standardize numeric side features."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

__all__ = ["are_indicators", "moments", "rms_length", "standardize"]

LARGEST = 5.0  # without a bound, an outlier of a heavy-tailed feature would dominate the feature vector


def are_indicators(matrix: sp.csr_array) -> np.ndarray:
    """Return a mask of the columns that contain a 1 and whose values are all 0 or 1, as after one-hot encoding."""
    n_columns = matrix.shape[1]
    ones = np.bincount(matrix.indices[matrix.data == 1], minlength=n_columns)
    others = np.bincount(matrix.indices[(matrix.data != 1) & (matrix.data != 0)], minlength=n_columns)
    return np.asarray((ones > 0) & (others == 0))


def moments(matrix: sp.csr_array, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of the stored entries of each `measured` column.

    For all other columns, the mean is 0 and the standard deviation is 1. The standard deviation of a constant column is
    set to infinity, so that its standardized values are 0.
    """
    mean, scale = np.zeros(len(measured)), np.ones(len(measured))
    if not measured.any():
        return mean, scale
    by_column = sp.csc_array(matrix[:, np.flatnonzero(measured)])
    column = np.repeat(np.arange(by_column.shape[1]), np.diff(by_column.indptr))
    count = np.maximum(np.diff(by_column.indptr), 1)
    values = by_column.data.astype(np.float64)
    # Dividing by the largest absolute value keeps the squares finite.
    peak = np.zeros(len(count))
    np.maximum.at(peak, column, np.abs(values))
    peak[peak == 0] = 1
    values /= peak[column]
    center = np.bincount(column, values, len(count)) / count
    deviation = np.sqrt(np.bincount(column, (values - center[column]) ** 2, len(count)) / count)
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(low, column, values)
    np.maximum.at(high, column, values)
    # After a change of unit, equal numbers may differ by rounding errors.
    varies = high - low > 8 * np.finfo(np.float64).eps
    mean[measured] = center * peak
    scale[measured] = np.where(varies, np.maximum(deviation * peak, np.finfo(np.float64).tiny), np.inf)
    return mean, scale


def standardize(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Subtract the means, divide by the standard deviations, and clip the result to the range from -5 to 5."""
    with np.errstate(over="ignore"):  # infinite values are clipped
        return np.clip(values / scale - mean / scale, -LARGEST, LARGEST)


def rms_length(rows: np.ndarray, values: np.ndarray) -> float:
    """Return the root mean square length of the nonempty rows, or 1 if all rows are empty."""
    total = float(np.square(values).sum())
    return float(np.sqrt(total / len(np.unique(rows)))) if total else 1.0
