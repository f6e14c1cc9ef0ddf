"""Frames written as Parquet files, and the characters of their ids."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from sklearn_recsketch.preprocessing import ParquetInteractions

# Before version 3.1 pandas, by which tables are numbered, reads texts up to their first NUL.
NUL_ENDS_TEXTS = len(pd.factorize(np.array(["", "\0"], dtype=object))[1]) == 1
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0" if NUL_ENDS_TEXTS else "")


def write(X, path, **options):
    """Write a frame and describe the file."""
    X.to_parquet(path, index=False, **options)
    return ParquetInteractions(path, weight="weight" if "weight" in X else None)
