"""Validate Spark DataFrames that contain interactions or ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch._data.column_names import are_swapped, is_time, suggested_pair, third_is_id
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.id_validation import blank_id, id_kind, missing_id, show_id, wrong_type
from sklearn_recsketch.utils._extras import import_extra

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import DataType

__all__ = ["query_ids", "read_interactions", "require_pyspark"]

ROLES = ("user", "item", "strength")
BLANK = r"(?U)^\s*$"


def require_pyspark() -> None:
    """Raise an ImportError if pyspark is not installed.

    The message contains the command that installs pyspark.
    """
    import_extra("pyspark.sql", "spark", "SparkWRMFRecommender needs pyspark")


def read_interactions(X: Any) -> DataFrame:
    """Validate interactions, and return a DataFrame with the columns user, item and strength.

    The ids are of type bigint or string. The strengths are positive and of type double.

    Parameters
    ----------
    X : pyspark.sql.DataFrame, str or Path
        DataFrame, or path of Parquet files, with the columns user id, item id and, optionally, weight, in this order.

    Raises
    ------
    TypeError, ValueError
        If X is invalid. The message states the column, the constraint, an example row and how to fix the error.
    """
    from pyspark.sql import functions as F

    frame = _as_frame(X)
    names = frame.columns
    if len(names) not in (2, 3):
        user, item = suggested_pair(names) or ("user", "item")
        raise ValueError(
            f"X has {len(names)} columns, {names}, but must have 2: user id and item id, or 3 with a weight. Select "
            f"the columns in this order, for example X.select({user!r}, {item!r})."
        )
    if are_swapped(names):
        raise ValueError(
            f"The columns of X are {names[0]!r}, {names[1]!r}: users come first. Write "
            f"X.select({names[1]!r}, {names[0]!r}); if {names[0]!r} does contain users, rename the columns."
        )
    if len(names) == 3 and (is_time(names[2]) or third_is_id(names)):
        user, item = suggested_pair(names) or names[:2]
        raise ValueError(
            f"The third column of X is {names[2]!r}, {'a time' if is_time(names[2]) else 'an id'}, but a third column "
            f"weights the rows in training. Write X.select({user!r}, {item!r}); if {names[2]!r} does contain weights, "
            f"rename it."
        )
    table = frame.toDF(*ROLES[: len(names)])  # by position: two columns may have the same name
    for role, name in zip(ROLES, names, strict=False):
        table = table.withColumn(role, _typed(table, role, f"column {name!r} of X"))
    if len(names) == 2:
        table = table.withColumn("strength", F.lit(1.0))
    _refuse_bad_row(table, names)
    return table.where(F.col("strength") > 0)


def query_ids(ids: Any, name: str, known: DataType, session: SparkSession) -> DataFrame:
    """Convert the ids in a query to a DataFrame with one column, whose name is `name` and whose type is `known`.

    The ids may be passed as a list or as a DataFrame with one column.
    """
    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F

    if isinstance(ids, DataFrame):
        if len(ids.columns) != 1:
            raise ValueError(
                f"{name}s has the columns {ids.columns}, but must have one column, of ids: write "
                f"{name}s.select({ids.columns[0]!r})."
            )
        frame = ids.toDF(name)
        frame = frame.select(_typed(frame, name, f"column {ids.columns[0]!r} of {name}s").alias(name))
        if frame.where(F.col(name).isNull()).head() is not None:
            raise ValueError(f"{name}s contains a missing id (null). Drop it with {name}s.dropna().")
    else:
        column = check_id_list(ids, name)
        kind = "string" if column.ids.dtype == object else "bigint"
        if not len(column.ids):
            kind = known.simpleString()
        # Spark does not accept numpy scalars, so the ids are converted to plain Python values.
        frame = session.createDataFrame([(value,) for value in column.ids[column.codes].tolist()], f"{name} {kind}")
    if frame.schema[name].dataType != known:
        raise ValueError(
            f"The {name} ids of the query are of type {frame.schema[name].dataType.simpleString()}, but the model was "
            f"fitted on ids of type {known.simpleString()}. Convert them to one type."
        )
    return frame


def _as_frame(X: Any) -> DataFrame:
    from pyspark.sql import DataFrame, SparkSession

    if isinstance(X, DataFrame):
        return X
    if isinstance(X, str | Path):
        return SparkSession.builder.getOrCreate().read.parquet(str(X))
    raise TypeError(
        f"X must be a Spark DataFrame or the path of Parquet files, got {type(X).__name__}. Convert a frame with "
        f"spark.createDataFrame(X), or fit a WRMFRecommender, which is faster for data that fit in memory."
    )


def _typed(table: DataFrame, role: str, where: str) -> Column:
    """Cast a column of ids to bigint or string, or a column of strengths to double.

    The argument `where` describes the column in error messages.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import NumericType, StringType

    dtype = table.schema[role].dataType
    kind = dtype.simpleString()
    if role == "strength":
        if not isinstance(dtype, NumericType):
            raise TypeError(f"The weights in {where} must be numbers, but are of type {kind}. Leave them out, or cast.")
        return F.col(role).cast("double")
    if isinstance(dtype, StringType):
        return F.col(role)
    if id_kind(kind) != "integers":  # integers stored as floats are accepted in tables and Parquet files only
        raise TypeError(wrong_type(role, where, kind, _conversion(kind)))
    return F.col(role).cast("bigint")


def _conversion(kind: str) -> str:
    if kind.startswith("array"):
        return "Each row is one interaction: write one row per id with F.explode"
    if kind == "binary":
        return "Decode it with F.decode(column, 'utf-8')"
    if kind == "float":
        return "Read them as integers from their source: floats beyond 2**24 do not represent every integer"
    return "Convert them, for example with .cast('bigint')"


def _refuse_bad_row(table: DataFrame, names: list[str]) -> None:
    """Raise a ValueError if a row has a missing id, a blank id or an invalid strength."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType

    limits = np.finfo(np.float32)
    strength = F.col("strength")
    # Spark treats NaN as larger than any number, so NaN is not between the limits.
    usable = (strength == 0) | strength.between(float(limits.tiny), float(limits.max))
    good = F.col("user").isNotNull() & F.col("item").isNotNull() & usable
    for role in ROLES[:2]:
        if isinstance(table.schema[role].dataType, StringType):
            good &= ~F.col(role).rlike(BLANK)
    row = table.where(~F.coalesce(good, F.lit(False))).head()
    if row is None:
        return
    shown = ", ".join(f"{role} {show_id(row[role])}" for role in ROLES)
    for role, name in zip(ROLES[:2], names, strict=False):
        where = f"column {name!r} of X (for example in the row of {shown})"
        if row[role] is None:
            raise ValueError(missing_id(role, where, "null", "drop such rows with X.dropna()"))
        if isinstance(row[role], str) and not row[role].strip():
            raise ValueError(blank_id(row[role], role, where))
    if row["strength"] is None:
        raise ValueError(
            f"The weight in column {names[2]!r} of X is missing (null), for example in the row of {shown}. Drop such "
            f"rows with X.dropna()."
        )
    raise ValueError(
        f"The weights in column {names[2]!r} of X must be 0, for 'no interaction', or between {limits.tiny:.2g} and "
        f"{limits.max:.2g}, got {show_id(row['strength'])} in the row of {shown}. Drop such rows, or scale the weights."
    )
