"""Frames written as Parquet files."""

from __future__ import annotations

from sklearn_recsketch.preprocessing import ParquetInteractions


def write(X, path, **options):
    """Write a frame and describe the file."""
    X.to_parquet(path, index=False, **options)
    return ParquetInteractions(path, weight="weight" if "weight" in X else None)
