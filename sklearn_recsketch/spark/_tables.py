"""The data contract for Spark: what a DataFrame of interactions or of ids must look like, and every error about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch._data.column_names import are_swapped, is_time, suggested_pair, third_is_id
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.utils._extras import import_extra

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import DataType

__all__ = ["asked_ids", "read_interactions", "require_pyspark"]

ROLES = ("user", "item", "strength")
BLANK = r"(?U)^\s*$"
WHOLE = {"tinyint", "smallint", "int", "bigint"}


def require_pyspark() -> None:
    """An error that says what to install where pyspark is missing."""
    import_extra("pyspark.sql", "spark", "SparkWRMFRecommender needs pyspark")


def read_interactions(X: Any) -> DataFrame:
    """Checked interactions: columns user, item (bigint or string) and strength (double, positive).

    Parameters
    ----------
    X : pyspark.sql.DataFrame, str or Path
        User, item and, optionally, weight columns by position; or where Parquet files with them are.

    Raises
    ------
    TypeError, ValueError
        With the column, the rule, an example row and what to write instead.
    """
    from pyspark.sql import functions as F

    frame = _as_frame(X)
    names = frame.columns
    if len(names) not in (2, 3):
        user, item = suggested_pair(names) or ("user", "item")
        raise ValueError(
            f"X has {len(names)} columns, {names}, but must have 2: user id and item id, or 3 with a weight. Select "
            f"them in this order, for example X.select({user!r}, {item!r})."
        )
    if are_swapped(names):
        raise ValueError(
            f"The columns of X are {names[0]!r}, {names[1]!r}: users come first. Write "
            f"X.select({names[1]!r}, {names[0]!r}); if {names[0]!r} does hold the users, rename the columns."
        )
    if len(names) == 3 and (is_time(names[2]) or third_is_id(names)):
        user, item = suggested_pair(names) or names[:2]
        raise ValueError(
            f"The third column of X is {names[2]!r}, {'a time' if is_time(names[2]) else 'an id'}, but a third column "
            f"weights the rows in training. Write X.select({user!r}, {item!r}); if {names[2]!r} does hold weights, "
            f"rename it."
        )
    table = frame.toDF(*ROLES[: len(names)])  # by position: two columns may have the same name
    for role, name in zip(ROLES, names, strict=False):
        table = table.withColumn(role, _typed(table, role, f"The {_called(role)} column {name!r} of X"))
    if len(names) == 2:
        table = table.withColumn("strength", F.lit(1.0))
    _refuse_bad_row(table, names)
    return table.where(F.col("strength") > 0)


def asked_ids(ids: Any, name: str, known: DataType, session: SparkSession) -> DataFrame:
    """Ids of a query, a list or a DataFrame of one column, as a DataFrame with a column `name` of the `known` type."""
    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F

    if isinstance(ids, DataFrame):
        if len(ids.columns) != 1:
            raise ValueError(
                f"{name}s has the columns {ids.columns}, but must have one, of ids: write "
                f"{name}s.select({ids.columns[0]!r})."
            )
        frame = ids.toDF(name)
        frame = frame.select(_typed(frame, name, f"The column {ids.columns[0]!r} of {name}s").alias(name))
        if frame.where(F.col(name).isNull()).head() is not None:
            raise ValueError(f"{name}s has an id that is missing (null): drop it with {name}s.dropna().")
    else:
        column = check_id_list(ids, name)
        kind = "string" if column.ids.dtype == object else "bigint"
        if not len(column.ids):
            kind = known.simpleString()
        # Named tuples of plain values: rows of numpy scalars are refused.
        frame = session.createDataFrame([(value,) for value in column.ids[column.codes].tolist()], f"{name} {kind}")
    if frame.schema[name].dataType != known:
        raise ValueError(
            f"The {name} ids asked for are of type {frame.schema[name].dataType.simpleString()}, but those the model "
            f"was fitted on of type {known.simpleString()}. Convert them to one type."
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
        f"spark.createDataFrame(X), or fit a WRMFRecommender: what fits one machine's memory trains faster there."
    )


def _typed(table: DataFrame, role: str, what: str) -> Column:
    """The column as ids (bigint or string) or as a strength (double)."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import NumericType, StringType

    dtype = table.schema[role].dataType
    if role == "strength":
        if not isinstance(dtype, NumericType):
            raise TypeError(f"{what} must be numbers, but is of type {dtype.simpleString()}. Leave it out, or cast it.")
        return F.col(role).cast("double")
    if isinstance(dtype, StringType):
        return F.col(role)
    if dtype.simpleString() not in WHOLE:
        raise TypeError(
            f"{what} is of type {dtype.simpleString()}, but ids must be integers or strings. {_conversion(dtype)}."
        )
    return F.col(role).cast("bigint")


def _conversion(dtype: DataType) -> str:
    kind = dtype.simpleString()
    if kind.startswith("array"):
        return "Each row is one interaction: write one row per id with F.explode"
    if kind == "binary":
        return "Decode it with F.decode(column, 'utf-8')"
    if kind == "float":
        return "Read it as integers where it comes from: beyond 2**24 several integers become one float"
    return "Convert it, for example with .cast('bigint')"


def _refuse_bad_row(table: DataFrame, names: list[str]) -> None:
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType

    limits = np.finfo(np.float32)
    strength = F.col("strength")
    # NaN is larger than any number to Spark, so it is not between.
    usable = (strength == 0) | strength.between(float(limits.tiny), float(limits.max))
    good = F.col("user").isNotNull() & F.col("item").isNotNull() & usable
    for role in ROLES[:2]:
        if isinstance(table.schema[role].dataType, StringType):
            good &= ~F.col(role).rlike(BLANK)
    row = table.where(~F.coalesce(good, F.lit(False))).head()
    if row is None:
        return
    shown = ", ".join(f"{role} {show_id(row[role])}" for role in ROLES)
    for role, name in zip(ROLES, names, strict=False):
        if row[role] is None:
            raise ValueError(
                f"The {_called(role)} column {name!r} of X has a missing value (null), for example in the row of "
                f"{shown}. Drop such rows with X.dropna()."
            )
    for role, name in zip(ROLES[:2], names, strict=False):
        if isinstance(row[role], str) and not row[role].strip():
            raise ValueError(
                f"The {_called(role)} column {name!r} of X has a blank id, {row[role]!r}, for example in the row of "
                f"{shown}. Drop such rows, or give them an id of their own, for example 'unknown'."
            )
    raise ValueError(
        f"The weight column {names[2]!r} of X must be 0, for 'no interaction', or between {limits.tiny:.2g} and "
        f"{limits.max:.2g}; it is {show_id(row['strength'])} in the row of {shown}. Drop such rows, or scale "
        f"the weights."
    )


def _called(role: str) -> str:
    return "weight" if role == "strength" else f"{role} id"
