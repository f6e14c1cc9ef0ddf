"""Types of arguments and results, for type annotations in code that uses this package.

`Frame` is a pandas or polars data frame. `RandomState` is a seed. `Scoring` is a scorer or the name of a ranking
metric.
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
