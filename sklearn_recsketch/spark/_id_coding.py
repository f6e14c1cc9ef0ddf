"""Integer codes for the ids of interactions in Spark, whose ALS accepts 32-bit integers only."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["CodedInteractions", "code_interactions"]


@dataclass(frozen=True)
class CodedInteractions:
    """Interactions with ids replaced by codes. Codes number the sorted ids, like the rows of a local model.

    Attributes
    ----------
    ids : dict of str to DataFrame
        For "user" and "item": a DataFrame with the columns id and code.
    counts : dict of str to int
        For "user" and "item": the number of ids.
    strengths : DataFrame
        Columns user_code, item_code and strength (float), one row per pair.
    n_interactions : int
        Number of rows of `strengths`.
    """

    ids: dict[str, DataFrame]
    counts: dict[str, int]
    strengths: DataFrame
    n_interactions: int


def code_interactions(table: DataFrame, persisted: ExitStack) -> CodedInteractions:
    """Number the ids of checked interactions and sum the strengths of each pair.

    Persisted DataFrames are released when `persisted` closes.
    """
    from pyspark.sql import functions as F

    ids, counts, coded = {}, {}, table
    for name in ("user", "item"):
        ids[name], counts[name] = _numbered(table.select(F.col(name).alias("id")), persisted)
        codes = ids[name].select(F.col("id").alias(name), F.col("code").alias(f"{name}_code"))
        coded = coded.join(codes, name)
    # Summed in double and stored in float, as in a local model.
    strength = F.sum("strength").cast("float").alias("strength")
    strengths = _persist(coded.groupBy("user_code", "item_code").agg(strength), persisted)
    return CodedInteractions(ids, counts, strengths, strengths.count())


def _numbered(ids: DataFrame, persisted: ExitStack) -> tuple[DataFrame, int]:
    """Distinct ids with their row numbers in sorted order, and their number.

    Only the sizes of partitions are sent to the driver. StringIndexer would send all ids.
    """
    from pyspark.sql import functions as F

    ordered = ids.distinct().sort("id")
    # Recomputing an RDD, unlike a query plan, puts the same rows into the same partitions.
    numbered = ordered.rdd.zipWithIndex().map(lambda pair: (pair[0][0], pair[1]))
    frame = ids.sparkSession.createDataFrame(numbered, f"id {ids.schema['id'].dataType.simpleString()}, code bigint")
    frame = _persist(frame.select("id", F.col("code").cast("int")), persisted)
    return frame, frame.count()


def _persist(frame: DataFrame, persisted: ExitStack) -> DataFrame:
    frame = frame.persist()
    persisted.callback(frame.unpersist)
    return frame
