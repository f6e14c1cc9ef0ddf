"""Interactions in row numbers: Spark's ALS wants ids that are 32-bit integers."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["CodedInteractions", "code_interactions"]


@dataclass(frozen=True)
class CodedInteractions:
    """Interactions by row number. Ids are numbered in sorted order, as rows of a local model are.

    Attributes
    ----------
    ids : dict of str to DataFrame
        Of "user" and of "item": columns id and code.
    counts : dict of str to int
        Number of users and of items.
    strengths : DataFrame
        Columns user_code, item_code and strength (float), one row per pair.
    n_interactions : int
        Number of its rows.
    """

    ids: dict[str, DataFrame]
    counts: dict[str, int]
    strengths: DataFrame
    n_interactions: int


def code_interactions(table: DataFrame, persisted: ExitStack) -> CodedInteractions:
    """Number the ids of checked interactions and sum the strengths of each pair.

    What is kept in the cluster is released when `persisted` closes.
    """
    from pyspark.sql import functions as F

    ids, counts, coded = {}, {}, table
    for name in ("user", "item"):
        ids[name], counts[name] = _numbered(table.select(F.col(name).alias("id")), persisted)
        codes = ids[name].select(F.col("id").alias(name), F.col("code").alias(f"{name}_code"))
        coded = coded.join(codes, name)
    # Summed in double, kept in float, as in a local model.
    strength = F.sum("strength").cast("float").alias("strength")
    strengths = _persist(coded.groupBy("user_code", "item_code").agg(strength), persisted)
    return CodedInteractions(ids, counts, strengths, strengths.count())


def _numbered(ids: DataFrame, persisted: ExitStack) -> tuple[DataFrame, int]:
    """Distinct ids with their row numbers in sorted order, and how many there are.

    Only the sizes of partitions visit the driver; an indexer's list of all ids would.
    """
    from pyspark.sql import functions as F

    ordered = ids.distinct().sort("id")
    # Of an RDD, unlike of a plan, the same rows are in the same partitions whenever they are computed anew.
    numbered = ordered.rdd.zipWithIndex().map(lambda pair: (pair[0][0], pair[1]))
    frame = ids.sparkSession.createDataFrame(numbered, f"id {ids.schema['id'].dataType.simpleString()}, code bigint")
    frame = _persist(frame.select("id", F.col("code").cast("int")), persisted)
    return frame, frame.count()


def _persist(frame: DataFrame, persisted: ExitStack) -> DataFrame:
    frame = frame.persist()
    persisted.callback(frame.unpersist)
    return frame
