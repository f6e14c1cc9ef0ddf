"""Types of arguments and results, for annotations in code that uses this package.

`Frame` is a pandas or a polars frame, `RandomState` a seed, and `Scoring` the name of a ranking metric or a scorer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Frame", "RandomState", "Scoring"]

Frame: TypeAlias = "pd.DataFrame | pl.DataFrame"
RandomState: TypeAlias = int | np.random.RandomState | None
Scoring: TypeAlias = str | Callable[[Any, Any, Any], float]
