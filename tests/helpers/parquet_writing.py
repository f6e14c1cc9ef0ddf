"""Writing frames to Parquet files, and the characters that ids may contain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from sklearn_recsketch.preprocessing import ParquetInteractions

# Ids are coded by pandas, which before version 3.1 reads strings only up to the first NUL character.
NUL_ENDS_TEXTS = len(pd.factorize(np.array(["", "\0"], dtype=object))[1]) == 1
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0" if NUL_ENDS_TEXTS else "")


def write(X, path, **options):
    """Write a frame to a file and return a `ParquetInteractions` of it."""
    X.to_parquet(path, index=False, **options)
    return ParquetInteractions(path, weight="weight" if "weight" in X else None)
