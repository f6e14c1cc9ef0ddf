"""Data for Spark, and the equations that the factors of Spark's ALS solve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from reference import confidences

from sklearn_recsketch.datasets import make_interactions

# Warnings of Spark that are unrelated to this package.
QUIET = [
    # Raised by any use of Arrow; no pandas data passes between Spark and this package.
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    # Spark 4.0 leaves the sockets of collect_factors rows to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

SMALL = {"n_user_blocks": 2, "n_item_blocks": 2, "random_state": 0}


def make_plays():
    """Return interactions whose users are integers of more than 32 bits and whose items are strings, with counts."""
    X, y = make_interactions(60, 40, n_components=3, mean_activity=8, counts=True, random_state=0)
    return pd.DataFrame(
        {
            "user": X["user"].to_numpy() + 10**10,
            "item": [f"item {i}" for i in X["item"]],
            "count": y.astype(float),
        }
    )


def to_spark(spark, table, schema="user bigint, item string, count double"):
    """Convert a pandas frame to a Spark DataFrame."""
    return spark.createDataFrame(list(table.itertuples(index=False, name=None)), schema)


def collect_factors(factors):
    """Return the ids and vectors of a DataFrame of factors, sorted by id."""
    rows = sorted(factors.collect())
    return [row[0] for row in rows], np.array([row.features for row in rows], dtype=np.float64)


def solve_factors(strengths, fixed, rho, alpha, kind="linear", scale=1.0):
    """Solve ``(Y^T C Y + rho n I) x = Y^T C p``, the equations with Spark's penalty, for each row by dense algebra."""
    rows = []
    for d in strengths:
        c, p = confidences(d, alpha, kind, scale), d > 0
        A = (fixed.T * c) @ fixed + rho * p.sum() * np.eye(fixed.shape[1])
        rows.append(np.linalg.solve(A, fixed.T @ (c * p)))
    return np.array(rows)
